"""How the model that answers makes one list: by itself, or, where that is slow, by item lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bespeak import recommend
from bespeak.artifacts import EVALUATION, HISTORIES, MODELS, SERVED
from bespeak.flow.running import Flow


def make_served(flow: Flow, *, k: int) -> None:
    """The served form of the model that the evaluation chose, if it was fitted.

    Whether there is one follows from the clock, and so only the manifest's numbers and the presence
    of the lists can differ from run to run, never what is in them.

    k : of the lists that are timed
    """
    evaluation = flow.versions[EVALUATION]
    name: str = evaluation.manifest["served"]
    fitted = flow.versions.get(f"{MODELS}/{name}")
    if fitted is None:  # who named it in bespeak.toml hears of that when the shop is opened
        return

    def make(folder: Path) -> Mapping[str, Any]:
        known = recommend.Interactions.load(flow.versions[HISTORIES].path)
        model = recommend.load(name, fitted.path)
        kept, seed = _kept(evaluation.path, name), flow.config.workspace.seed
        form = recommend.choose_form(model, known, k, kept=kept, seed=seed)
        if form.lists is not None:
            form.lists.save(folder)
        return {"model": name, "answers_by": form.name, **form.said}

    inputs = flow.of(fitted.key, EVALUATION, HISTORIES)
    kind, _, last = SERVED.rpartition("/")
    flow.build(kind, last, inputs=inputs, code=("recommend",), make=make)


def _kept(folder: Path, name: str) -> float | None:
    """What the item lists kept of the model's NDCG on the validation part, if it was measured."""
    found = json.loads((folder / "evaluation.json").read_text("utf-8"))
    for row in found["validation"]:
        if row["model"] == name and row["by_lists"] is not None:
            kept: float | None = row["by_lists"]["kept"]
            return kept
    return None
