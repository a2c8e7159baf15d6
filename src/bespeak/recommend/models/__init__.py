"""Every recommender by its name: what it takes, how it is fitted, how it is read back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bespeak.errors import NotFound
from bespeak.recommend.base import Model, Parameters, checked
from bespeak.recommend.histories import Interactions
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.mathematics.updating import Updated
from bespeak.recommend.models.als import Als, AlsParameters, fit_als
from bespeak.recommend.models.blend import Blend, BlendParameters, fit_blend
from bespeak.recommend.models.ease import Ease, EaseParameters, fit_ease
from bespeak.recommend.models.frequency import Frequency, FrequencyParameters, fit_frequency
from bespeak.recommend.models.graph import Graph, GraphParameters, fit_graph
from bespeak.recommend.models.item_knn import (
    ItemKnn,
    fit_item_knn,
    fit_item_knn_where,
    updated_item_knn,
)
from bespeak.recommend.models.popular import Popular, PopularParameters, fit_popular
from bespeak.recommend.models.rp3beta import (
    Rp3Beta,
    Rp3BetaParameters,
    fit_rp3beta,
    fit_rp3beta_where,
    updated_rp3beta,
)
from bespeak.recommend.models.session_knn import SessionKnn, SessionKnnParameters, fit_session_knn
from bespeak.recommend.models.sparse_ease import SparseEase, SparseEaseParameters, fit_sparse_ease
from bespeak.recommend.models.tifu_knn import TifuKnn, TifuKnnParameters, fit_tifu_knn
from bespeak.recommend.models.transitions import Transitions, TransitionsParameters, fit_transitions
from bespeak.recommend.models.user_knn import UserKnn, UserKnnParameters, fit_user_knn
from bespeak.recommend.texts import Ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine


@dataclass(frozen=True)
class Kind:
    """One family of models.

    fit_where : the same model from rows that stay in an engine, where there is such a way
    updated   : the same model from one of earlier interactions, and what had changed; where there
                is such a way, and None where it would be no quicker
    """

    parameters: type[Parameters]
    fit: Callable[[Interactions, Any], Model]
    load: Callable[[Path], Model]
    fit_where: Callable[[Engine, ir.Table, Ids, Any], Model] | None = None
    updated: Callable[[Any, Interactions, Interactions], tuple[Model, Updated] | None] | None = None


MODELS: Mapping[str, Kind] = {
    "popular": Kind(PopularParameters, fit_popular, Popular.load),
    "frequency": Kind(FrequencyParameters, fit_frequency, Frequency.load),
    "item_knn": Kind(
        ItemKnnParameters, fit_item_knn, ItemKnn.load, fit_item_knn_where, updated_item_knn
    ),
    "rp3beta": Kind(
        Rp3BetaParameters, fit_rp3beta, Rp3Beta.load, fit_rp3beta_where, updated_rp3beta
    ),
    "ease": Kind(EaseParameters, fit_ease, Ease.load),
    "sparse_ease": Kind(SparseEaseParameters, fit_sparse_ease, SparseEase.load),
    "graph": Kind(GraphParameters, fit_graph, Graph.load),
    "als": Kind(AlsParameters, fit_als, Als.load),
    "user_knn": Kind(UserKnnParameters, fit_user_knn, UserKnn.load),
    "tifu_knn": Kind(TifuKnnParameters, fit_tifu_knn, TifuKnn.load),
    "transitions": Kind(TransitionsParameters, fit_transitions, Transitions.load),
    "session_knn": Kind(SessionKnnParameters, fit_session_knn, SessionKnn.load),
    "blend": Kind(
        BlendParameters,
        lambda interactions, parameters: fit_blend(interactions, parameters, fit),
        lambda folder: Blend.load(folder, load),
    ),
}


def kind_of(name: str) -> Kind:
    """The family called `name`.

    raises : NotFound, with the names there are
    """
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=1)
        raise NotFound(
            f"there is no model `{name[:80]}`", expected=", ".join(MODELS),
            next_step=f"Did you mean `{near[0]}`?" if near else None,
        )  # fmt: skip
    return MODELS[name]


def parameters_of(name: str, given: Mapping[str, Any] | None = None) -> Parameters:
    """The checked parameters of a model; what is not given has its default.

    raises : NotFound; ConfigInvalid, naming the key, what was found and what was expected
    """
    found = checked(kind_of(name).parameters, name, given or {})
    if isinstance(found, BlendParameters):
        for part in found.parts:
            parameters_of(part.model, part.parameters)
    return found


def fit(
    name: str, interactions: Interactions, parameters: Mapping[str, Any] | None = None
) -> Model:
    """A model of the family `name`, fitted: where the rows are stored, if they say so and it can.

    raises : as `parameters_of`
    """
    kind, checked, stored = kind_of(name), parameters_of(name, parameters), interactions.stored
    if kind.fit_where is not None and stored is not None and stored.counts:
        return kind.fit_where(stored.engine, stored.table, interactions.items, checked)
    return kind.fit(interactions, checked)


def updated(
    name: str, folder: Path, before: Interactions, now: Interactions
) -> tuple[Model, Updated] | None:
    """The model that `fit` finds in `now`, from the one saved in `folder`, which it found in
    `before`; and what had changed.

    None where that family has no such way, or a fit from nothing is quicker.
    raises : NotFound; ArtifactCorrupt
    """
    kind = kind_of(name)
    return kind.updated(kind.load(folder), before, now) if kind.updated is not None else None


def counts_in(name: str, interactions: Interactions) -> Literal["memory", "engine"]:
    """Where `fit` adds up what the model needs; the model is the same.

    raises : NotFound
    """
    stored = interactions.stored
    there = kind_of(name).fit_where is not None and stored is not None and stored.counts
    return "engine" if there else "memory"


def load(name: str, folder: Path) -> Model:
    """A model that was saved in `folder`, mapped.

    raises : NotFound; ArtifactCorrupt
    """
    return kind_of(name).load(folder)


def needs(names: Sequence[str], parameters: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """What an engine must be able to do to fit these models, each with its own settings.

    raises : as `parameters_of`
    """
    return frozenset[str]().union(*(_needs(name, parameters.get(name)) for name in names))


def _needs(name: str, given: Mapping[str, Any] | None) -> frozenset[str]:
    found = parameters_of(name, given)
    if isinstance(found, BlendParameters):
        return frozenset[str]().union(*(_needs(p.model, p.parameters) for p in found.parts))
    return found.needs
