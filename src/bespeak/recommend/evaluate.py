"""One honest table: accuracy with intervals, variety, seconds and memory of any models."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bespeak.errors import BadRequest
from bespeak.recommend import metrics
from bespeak.recommend.base import Model, Ranked, blocks
from bespeak.recommend.files import interactions_of, read_rows
from bespeak.recommend.histories import Flags, Histories, Index, Interactions
from bespeak.recommend.models import fit, parameters_of
from bespeak.recommend.owned import owned
from bespeak.recommend.splits import Held, hold, new_to

MOST = 1000
"""The longest list."""
BLOCK = 1 << 16
"""Customers who are asked for at once."""


def evaluate(
    train: Interactions,
    held: Held,
    models: Sequence[str],
    *,
    k: int = 20,
    repeat: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    categories: Index | None = None,
    seed: int = 7,
) -> dict[str, Any]:
    """Fit each model on `train` and rank all items for every customer of `held`.

    repeat     : whether lists may hold what a customer has in `train` (next basket). Otherwise
                 what is `owned` is neither recommended nor relevant
    parameters : model -> its settings, defaults where there are none
    categories : per item, for diversity; by default by who has what
    returns    : {"k", "repeat", "items", "models": [{"name", "recall@k", "recall@k_ci": [low, high]
                 and so for ndcg, mrr, hit, map; "coverage@k", "novelty@k", "diversity@k", "fit_s",
                 "score_s", "peak_rss_mb", "peak_rss_of", "customers", "parameters"}]}, in the order
                 asked for. A customer without history is measured too
    raises     : BadRequest on k, or where nobody has a test item; NotFound; ConfigInvalid
    """
    checked_k(k)
    for name in models:  # before the first minute is spent
        parameters_of(name, (parameters or {}).get(name))
    held = held if repeat else new_to(held, train)
    histories = train.histories.take(held.customers)
    out = None if repeat else owned(histories, buys=train.buys, as_of=train.as_of)
    rows = []
    for name in models:
        whole = _peak_from_here()
        started = time.perf_counter()
        model = fit(name, train, (parameters or {}).get(name))
        fitted = time.perf_counter()
        ranked = ranked_in_blocks(model, histories, k, exclude=out)
        scored = time.perf_counter()
        row: dict[str, Any] = {"name": name}
        row |= _accuracy(ranked, held, len(train.items), k, seed)
        row |= {
            f"coverage@{k}": metrics.coverage(ranked, len(train.items)),
            f"novelty@{k}": metrics.novelty(ranked, train),
            f"diversity@{k}": metrics.diversity(ranked, train, categories, seed=seed),
            "fit_s": round(fitted - started, 3),
            "score_s": round(scored - fitted, 3),
            "peak_rss_mb": _peak_mb(),
            "peak_rss_of": "process" if whole else "model",
            "customers": len(held),
            "parameters": msgspec.to_builtins(model.parameters),
        }
        rows.append(row)
    return {"k": k, "repeat": repeat, "items": len(train.items), "models": rows}


def evaluate_files(
    train: Path,
    test: Path,
    models: Sequence[str],
    *,
    k: int = 20,
    repeat: bool = False,
    half_life_days: float | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 7,
) -> dict[str, Any]:
    """`evaluate` on a given train and test file.

    raises : as `read_rows` and `evaluate`
    """
    known = interactions_of(read_rows(train), half_life_days=half_life_days)
    wanted = read_rows(test)
    held = hold(known, wanted.customers, wanted.items)
    return evaluate(known, held, models, k=k, repeat=repeat, parameters=parameters, seed=seed)


def choose(evaluation: Mapping[str, Any]) -> str:
    """The best model of an evaluation on a validation part: by NDCG, then as they were asked for.

    raises : BadRequest where there is no model
    """
    if not evaluation["models"]:
        raise BadRequest("there is no model to choose from")
    measure = f"ndcg@{evaluation['k']}"
    best: str = max(evaluation["models"], key=lambda row: row[measure])["name"]
    return best


def ranked_in_blocks(
    model: Model,
    histories: Histories,
    k: int,
    *,
    exclude: Histories | None = None,
    allow: Flags | None = None,
) -> Ranked:
    """Lists for many histories; only the lists stay."""
    parts = []
    for part in blocks(len(histories), BLOCK):
        rows = np.arange(part.start, part.stop)
        block, out = histories.take(rows), None if exclude is None else exclude.take(rows)
        parts.append(model.recommend(block, k, exclude=out, allow=allow))
    if not parts:
        return model.recommend(histories, k)
    return Ranked(
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.own for part in parts]),
    )


def checked_k(k: int) -> int:
    """k, if a list may be that long.

    raises : BadRequest
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
        raise BadRequest("k", found=str(k)[:40], expected=f"a whole number from 1 to {MOST}")
    return k


def _accuracy(ranked: Ranked, held: Held, items: int, k: int, seed: int) -> dict[str, Any]:
    values = metrics.accuracy(ranked, held, items, k)
    spans = metrics.intervals(values, seed=seed)
    row: dict[str, Any] = {}
    for name, each in values.items():
        row[name] = float(each.mean())
        row[f"{name}_ci"] = list(spans[name])
    return row


def _peak_from_here() -> bool:
    """Start the peak of resident memory anew where the system can; True where it can't."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return True
    return False


def _peak_mb() -> float:
    """Peak resident memory of this process, data and libraries included, in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
