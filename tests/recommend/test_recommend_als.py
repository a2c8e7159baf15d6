from __future__ import annotations

from typing import ClassVar

from contracts.recommender import RecommenderContract


class TestAls(RecommenderContract):
    name = "als"
    personal = True
    parameters: ClassVar = {"factors": 4}


class TestAlsPlain(RecommenderContract):
    name = "als"
    personal = True
    parameters: ClassVar = {"factors": 16, "frequency": 0.0, "regularization": 0.1, "alpha": 3.0}
