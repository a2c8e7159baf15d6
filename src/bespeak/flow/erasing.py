"""People who were erased stay out: their rows are found in every file, counted, and left out.

A file of which nothing is left out goes the way it always did, under the same version: so an
erasure costs the work over the files that the person is in, and a workspace that never erased
anybody does none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from bespeak import collect
from bespeak.config import Source
from bespeak.flow.running import Flow, LeftOut, Raw
from bespeak.privacy import tombstones
from bespeak.workspace import digest

FOUND = "record/erased"
"""Which rows of which file are left out: numbers of rows, and nothing that stands in them."""
ROWS = "rows.parquet"
REFUSED = "refused"
LEFT_OUT = "left_out"
"""Input of a staged file that was shortened."""
OWN = ("kind", "name", "version", "inputs", "code", "seconds", "made_at", "engine")
"""What every manifest says for itself."""


@dataclass(frozen=True)
class File:
    """One file of a source, as a search for erased people sees it."""

    source: Source
    name: str
    content: str

    def version(self, flow: Flow) -> dict[str, Any]:
        """What the numbers of its rows follow from."""
        return {
            "kind": f"{FOUND}/{self.source.name}",
            "name": self.content,
            "inputs": {
                "name": self.name,
                "content": self.content,
                "source": collect.settings(self.source),
                "marks": flow.marks.digest,
                "secret": digest(flow.workspace.secret().hex()),
            },
            "code": ("collect", "privacy"),
        }


def known(flow: Flow, file: File) -> LeftOut | None:
    """What an earlier run found to be left out of a file; None where it has not looked."""
    if not flow.marks:
        return LeftOut((), refused=False)
    found = flow.held(**file.version(flow), shown=f"{file.name}: erased")
    return None if found is None else _read(found.path, found.manifest)


def search(flow: Flow, source: Source, raws: Sequence[Raw]) -> list[Raw]:
    """`raws` with what is to be left out of each, where that was not known yet."""
    new = [raw for raw in raws if raw.left_out is None]
    if not new:
        return list(raws)
    found = _carrying(flow, source, new)
    return [raw if raw.left_out else _searched(flow, source, raw, found) for raw in raws]


def places(flow: Flow, raws: Sequence[Raw]) -> ir.Table:
    """file, row of everything that is left out of `raws`."""
    places = [(raw.file.name, row) for raw in raws if raw.left_out for row in raw.left_out.rows]
    files, rows = [file for file, _ in places], [row for _, row in places]
    return flow.engine.table(
        pa.table({"file": pa.array(files, pa.string()), "row": pa.array(rows, pa.int64())})
    )


def shorten(flow: Flow, raw: Raw, version: Mapping[str, Any]) -> Raw:
    """A staged file without what is left out of it; `raw` where that is nothing, or was done.

    version : of the file as it was staged
    """
    left_out = raw.left_out
    if left_out is None or not left_out.digest or not raw.file.staged:
        return raw
    if LEFT_OUT in raw.found["inputs"]:
        return raw
    staged, said = raw.file.path.parent, raw.found

    def make(folder: Path) -> Mapping[str, Any]:
        rows = collect.leave_out(staged, left_out.rows, folder)
        return {**{key: said[key] for key in said if key not in OWN}, "rows": rows}

    shown = f"{raw.file.name}: shortened"
    made = flow.build(**shortened(version, left_out), make=make, shown=shown)
    return replace(raw, file=replace(raw.file, path=made.path / "rows"), found=made.manifest)


def shortened(version: Mapping[str, Any], left_out: LeftOut) -> dict[str, Any]:
    """The version of a staged file without what is left out of it."""
    return {**version, "inputs": {**version["inputs"], LEFT_OUT: left_out.digest}}


def _carrying(flow: Flow, source: Source, raws: Sequence[Raw]) -> ir.Table | None:
    """file, row of the rows that carry an identifier of somebody erased; None if none can."""
    if not source.identifiers:
        return None
    engine, keyed = flow.engine, flow.marks.keyed
    raw = collect.open_raw(engine, [each.file for each in raws])
    secret = flow.workspace.secret()
    conformed = collect.conform(engine, raw, source, flow.config.workspace, secret)
    names = [f"_id_{namespace}" for namespace in source.identifiers]
    told = engine.keep(conformed.select("file", "row", *names))
    parts = [told.select("file", "row", identifier=told[name]) for name in names]
    each = ibis.union(*parts) if len(parts) > 1 else parts[0]
    distinct = each.filter(each["identifier"].notnull()).select("identifier").distinct()
    hashed = distinct.mutate(mark=keyed.column(distinct["identifier"]))
    marks = engine.table(pa.table({"mark": pa.array(sorted(flow.marks.marks), pa.string())}))
    erased = hashed.semi_join(marks, "mark").select("identifier")
    return engine.keep(each.semi_join(erased, "identifier").select("file", "row").distinct())


def _searched(flow: Flow, source: Source, raw: Raw, found: ir.Table | None) -> Raw:
    def make(folder: Path) -> Mapping[str, Any]:
        rows: list[int] = []
        if found is not None:
            own = found.filter(found["file"] == raw.file.name)
            rows = flow.engine.run(own.select("row").order_by("row"))["row"].to_pylist()
        pq.write_table(pa.table({"row": pa.array(rows, pa.int64())}), folder / ROWS)
        return {"rows": len(rows), REFUSED: bool(raw.found.get("refused", 0))}

    file = File(source, raw.file.name, raw.content)
    made = flow.build(**file.version(flow), make=make, shown=f"{raw.file.name}: erased")
    return replace(raw, left_out=_read(made.path, made.manifest))


def _read(folder: Path, manifest: Mapping[str, Any]) -> LeftOut:
    rows = pq.read_table(folder / ROWS)["row"].to_pylist()
    return LeftOut(rows, bool(manifest[REFUSED]))


def conclude(flow: Flow, *, whole: bool) -> None:
    """Remove the versions that nobody needs any more; after an erasure, every older one.

    whole : whether all stages were reached, so that nothing older is in use
    """
    erasing = whole and flow.marks.pending
    if erasing:
        flow.workspace.forget_before()
    state = flow.workspace.state()
    flow.workspace.sweep(keep=state.versions, before=state.before or {})
    if erasing:
        tombstones(flow.workspace).carried_out(flow.marks)
