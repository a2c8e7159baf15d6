"""Every recommender by its name: what it takes, how it is fitted, how it is read back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bespeak.errors import ConfigInvalid, NotFound
from bespeak.recommend.als import Als, AlsParameters, fit_als
from bespeak.recommend.base import Model, Parameters
from bespeak.recommend.frequency import Frequency, FrequencyParameters, fit_frequency
from bespeak.recommend.histories import Interactions
from bespeak.recommend.item_knn import ItemKnn, fit_item_knn
from bespeak.recommend.measure import ItemKnnParameters
from bespeak.recommend.popular import Popular, PopularParameters, fit_popular


@dataclass(frozen=True)
class Kind:
    """One family of models."""

    parameters: type[Parameters]
    fit: Callable[[Interactions, Any], Model]
    load: Callable[[Path], Model]


MODELS: Mapping[str, Kind] = {
    "popular": Kind(PopularParameters, fit_popular, Popular.load),
    "frequency": Kind(FrequencyParameters, fit_frequency, Frequency.load),
    "item_knn": Kind(ItemKnnParameters, fit_item_knn, ItemKnn.load),
    "als": Kind(AlsParameters, fit_als, Als.load),
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
    kind = kind_of(name)
    known = kind.parameters.__struct_fields__
    for key in given or {}:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigInvalid(
                f"recommend.parameters.{name}: key `{key}` is not known",
                expected=", ".join(known),
                next_step=f"Did you mean `{near[0]}`?" if near else None,
            )
    try:
        return msgspec.convert(dict(given or {}), kind.parameters)
    except msgspec.ValidationError as error:
        raise ConfigInvalid(f"recommend.parameters.{name}: {error}") from error


def fit(
    name: str, interactions: Interactions, parameters: Mapping[str, Any] | None = None
) -> Model:
    """A model of the family `name`, fitted.

    raises : as `parameters_of`
    """
    return kind_of(name).fit(interactions, parameters_of(name, parameters))


def load(name: str, folder: Path) -> Model:
    """A model that was saved in `folder`, mapped.

    raises : NotFound; ArtifactCorrupt
    """
    return kind_of(name).load(folder)
