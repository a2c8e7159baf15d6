"""One honest table: accuracy with intervals, variety, seconds and memory of any models."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bespeak.errors import BadRequest
from bespeak.recommend.answering.owned import owned
from bespeak.recommend.answering.served import Asked
from bespeak.recommend.answering.served import measured as one_by_one
from bespeak.recommend.base import Model, Ranked, blocks
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.conditions import conditions
from bespeak.recommend.evaluating.files import interactions_of, read_rows
from bespeak.recommend.evaluating.paired import compared
from bespeak.recommend.evaluating.sessions import is_sessions, read_prefixes, read_sessions
from bespeak.recommend.evaluating.slices import figures, slices
from bespeak.recommend.evaluating.splits import Held, hold, new_to, unowned
from bespeak.recommend.evaluating.spread import beside
from bespeak.recommend.histories import Flags, Histories, Index, Interactions
from bespeak.recommend.models import fit, parameters_of

MOST = 1000
"""The longest list."""
USUAL = ("popular", "item_knn", "graph", "als")
USUAL_OF_SESSIONS = ("popular", "item_knn", "transitions", "session_knn")
BLOCK = 1 << 16
"""Customers who are asked for at once."""
ALONE = 1000
"""So many, drawn, are also asked for one by one where a model is slow at that."""


@dataclass(frozen=True)
class Entry:
    """A line of the table: a model with its settings, and what to call it."""

    name: str
    model: str
    parameters: Mapping[str, Any]


def evaluate(  # noqa: PLR0913 - each says what is measured, and most are left as they are
    train: Interactions,
    held: Held,
    models: Sequence[str | Entry],
    *,
    k: int = 20,
    repeat: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    categories: Index | None = None,
    by: Sequence[str] = (),
    seed: int = 7,
) -> dict[str, Any]:
    """Fit each model on `train` and rank all items for every customer of `held`.

    repeat     : whether lists may hold what a customer has in `train` (next basket). Otherwise
                 what is `owned` is neither recommended nor relevant
    parameters : model -> its settings, defaults where there are none; an Entry has its own
    categories : per item, for diversity; by default by who has what
    by         : tell figures apart by these; see `slices`
    returns    : {"k", "repeat", "items", what `conditions` says, "new_customers", "leaks" (see
                 `leaked`), "tests" (see `compared`; of NDCG and recall), "models": [{"name",
                 "model", "recall@k", "recall@k_ci": [low, high] and so for ndcg, mrr, hit, map,
                 coverage, novelty, diversity, gini, ips_recall (see `beside`); "fit_s", "score_s",
                 "lists_per_s", "peak_rss_mb", "peak_rss_of", "customers", "parameters", "list_ms",
                 "by_lists" (see `served.measured`), and with `by` "slices"}]}, in the order asked
                 for. Who has no history is measured too
    raises     : BadRequest on k or `by`, or where nobody has a test item; NotFound; ConfigInvalid
    """
    checked_k(k)
    entries = [_entry(model, parameters or {}) for model in models]
    for entry in entries:  # before the first minute is spent
        parameters_of(entry.model, entry.parameters)
    leaks = leaked(train, held, repeat=repeat)
    held = held if repeat else new_to(held, train)
    histories = held.known(train)
    out = None if repeat else owned(histories, buys=train.buys, as_of=train.as_of)
    parts = slices(by, train, held, histories)
    drawn = _drawn(train, held, seed, repeat=repeat)
    rows, values = [], {}
    for entry in entries:
        row, ranked, model = _measured(entry, train, histories, out, k)
        each = metrics.accuracy(ranked, held, len(train.items), k)
        row |= _with_intervals(each, seed) | beside(ranked, held, train, k, categories, seed)
        row |= one_by_one(model, train, drawn, k)
        row["customers"] = len(held)
        if by:
            row["slices"] = figures(parts, ranked, held, len(train.items), k, seed=seed)
        rows.append(row)
        values[entry.name] = each
    return {
        "k": k, "repeat": repeat, "items": len(train.items), **conditions(train, held, seed),
        "new_customers": int((histories.lengths == 0).sum()), "leaks": leaks,
        "tests": compared(values, [f"ndcg@{k}", f"recall@{k}"], seed=seed), "models": rows,
    }  # fmt: skip


def _entry(model: str | Entry, parameters: Mapping[str, Mapping[str, Any]]) -> Entry:
    if isinstance(model, Entry):
        return model
    return Entry(model, model, parameters.get(model, {}))


def _measured(
    entry: Entry, train: Interactions, histories: Histories, exclude: Histories | None, k: int
) -> tuple[dict[str, Any], Ranked, Model]:
    """A model's lists, what they cost, and the model."""
    whole = _peak_from_here()
    started = time.perf_counter()
    model = fit(entry.model, train, entry.parameters)
    fitted = time.perf_counter()
    model.recommend(histories.take(np.arange(min(1, len(histories)))), k)  # compiled by now
    ready = time.perf_counter()
    ranked = ranked_in_blocks(model, histories, k, exclude=exclude)
    scored = time.perf_counter()
    row = {
        "name": entry.name,
        "model": entry.model,
        "fit_s": round(fitted - started, 3),
        "score_s": round(scored - ready, 3),
        "lists_per_s": round(len(histories) / max(scored - ready, 1e-9)),
        "peak_rss_mb": _peak_mb(),
        "peak_rss_of": "process" if whole else "model",
        "parameters": msgspec.to_builtins(model.parameters),
    }
    return row, ranked, model


def _drawn(train: Interactions, held: Held, seed: int, *, repeat: bool) -> Asked:
    """At most ALONE rows of `held`."""
    rows = np.unique(held.rows)
    if len(rows) > ALONE:
        rows = np.random.default_rng(seed).choice(rows, ALONE, replace=False)
    some = held.where(np.isin(held.rows, rows))
    histories = some.known(train)
    out = None if repeat else owned(histories, buys=train.buys, as_of=train.as_of)
    return Asked(histories, some, out)


def leaked(train: Interactions, held: Held, *, repeat: bool) -> dict[str, Any]:
    """Test pairs that the training part has: what was to be foretold is known.

    returns : {"pairs": all, "in_train": those known, "dropped": whether they are left out}
    """
    known = len(held.items) - int(unowned(held, held.known(train), len(train.items)).sum())
    return {"pairs": len(held.items), "in_train": known, "dropped": not repeat}


def evaluate_files(
    train: Path,
    test: Path,
    models: Sequence[str | Entry],
    *,
    k: int = 20,
    repeat: bool | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    by: Sequence[str] = (),
    seed: int = 7,
) -> dict[str, Any]:
    """`evaluate` on a given train and test file: interactions of both, or sessions of both.

    repeat  : by default a session may be offered what it has, and a customer may not
    returns : as `evaluate`, and "of", `sessions` or `customers`, and "files": their names; in
              "leaks" "early": test rows of a time before the latest of the training file, "timed":
              test rows that have a time
    raises  : as `read_rows` or `read_sessions`, and `evaluate`
    """
    sessions, early, timed = is_sessions(train) or is_sessions(test), 0, 0
    if sessions:
        known = read_sessions(train)
        held = read_prefixes(test, known)
    else:
        rows, wanted = read_rows(train), read_rows(test)
        known = interactions_of(rows)
        held = hold(known, wanted.customers, wanted.items, wanted.times if wanted.timed else None)
        if rows.timed and wanted.timed:
            early, timed = int((wanted.times < rows.times.max()).sum()), len(wanted)
    found = evaluate(
        known, held, models, k=k, repeat=sessions if repeat is None else repeat,
        parameters=parameters, by=by, seed=seed,
    )  # fmt: skip
    leaks = {**found["leaks"], "early": early, "timed": timed}
    of = "sessions" if sessions else "customers"
    return {**found, "leaks": leaks, "of": of, "files": {"train": train.name, "test": test.name}}


def usual_models(train: Path, test: Path) -> Sequence[str]:
    """What is measured on such files where nobody says what: models of few seconds each."""
    return USUAL_OF_SESSIONS if is_sessions(train) or is_sessions(test) else USUAL


def choose(evaluation: Mapping[str, Any]) -> str:
    """The best model of an evaluation on a validation part: by NDCG, then as they were asked for.

    raises : BadRequest where there is no model
    """
    if not evaluation["models"]:
        raise BadRequest("there is no model to choose from")
    measure = f"ndcg@{evaluation['k']}"
    best: str = max(evaluation["models"], key=lambda row: row[measure])["model"]
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


def _with_intervals(values: dict[str, metrics.Real], seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, span in metrics.intervals(values, seed=seed).items():
        row |= {name: float(values[name].mean()), f"{name}_ci": list(span)}
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
