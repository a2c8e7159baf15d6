"""Raw files to the record: collect, then prepare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import msgspec

from bespeak import collect, ledger, prepare
from bespeak.columns import RECORD
from bespeak.config import Prepare, Source
from bespeak.contents import file_digest
from bespeak.domains import load_pack
from bespeak.errors import NotReady
from bespeak.flow import erasing
from bespeak.flow.consent import find_consent
from bespeak.flow.erasing import File
from bespeak.flow.running import SOURCES, Flow, LeftOut, Raw
from bespeak.flow.staging import Job, Staged, staging
from bespeak.flow.taking import changes
from bespeak.workspace import Digests, digest


def collect_sources(flow: Flow) -> None:
    """Find every source's files; what is not Parquet is staged as Parquet, file by file."""
    digests = Digests(flow.workspace.root)
    found = {source.name: _files(flow, source, digests) for source in flow.config.sources}
    every = [file for files in found.values() for file in files]
    jobs = [file.job for file in every if _must_be_staged(flow, file)]
    threads = flow.config.workspace.threads
    with staging(jobs, flow.scratch, threads) as staged:
        for source in flow.config.sources:
            files = found[source.name]
            raws = [_file(flow, file, staged) for file in files] or [_query(flow, source)]
            raws = erasing.search(flow, source, raws)
            versions = [file.version for file in files] or [_asked_version(flow, source)]
            flow.raw[source.name] = [
                erasing.shorten(flow, raw, version)
                for raw, version in zip(raws, versions, strict=True)
            ]
    digests.save()


@dataclass(frozen=True)
class _File:
    """One file of a source."""

    name: str
    """As messages and lineage call it."""
    content: str
    job: Job
    left_out: LeftOut | None
    """Rows of people who were erased, as far as it is known."""

    @property
    def typed(self) -> bool:
        """Whether it is read where it lies."""
        return collect.format_of(self.job.source, self.job.path) == "parquet"

    @property
    def version(self) -> dict[str, Any]:
        """What its staged rows follow from."""
        source = self.job.source
        reading = collect.reading(source)
        return {
            "kind": f"stage/{source.name}",
            "name": self.content,
            "inputs": {"content": self.content, "name": self.name, "reading": reading},
            "code": ("collect",),
        }

    @property
    def shortened(self) -> dict[str, Any] | None:
        """The same without what is left out; None where that is nothing, or not known."""
        if self.left_out is None or not self.left_out.digest:
            return None
        return erasing.shortened(self.version, self.left_out)


def _files(flow: Flow, source: Source, digests: Digests) -> list[_File]:
    """The source's files, in the order of their names."""
    paths = collect.find(source, flow.workspace.root)
    names = collect.short_names(paths)
    contents = [digests.of(path) for path in paths]
    return [
        _File(name, content, Job(source, path), erasing.known(flow, File(source, name, content)))
        for path, name, content in zip(paths, names, contents, strict=True)
    ]


def _must_be_staged(flow: Flow, file: _File) -> bool:
    """Whether its text has to be read; it has not where the shortened rows are there."""
    if file.typed or not flow.lacks(**file.version):
        return False
    return file.shortened is None or flow.lacks(**file.shortened)


def _file(flow: Flow, file: _File, staged: Staged) -> Raw:
    path = file.job.path
    if file.typed:
        rows = ledger.rows_of(path)
        flow.found(file.name, rows)
        found = {"format": "parquet", "rows": rows}
        raw = collect.RawFile(file.name, path, staged=False)
        return Raw(raw, file.content, found, file.left_out)
    made = flow.held(**file.shortened, shown=file.name) if file.shortened else None
    if made is None:
        made = flow.build(**file.version, make=partial(staged.into, file.job), shown=file.name)
    rows_at = collect.RawFile(file.name, made.path / "rows", staged=True)
    return Raw(rows_at, file.content, made.manifest, file.left_out)


def _asked_version(flow: Flow, source: Source) -> dict[str, Any]:
    """What the rows of a query follow from: a database may have changed unseen."""
    return {
        "kind": f"stage/{source.name}",
        "name": "query",
        "inputs": {"asked": flow.started, "reading": collect.reading(source)},
        "code": ("collect",),
    }


def _query(flow: Flow, source: Source) -> Raw:
    """A database is asked on every run."""
    staged = flow.build(
        **_asked_version(flow, source),
        make=lambda folder: collect.stage(source, None, folder),
        shown=f"{source.name} query",
    )
    content = digest(*(file_digest(file) for file in sorted(staged.path.rglob("*.parquet"))))
    rows = collect.RawFile("query", staged.path / "rows", staged=True)
    left_out = erasing.known(flow, File(source, "query", content))
    return Raw(rows, content, staged.manifest, left_out)


def prepare_record(flow: Flow) -> None:
    """Clean every source into the record, account for its rows, and find who is who."""
    for source in flow.config.sources:
        _prepare(flow, source)
    _unite(flow, "identities", _identities, [*_ACTED, "links"], ("prepare",))
    _unite(flow, "items", _items, ["items", "events"], ("prepare", "domains"))
    if changes(flow.workspace):
        _unite(flow, "prices", _prices, [], ("prepare",))
    _unite(flow, "customers", _customers, ["customers", "events"], ("prepare",))
    if flow.sources("events"):
        _unite(flow, "exposures", _exposures, ["events"], ("prepare",))
    find_consent(flow)


CHANGED = ("items", "prices")
"""Tables that rest on the changes of the catalogue, whose copies never change."""
_ACTED = tuple(name for name, grain in RECORD.items() if grain.actor)


def _prepare(flow: Flow, source: Source) -> None:
    """One source's rows: kept, merged or quarantined, each with its account."""
    raws, config, secret = flow.raw[source.name], flow.config, flow.workspace.secret()
    source = _with_decimal(source, raws)

    def make(folder: Path) -> Mapping[str, Any]:
        engine, files = flow.engine, [raw.file for raw in raws]
        unique, merged = prepare.merge_exact(engine, _kept(flow, raws))
        # once, for all that asks them: parsing and hashing are the dear part
        conformed = engine.keep(collect.conform(engine, unique, source, config.workspace, secret))
        judged = prepare.judge(engine, conformed, source.table, _asked(source, config.prepare))
        refused = collect.open_refused(engine, files)
        made = prepare.write_source(
            engine,
            judged,
            merged,
            refused,
            source,
            folder,
            quote=partial(collect.quote, unique, source),
            came=prepare.Came(sum(raw.rows for raw in raws), sum(raw.erased for raw in raws)),
        )
        return {**made, "rows": made["account"]["rows_in"], **_reading(source, raws)}

    inputs = {
        "files": [(raw.file.name, raw.content) for raw in raws],
        "source": collect.settings(source),
        "prepare": msgspec.to_builtins(config.prepare),
        "zone": config.workspace.timezone,
        "currency": config.workspace.currency,
        "secret": digest(secret.hex()),
        **_left_out(raws),
    }
    flow.build(SOURCES, source.name, inputs=inputs, code=("collect", "prepare"), make=make)


def _left_out(raws: list[Raw]) -> dict[str, Any]:
    """What is left out, as a step's input; nothing where that is nothing."""
    out = {raw.file.name: raw.left_out.digest for raw in raws if raw.left_out is not None}
    out = {name: said for name, said in out.items() if said}
    return {erasing.LEFT_OUT: out} if out else {}


def _kept(flow: Flow, raws: list[Raw]) -> ir.Table:
    """Every raw row but those of people who were erased."""
    rows = collect.open_raw(flow.engine, [raw.file for raw in raws])
    lying = [raw for raw in raws if raw.erased and not raw.file.staged]
    if not lying:  # what is staged was shortened
        return rows
    out = erasing.places(flow, lying)
    return rows.anti_join(out, [("_file", "file"), ("_row", "row")])


def _asked(source: Source, rules: Prepare) -> Prepare:
    """The rules without those that would set all rows aside for a column the source never had."""
    told = {*source.columns, *(("actor",) if source.identifiers else ())}
    if "quantity" in told and told & {"price", "value"}:
        told |= {"price", "value"}  # the one follows from the other
    kept = [
        policy for policy in rules.policies
        if policy.missing != "quarantine" or policy.column in told
    ]  # fmt: skip
    return msgspec.structs.replace(rules, policies=kept)


def _with_decimal(source: Source, raws: list[Raw]) -> Source:
    """The source with the decimal sign that its files were found to have, if it names none."""
    found = {raw.found.get("decimal") for raw in raws} - {None}
    if source.decimal is None and found == {","}:
        return msgspec.structs.replace(source, decimal=",")
    return source


def _reading(source: Source, raws: list[Raw]) -> dict[str, Any]:
    """How a source was read, for the page that shows it."""
    return {
        "channel": source.channel,
        "format": ", ".join(sorted({raw.found["format"] for raw in raws})),
        "files": [raw.file.name for raw in raws],
        "said": [sentence for raw in raws for sentence in raw.found.get("said", [])],
    }


def _unite(flow: Flow, name: str, table: Any, tables: list[str], code: tuple[str, ...]) -> None:
    """One table over all sources, made anew when a source that it rests on was."""
    before = ["record/identities"] if name == "customers" else []

    def make(folder: Path) -> Mapping[str, Any]:
        found, report = table(flow)
        return {"rows": flow.engine.write(found, folder / "rows"), "report": report}

    inputs = {
        **flow.of(*flow.keys(*tables), *before),
        "identity": msgspec.to_builtins(flow.config.identity),
        "pack": flow.config.workspace.pack,
    }
    if name in CHANGED:
        inputs["changes"] = [copy.path.name for copy in changes(flow.workspace)]
    flow.build("record", name, inputs=inputs, code=code, make=make)


def _identities(flow: Flow) -> tuple[ir.Table, Any]:
    """Identifiers to people."""
    acted = [table.select("actor") for table in map(flow.record, _ACTED) if table is not None]
    if not acted:
        raise NotReady(
            "no source gives events, customers, offers or texts",
            next_step='Map one in bespeak.toml to `table = "events"`.',
        )
    actors = ibis.union(*acted) if len(acted) > 1 else acted[0]
    return prepare.identify(flow.engine, actors, flow.record("links"), flow.config.identity)


def _items(flow: Flow) -> tuple[ir.Table, Any]:
    """One description of each item."""
    described = [flow.engine.read([version.path / "items"]) for version in flow.sources("items")]
    if changes(flow.workspace):
        described.insert(0, prepare.described_by_changes(_changes(flow)))
    pack = load_pack(flow.config.workspace.pack)
    return prepare.unite_items(flow.engine, described, flow.record("events"), pack), {}


def _prices(flow: Flow) -> tuple[ir.Table, Any]:
    """What each item cost when, as far as changes say."""
    return prepare.price_history(_changes(flow)), {}


def given_up(flow: Flow) -> set[str]:
    """The items that the shop has said it sells no more."""
    if not changes(flow.workspace):
        return set()
    rows = flow.engine.run(prepare.given_up(_changes(flow)))
    return set(rows["item_id"].to_pylist())


def _changes(flow: Flow) -> ir.Table:
    return flow.engine.read([copy.path for copy in changes(flow.workspace)])


def _customers(flow: Flow) -> tuple[ir.Table, Any]:
    """One row a person: what the sources say of them, when they were first and last seen."""
    described = [flow.engine.read([v.path / "customers"]) for v in flow.sources("customers")]
    identities, events = flow.table("record/identities"), flow.record("events")
    return prepare.unite_customers(flow.engine, described, identities, events), {}


def _exposures(flow: Flow) -> tuple[ir.Table, Any]:
    """Who was shown what."""
    events = [version.path / "events" for version in flow.sources("events")]
    return prepare.exposures(flow.engine, flow.engine.read(events))
