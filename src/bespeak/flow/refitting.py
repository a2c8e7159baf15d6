"""A model fitted again: from the one before, where few histories changed, else from nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bespeak import recommend
from bespeak.artifacts import HISTORIES, MODELS
from bespeak.errors import ArtifactCorrupt
from bespeak.flow.running import Flow
from bespeak.workspace import Version, code_digest


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model, and what its manifest says of how it came about."""

    model: recommend.Model
    said: Mapping[str, Any]


def fit_again(
    flow: Flow, name: str, known: recommend.Interactions, parameters: Mapping[str, Any]
) -> Fitted:
    """The model of `known`: the same, whichever way it is made."""
    made = _from_before(flow, name, known, parameters)
    if made is None:
        return Fitted(recommend.fit(name, known, parameters), {"updated": None})
    return made


def _from_before(
    flow: Flow, name: str, known: recommend.Interactions, parameters: Mapping[str, Any]
) -> Fitted | None:
    """From the current version, if it is there whole and was made by the same settings and code."""
    if known.stored is not None:
        return None
    try:
        before, past = flow.workspace.find(f"{MODELS}/{name}"), flow.workspace.find(HISTORIES)
        if before is None or past is None or not _of_a_kind(before, parameters):
            return None
        if past.version != before.manifest["inputs"][HISTORIES]:
            return None
        flow.workspace.verify(before.key, HISTORIES)
    except ArtifactCorrupt:  # what is spoilt, or was deleted so that it be made anew, is no start
        return None
    made = recommend.updated(name, before.path, recommend.Interactions.load(past.path), known)
    if made is None:
        return None
    model, change = made
    said = {"from": before.version, "customers": change.customers, "items": change.items}
    return Fitted(model, {"updated": said})


def _of_a_kind(before: Version, parameters: Mapping[str, Any]) -> bool:
    same_code = before.manifest["code"]["digest"] == code_digest("recommend")
    return bool(same_code and before.manifest["inputs"]["parameters"] == dict(parameters))
