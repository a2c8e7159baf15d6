"""An evaluation in the one shape that pages, files and the API show it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bespeak import console
from bespeak.errors import BadRequest
from bespeak.workspace import write_atomically

MEASURES = (
    "recall", "ndcg", "mrr", "hit", "map", "ips_recall", "coverage", "novelty", "diversity", "gini",
)  # fmt: skip
SLICED = ("recall", "ndcg")
SAID = (
    "k", "repeat", "items", "of", "files", "seed", "made_at", "machine", "data", "new_customers",
    "leaks",
)  # fmt: skip
"""What is shown as `evaluate` has it, where it has it."""

Table = Mapping[str, Any]


def report(table: Table, search: Table | None = None) -> dict[str, Any]:
    """A table of `recommend.evaluate` with each measure's interval beside its value.

    search  : how `auto` chose; by default what the table itself says of it
    returns : the part of `serve.answers.Evaluation` that an evaluation alone makes
    """
    k, search = table["k"], search or table.get("search")
    return {
        **{name: table[name] for name in SAID if name in table},
        "metric": f"ndcg@{k}",
        "customers": max((model["customers"] for model in table["models"]), default=0),
        "models": [_model(model, k) for model in table["models"]],
        "tests": [_test(test) for test in table.get("tests", ())],
        "search": None if search is None else _search(search),
    }


def check_free(path: Path) -> None:
    """Refuse a place where no report can be put, before minutes are spent on one.

    raises : BadRequest
    """
    if path.is_dir():
        raise BadRequest(
            f"{path}: is a folder", expected="the name of a file to write",
            next_step=f"For example: --report {path / 'report.html'}",
        )  # fmt: skip
    if not path.parent.is_dir():
        raise BadRequest(
            f"{path}: there is no folder {path.parent}", next_step="Make it, or name another."
        )
    try:  # who may write there is best found by writing there
        write_atomically(path.with_name(f"{path.name}.tried"), b"")
        path.with_name(f"{path.name}.tried").unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def write_report(table: Table, path: Path) -> None:
    """The report as one page of HTML that needs nothing else; a report that is there is replaced.

    raises : BadRequest where nothing was measured, or it can't be written
    """
    if not table["models"]:
        raise BadRequest(
            "there is nothing to report: no known customer did anything on the days held back",
            next_step="Bring in more days, or give --train and --test.",
        )
    page = console.report_page(report(table))
    try:
        write_atomically(path, page.encode())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> BadRequest:
    return BadRequest(
        f"{path}: can't be written ({error.strerror})", next_step="Name a file that you may write."
    )


def _model(model: Table, k: int) -> dict[str, Any]:
    kept = ("name", "model", "customers", "fit_s", "score_s", "lists_per_s", "list_ms",
            "peak_rss_mb", "parameters")  # fmt: skip
    lists = model["by_lists"]
    return {
        **{key: model[key] for key in kept},
        "metrics": dict(_measures(model, MEASURES, k)),
        "by_lists": None
        if lists is None
        else {name: lists[name] for name in ("served_ms", "kept")},
        "slices": [dict(_slice(one, k)) for one in model.get("slices", ())],
    }


def _measures(row: Table, names: tuple[str, ...], k: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in (f"{name}@{k}" for name in names):
        low, high = row.get(f"{name}_ci") or (None, None)
        yield name, {"value": row[name], "low": low, "high": high}


def _slice(row: Table, k: int) -> Iterator[tuple[str, Any]]:
    yield "name", row["slice"]
    yield from ((key, value) for key, value in row.items() if "@" not in key and key != "slice")
    yield "metrics", dict(_measures(row, SLICED, k))


def _test(test: Table) -> dict[str, Any]:
    low, high = test["ci"] or (None, None)
    kept = {key: value for key, value in test.items() if key != "ci"}
    return {**kept, "low": low, "high": high}


def _search(search: Table) -> dict[str, Any]:
    """Every configuration that was tried, and the seconds that were gone when its figure was known.

    What was left out took none.
    """
    measure, gone, tried = search["measure"], 0.0, []
    for one in search["tried"]:
        gone += one.get("fit_s", 0.0) + one.get("score_s", 0.0)
        kept = ("model", "parameters", "state", "fit_s", "score_s", "because")
        figure = {"value": one.get(measure), "at_s": round(gone, 3)}
        tried.append({**{key: one[key] for key in kept if key in one}, **figure})
    said = ("chosen", "because", "held_back", "measure", "asked", "of", "budget_s", "search_s")
    final = [{"model": one["model"], "value": one[measure]} for one in search["final"]]
    return {**{key: search.get(key) for key in said}, "final": final, "tried": tried}
