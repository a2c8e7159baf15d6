from __future__ import annotations

from typing import ClassVar

from contracts.recommender import RecommenderContract


class TestTransitions(RecommenderContract):
    name = "transitions"
    personal = True


class TestTransitionsWithTwoWitnesses(RecommenderContract):
    name = "transitions"
    personal = True
    parameters: ClassVar = {"least_common": 2, "own": 0.0, "item": 1.0}
