"""What to offer whom, and why: histories in, lists out.

`interactions` sums events where the rows are; `fit` makes a model of them; `evaluate` measures
models; a `Recommender` answers for one customer.
"""

from __future__ import annotations

from bespeak.recommend.answer import Recommender, open_recommender
from bespeak.recommend.catalogue import Catalogue, load_catalogue
from bespeak.recommend.evaluate import choose, evaluate, evaluate_files
from bespeak.recommend.histories import Histories, Interactions, rebuy_share
from bespeak.recommend.interactions import (
    interactions,
    latest,
    load_interactions,
    usual_places,
)
from bespeak.recommend.models import MODELS, fit, load
from bespeak.recommend.splits import before, foretold, load_held

__all__ = [
    "MODELS",
    "Catalogue",
    "Histories",
    "Interactions",
    "Recommender",
    "before",
    "choose",
    "evaluate",
    "evaluate_files",
    "fit",
    "foretold",
    "interactions",
    "latest",
    "load",
    "load_catalogue",
    "load_held",
    "load_interactions",
    "open_recommender",
    "rebuy_share",
    "usual_places",
]
