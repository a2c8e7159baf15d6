"""What to offer whom, and why: histories in, lists out.

`interactions` sums events where the rows are; `fit` makes a model of them; `evaluate` measures
models; a `Recommender` answers for one customer. `models` has a file for each kind, `mathematics`
what they share, `searching` finds the best for the data at hand, `evaluating` says how good it is,
and `answering` makes lists of it.
"""

from __future__ import annotations

from bespeak.recommend.answering.answer import NEWCOMERS, Latest, Recommender, open_recommender
from bespeak.recommend.answering.batch import SCHEMA as LISTS
from bespeak.recommend.answering.batch import recommend_all
from bespeak.recommend.answering.catalogue import Catalogue, load_catalogue
from bespeak.recommend.answering.current import load_newcomers
from bespeak.recommend.answering.filters import Filters
from bespeak.recommend.answering.served import LISTED, choose_form
from bespeak.recommend.answering.since import Counting, Since
from bespeak.recommend.base import Model, Said
from bespeak.recommend.evaluating.evaluate import (
    Entry,
    choose,
    evaluate,
    evaluate_files,
    usual_models,
)
from bespeak.recommend.evaluating.slices import ALL
from bespeak.recommend.evaluating.splits import Held, before, foretold, load_held, new_to
from bespeak.recommend.histories import Histories, Interactions, Stored, rebuy_share
from bespeak.recommend.interactions import (
    dismissed,
    interactions,
    latest,
    load_interactions,
    usual_places,
)
from bespeak.recommend.mathematics.gram import counts_where
from bespeak.recommend.models import MODELS, counts_in, fit, load, needs, updated
from bespeak.recommend.models.als_ratings import Rated, RatingsModel, fit_ratings, rmse
from bespeak.recommend.models.als_ratings import parameters_of as ratings_parameters
from bespeak.recommend.searching.auto import (
    AUTO,
    BUDGET_S,
    Choice,
    Terms,
    search,
    search_files,
    with_choice,
)
from bespeak.recommend.searching.carving import Trial, trial_of
from bespeak.recommend.searching.trying import Progress, Tell, Try

__all__ = [
    "ALL",
    "AUTO",
    "BUDGET_S",
    "LISTED",
    "LISTS",
    "MODELS",
    "NEWCOMERS",
    "Catalogue",
    "Choice",
    "Counting",
    "Entry",
    "Filters",
    "Held",
    "Histories",
    "Interactions",
    "Latest",
    "Model",
    "Progress",
    "Rated",
    "RatingsModel",
    "Recommender",
    "Said",
    "Since",
    "Stored",
    "Tell",
    "Terms",
    "Trial",
    "Try",
    "before",
    "choose",
    "choose_form",
    "counts_in",
    "counts_where",
    "dismissed",
    "evaluate",
    "evaluate_files",
    "fit",
    "fit_ratings",
    "foretold",
    "interactions",
    "latest",
    "load",
    "load_catalogue",
    "load_held",
    "load_interactions",
    "load_newcomers",
    "needs",
    "new_to",
    "open_recommender",
    "ratings_parameters",
    "rebuy_share",
    "recommend_all",
    "rmse",
    "search",
    "search_files",
    "trial_of",
    "updated",
    "usual_models",
    "usual_places",
    "with_choice",
]
