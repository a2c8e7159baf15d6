"""What a workspace holds of one person: shown whole, and erased.

The command line and the server do the same: who is asked for is found by the last run and by the
log since, and every act is in the audit log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bespeak import consenting, live, privacy, serve
from bespeak.artifacts import INTERACTIONS
from bespeak.columns import SESSION
from bespeak.config import FILE_NAME, Config
from bespeak.flow.erasing import FOUND
from bespeak.flow.insight import SEGMENTS
from bespeak.flow.keeping import read_up_to
from bespeak.flow.publishing import SNAPSHOT
from bespeak.flow.running import SOURCES
from bespeak.opening import open_log
from bespeak.workspace import Version, Workspace

Document = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """One person, as they are known now.

    identifiers : all of theirs, `namespace:value`, personal ones hashed
    """

    customer_id: str
    identifiers: frozenset[str]

    @property
    def by_namespace(self) -> dict[str, int]:
        """How many identifiers of each kind."""
        names = [one.partition(":")[0] for one in self.identifiers]
        return {name: names.count(name) for name in sorted(set(names))}


def erase(workspace: Workspace, customer_id: str, *, by: str) -> Document:
    """Forget one person, but for what only a run can remove; no run is made.

    From then on no answer knows them, the event log holds nothing of them, and no event or row
    that carries an identifier of theirs is let in.
    by      : who asks, for the audit log
    returns : customer_id, identifiers (how many of each namespace), removed (place -> rows that
              left it), until_next_run (what still holds them), kept_by_you (files of yours that do)
    raises  : NotFound; LogUnavailable, after which it can be asked again
    """
    config, marked = workspace.config(), privacy.tombstones(workspace)
    with closing(open_log(workspace, config)) as log:
        person = _find(workspace, config, customer_id, log)
        marked.add(person.identifiers)
        privacy.audit(workspace).add("erase", by=by, customer=customer_id)
        # who logged in a moment ago: from now on, nobody can by a name that is marked
        person = Person(customer_id, _with_log(workspace, person.identifiers, log))
        marked.add(person.identifiers)
        events = log.erase(person.identifiers)
    lists = privacy.erase_from_exports(workspace, {customer_id, *person.identifiers})
    removed = {"event log": events, **lists}
    return {
        "customer_id": customer_id,
        "identifiers": person.by_namespace,
        "removed": removed,
        "until_next_run": list(_traces(workspace, person)),
        "kept_by_you": _named_in_config(workspace, person),
    }


def carried_out(workspace: Workspace) -> Document:
    """What the last run left out, for everybody who was erased up to it.

    returns : pending (whether somebody was erased since), erased (source -> rows left out),
              raw_files (yours, which still hold rows of theirs: source, file, rows)
    """
    sources = {version.name: version for version in workspace.under(SOURCES)}
    counts = {name: version.manifest["account"]["erased"] for name, version in sources.items()}
    # copies of topics are not the shop's own: that run has written them anew
    topics = {source.name for source in workspace.config().sources if source.kafka is not None}
    files = [
        {"source": version.kind.rpartition("/")[2], "file": version.manifest["inputs"]["name"],
         "rows": version.manifest["rows"]}
        for version in workspace.under(FOUND)
        if version.manifest["rows"] and version.kind.rpartition("/")[2] not in topics
    ]  # fmt: skip
    return {
        "pending": privacy.tombstones(workspace).now().pending,
        "erased": {name: rows for name, rows in counts.items() if rows},
        "raw_files": files,
    }


def export(workspace: Workspace, customer_id: str, *, by: str) -> Document:
    """All that the workspace holds of one person.

    by      : who asks, for the audit log
    returns : customer_id, exported_at, identifiers, consent, attributes, features, segments,
              interactions, record (source -> table -> rows), since (events of the log that no run
              has read)
    raises  : NotFound
    """
    config = workspace.config()
    with closing(open_log(workspace, config)) as log:
        person = _find(workspace, config, customer_id, log)
        since = log.of(person.identifiers, after=read_up_to(workspace))
        words = consenting.words_of(workspace, customer_id, person.identifiers, log)
    document = {
        "customer_id": customer_id,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "identifiers": sorted(person.identifiers),
        "consent": consenting.said(workspace, words),
        **_described(workspace, customer_id),
        "record": _recorded(workspace, person),
        "since": [_told(kept) for kept in since],
    }
    privacy.audit(workspace).add("export", by=by, customer=customer_id)
    return document


# -- who it is -----------------------------------------------------------------------------------


def _find(workspace: Workspace, config: Config, customer_id: str, log: live.Log) -> Person:
    """The person that the last run calls so, or that only the log knows yet.

    raises : NotFound
    """
    known = _known(workspace, customer_id)
    marks = privacy.tombstones(workspace).now()
    if known and marks.hold(known) and not marks.pending:
        known = set()  # an older version that came back
    named = {f"{name}:{customer_id}" for name in config.identity.primary}
    named |= {customer_id} if ":" in customer_id else set()
    found = _with_log(workspace, known or named, log)
    if not known and found == named and not log.of(found):
        raise consenting.unknown(customer_id)
    return Person(customer_id, found)


def _known(workspace: Workspace, customer_id: str) -> set[str]:
    """A customer's identifiers, as the last run found them."""
    published = workspace.find(SNAPSHOT)
    if published is None:
        return set()
    return set(serve.Snapshot.open(published.path).identities.of(customer_id)["actor"].to_pylist())


def _with_log(workspace: Workspace, known: Collection[str], log: live.Log) -> frozenset[str]:
    """`known`, with the sessions that are joined to them, and what else an event names beside.

    What the record knows as somebody else's is not theirs; nor is a session that another took over.
    """
    found = set(known)
    asked: set[str] = set()
    while found > asked:
        new, asked = found - asked, set(found)
        found |= {f"{SESSION}:{session}" for session in log.sessions(new)}
        beside = {
            one
            for kept in log.of(new)
            for one in live.identifiers_of(kept.entry)
            if not one.startswith(f"{SESSION}:")
        }
        found |= beside - asked - _others(workspace, beside - asked)
    return frozenset(found)


def _others(workspace: Workspace, identifiers: set[str]) -> set[str]:
    """Those that the last run knows, and so knows whose they are."""
    published = workspace.find(SNAPSHOT)
    if published is None or not identifiers:
        return set()
    actors = serve.Snapshot.open(published.path).identities.rows["actor"]
    return {one for one in identifiers if pc.any(pc.equal(actors, one)).as_py()}


# -- where they are ------------------------------------------------------------------------------


def _recorded(workspace: Workspace, person: Person) -> dict[str, dict[str, list[Document]]]:
    """Every row of the record that is theirs, by source and table."""
    found = {
        version.name: {table.name: _rows(table, "actor", person.identifiers)
                       for table in _tables(version, "actor")}
        for version in workspace.under(SOURCES)
    }  # fmt: skip
    held = {name: {t: rows for t, rows in tables.items() if rows} for name, tables in found.items()}
    return {name: tables for name, tables in held.items() if tables}


def _tables(version: Version, column: str) -> Iterator[Path]:
    """The version's folders of rows that have such a column."""
    for folder in sorted(path for path in version.path.iterdir() if path.is_dir()):
        if column in ds.dataset(folder, format="parquet", partitioning=None).schema.names:
            yield folder


def _rows(folder: Path, column: str, values: Collection[str]) -> list[Document]:
    wanted = pc.field(column).isin(sorted(values))
    found: list[Document] = (
        ds.dataset(folder, format="parquet", partitioning=None).to_table(filter=wanted).to_pylist()
    )
    return found


def _described(workspace: Workspace, customer_id: str) -> Document:
    """What the stages made of them."""
    segments = workspace.under(SEGMENTS)
    return {
        "attributes": _one(workspace, "record/customers", customer_id),
        "features": _one(workspace, "features/customers", customer_id),
        "segments": {v.name: _all(v, customer_id) for v in segments},
        "interactions": [
            row for key in (INTERACTIONS,) if (version := workspace.find(key))
            for row in _all(version, customer_id)
        ],
    }  # fmt: skip


def _one(workspace: Workspace, key: str, customer_id: str) -> Document | None:
    version = workspace.find(key)
    return None if version is None else next(iter(_all(version, customer_id)), None)


def _all(version: Version, customer_id: str) -> list[Document]:
    return _rows(version.path / "rows", "customer_id", [customer_id])


def _told(kept: live.Kept) -> Document:
    """An event of the log, as it is kept."""
    told: Document = msgspec.json.decode(kept.entry.body)
    received = datetime.fromtimestamp(kept.received / 1e6, UTC).isoformat()
    return {**told, "session_id": kept.entry.session, "received": received}


def _traces(workspace: Workspace, person: Person) -> Iterator[Document]:
    """What still holds them, or was learned from them: all that follows from a source they are in.

    yields : what (kind/name), version, rows (of theirs, where they can be counted)
    """
    versions = {key: workspace.get(key) for key in sorted(workspace.current())}
    rows = {
        f"{SOURCES}/{name}": {table: len(found) for table, found in tables.items()}
        for name, tables in _recorded(workspace, person).items()
    }
    touched = set(rows)
    while True:
        more = {
            key
            for key, version in versions.items()
            if key not in touched and touched & version.manifest["inputs"].keys()
        }
        if not more:
            break
        touched |= more
    for key in sorted(touched):
        yield {"what": key, "version": versions[key].version, "rows": rows.get(key)}


def _named_in_config(workspace: Workspace, person: Person) -> list[str]:
    """bespeak.toml, if it names them: nobody but its owner writes there."""
    text = (workspace.root / FILE_NAME).read_text(encoding="utf-8")
    return [FILE_NAME] if any(f'"{one}"' in text for one in person.identifiers) else []
