"""What a workspace can say of itself: the account of its rows, its tables, its runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bespeak.errors import ArtifactCorrupt, SourceUnreadable
from bespeak.workspace import SNAPSHOT, Version, Workspace, write_atomically

RUNS = "runs.json"
RUNS_KEPT = 50
SOURCES = "record/sources"
Document = dict[str, Any]


def status(workspace: Workspace, *, recount: bool = False) -> Document:
    """The account of every source, the rows of every table, and when the last run ended.

    recount : count the written Parquet again
    raises  : ArtifactCorrupt if a recount does not give what the manifests say
    """
    chosen = workspace.config().workspace
    sources = workspace.under(SOURCES)
    if recount:
        for version in sources:
            _recount(version)
    runs = past_runs(workspace)
    return {
        "workspace": chosen.name,
        "engine": chosen.engine,
        "as_of_run": runs[0]["at"] if runs else None,
        "recounted": recount,
        "account": [version.manifest["account"] for version in sources],
        "tables": _tables(workspace, sources),
        "megabytes": round(_bytes(workspace.root) / 1e6, 1),
        "served": served(workspace),
        "versions": workspace.current(),
        "runs": runs[:5],
    }


def served(workspace: Workspace) -> Document:
    """The state that servers read, the one to go back to, and the one that was gone back from.

    returns : version (of the snapshot; None before there is one), since, before, undone
    """
    state = workspace.state()
    before, undone = ((part or {}).get(SNAPSHOT) for part in (state.before, state.undone))
    version = state.versions.get(SNAPSHOT)
    return {"version": version, "since": state.at or None, "before": before, "undone": undone}


def _tables(workspace: Workspace, sources: list[Version]) -> dict[str, int]:
    """Rows of each table of the record over all sources, then of what the stages made."""
    counted: dict[str, int] = {}
    for version in sources:
        for folder in sorted(path for path in version.path.iterdir() if path.is_dir()):
            counted[folder.name] = counted.get(folder.name, 0) + rows_in(folder)
    made = [v for kind in ("record", "features") for v in workspace.under(kind)]
    for version in made:
        if not version.key.startswith(SOURCES) and (version.path / "rows").is_dir():
            counted[version.key] = rows_in(version.path / "rows")
    return counted


def rows_in(folder: Path) -> int:
    """Rows of the Parquet files below `folder`, by their footers."""
    return sum(rows_of(file) for file in folder.rglob("*.parquet"))


def rows_of(file: Path) -> int:
    """Rows of one Parquet file, by its footer.

    raises : SourceUnreadable
    """
    try:
        return int(pq.ParquetFile(file).metadata.num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            f"{file}: not readable as Parquet",
            next_step="Check the file, or set `format` for its source.",
        ) from error


def _recount(version: Version) -> None:
    """Compare one source's account with what its Parquet files hold."""
    account = version.manifest["account"]
    written = {
        "kept": rows_in(version.path / version.manifest["table"]),
        "merged": rows_in(version.path / "merged"),
        "quarantined": rows_in(version.path / "quarantine"),
    }
    said = {**{name: account[name] for name in ("kept", "merged")},
            "quarantined": sum(account["quarantined"].values())}  # fmt: skip
    if written != said or sum(written.values()) + account["erased"] != account["rows_in"]:
        raise ArtifactCorrupt(
            f"{version.path}: the written rows are not what the account says",
            found=str(written),
            expected=str(said),
            next_step="Delete that folder and run `bespeak run` again.",
        )


def quarantined(
    workspace: Workspace, *, source: str | None = None, reason: str | None = None, limit: int = 20
) -> list[Document]:
    """Up to `limit` rows that were not let in, in the order of the config's sources."""
    import pyarrow.dataset as ds

    rows: list[Document] = []
    for version in workspace.under(SOURCES):
        folder = version.path / "quarantine"
        if not folder.is_dir() or source not in {None, version.name}:
            continue
        held = ds.dataset(folder, format="parquet", partitioning=None)
        chosen = None if reason is None else pc.field("reason") == reason
        rows += held.head(limit - len(rows), filter=chosen).to_pylist()
    return rows


def past_runs(workspace: Workspace) -> list[Document]:
    """The latest runs, newest first."""
    path = workspace.root / RUNS
    found: list[Document] = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return found


def log_run(workspace: Workspace, run: Document) -> None:
    """Put `run` before the past ones."""
    runs = [run, *past_runs(workspace)][:RUNS_KEPT]
    write_atomically(workspace.root / RUNS, json.dumps(runs, indent=1).encode())


def _bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in _files(root))


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())
