"""How a search fits: what one try after another has in common is made once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bespeak.recommend.base import Model, checked
from bespeak.recommend.histories import Interactions
from bespeak.recommend.models import fit
from bespeak.recommend.models.graph import GraphParameters, Steps, fit_graph


class Sharing:
    """`models.fit`, with the same results: graphs that are tried one after another share the steps
    that their settings leave as they are. Kept until another model is fitted."""

    def __init__(self) -> None:
        self._steps = Steps()

    def __call__(self, name: str, known: Interactions, parameters: Mapping[str, Any]) -> Model:
        if name == "graph":
            return fit_graph(known, checked(GraphParameters, name, parameters), self._steps)
        self._steps = Steps()
        return fit(name, known, parameters)
