"""One run at work: its config, its engine, and the versions that it has made or found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from bespeak import collect, prepare
from bespeak.config import Config
from bespeak.consent import CONSENT as SAID
from bespeak.engines import OPENERS, Engine
from bespeak.errors import NotReady
from bespeak.privacy import Marks
from bespeak.workspace import Version, Workspace, code_digest, digest

SOURCES = "record/sources"
CONSENT, UNLEARNED = "record/consent", "unlearned"
"""Who agreed to what; and in it, those of whom nothing may be learned."""
SCRATCH = "scratch"
"""Folder of what a run needs while it runs."""
LEARNING = ("features", "segments", "recommend")
"""Stages that learn from people."""


@dataclass(frozen=True)
class Step:
    """One thing that a run did, or found done."""

    stage: str
    name: str
    state: str
    """`running`, `done`, or `kept` where nothing had changed."""
    rows: int | None = None
    seconds: float = 0.0
    made_at: str | None = None


Tell = Callable[[Step], None]


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    steps: list[Step]
    changed: bool
    versions: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    """What a reader wants to know first: account, kmeans, ratings, served; as far as they are."""


@dataclass(frozen=True)
class LeftOut:
    """What one file says of people who were erased."""

    rows: Sequence[int]
    """Numbers of the rows that carry an identifier of theirs."""
    refused: bool
    """Whether it has rows that could not be split, and so may be anybody's."""

    @property
    def digest(self) -> str:
        """Names what is left out; empty where nothing is."""
        return digest(list(self.rows), self.refused) if self.rows or self.refused else ""


@dataclass(frozen=True)
class Raw:
    """One input, ready for the engine."""

    file: collect.RawFile
    content: str
    """Digest of what is in it."""
    found: Mapping[str, Any]
    """What was found out on reading it: format, rows, refused, sentences …"""
    left_out: LeftOut | None = None
    """Its rows of people who were erased; None where nobody was."""

    @property
    def rows(self) -> int:
        """All of its rows: those that could not be split, and those left out, included."""
        there = int(self.found["rows"]) + int(self.found.get("refused", 0))
        # a file that is read where it lies still has what is left out
        return there + self.erased if self.file.staged else there

    @property
    def erased(self) -> int:
        """Rows that are left out."""
        return 0 if self.left_out is None else len(self.left_out.rows)


def open_engine(config: Config, scratch: Path) -> Engine:
    """The engine that the config asks for."""
    chosen = config.workspace
    own = {"spark": {"master": config.spark.master, "settings": config.spark.settings}}
    return OPENERS[chosen.engine](
        scratch=scratch,
        memory=chosen.memory,
        threads=chosen.threads,
        **own.get(chosen.engine, {}),
    )


class Flow:
    """One run over one workspace."""

    def __init__(self, workspace: Workspace, config: Config, tell: Tell, marks: Marks) -> None:
        """marks : who was erased, as this run reckons with it"""
        self.workspace, self.config, self._tell, self.marks = workspace, config, tell, marks
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.stage = ""
        self.raw: dict[str, list[Raw]] = {}
        self.versions: dict[str, Version] = {}
        self.steps: list[Step] = []
        self._opened: list[Engine] = []
        self._used: set[str] = set()

    @property
    def engine(self) -> Engine:
        """Opened when something has to be computed, and not before."""
        self._used.add(self._engine.name)
        return self._engine

    @property
    def scratch(self) -> Path:
        """A folder for what this run needs and nobody after it."""
        folder = self.workspace.root / SCRATCH
        folder.mkdir(exist_ok=True)
        return folder

    @cached_property
    def _engine(self) -> Engine:
        opened = open_engine(self.config, self.scratch)
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        """Let go of the engine, if there is one."""
        for engine in self._opened:
            engine.close()

    def build(
        self,
        kind: str,
        name: str,
        *,
        inputs: Mapping[str, Any],
        code: tuple[str, ...],
        make: Callable[[Path], Mapping[str, Any]],
        shown: str | None = None,
    ) -> Version:
        """One version of `kind/name`; tells when work on it starts, and what it came to."""
        title = shown or name

        def made(folder: Path) -> Mapping[str, Any]:
            self._tell(Step(self.stage, title, "running"))
            self._used.clear()
            said = make(folder)
            # the one that did compute: none for what is all mathematics, or reading text
            return {"engine": next(iter(self._used), None), **self._passed_over(), **said}

        version = self.workspace.build(
            kind, name, inputs=inputs, code=code_digest(*code), make=made
        )
        return self._add(version, title)

    def held(
        self,
        kind: str,
        name: str,
        *,
        inputs: Mapping[str, Any],
        code: tuple[str, ...],
        shown: str | None = None,
    ) -> Version | None:
        """The version that `build` would find made; None where it would have to make it."""
        version = self.workspace.held(kind, name, inputs=inputs, code=code_digest(*code))
        return None if version is None else self._add(version, shown or name)

    def _add(self, version: Version, title: str) -> Version:
        self.versions[version.key] = version
        said = version.manifest
        seconds = float(said["seconds"]) if version.fresh else 0.0
        state = "done" if version.fresh else "kept"
        self.steps.append(
            Step(self.stage, title, state, said.get("rows"), seconds, said["made_at"])
        )
        self._tell(self.steps[-1])
        return version

    def lacks(self, kind: str, name: str, inputs: Mapping[str, Any], code: tuple[str, ...]) -> bool:
        """Whether `build` would have to make this version."""
        held = self.workspace.held(kind, name, inputs=inputs, code=code_digest(*code))
        return held is None

    def found(self, name: str, rows: int) -> None:
        """An input that is read where it lies, so that there is nothing to make."""
        self.steps.append(Step(self.stage, name, "kept", rows))

    def of(self, *keys: str) -> dict[str, str]:
        """The versions that a step builds on, as its inputs."""
        return {key: self.versions[key].version for key in keys}

    def sources(self, table: str) -> list[Version]:
        """The sources that hold rows of one table of the record, in the config's order.

        A source whose own table it is comes before those that only mention it; one that is held
        out is not among them, nor one that no run has prepared yet.
        """
        told = [source.name for source in self.config.sources if not source.held_out]
        made = [self.versions.get(f"{SOURCES}/{name}") for name in told]
        holding = [one for one in made if one is not None and (one.path / table).is_dir()]
        return sorted(holding, key=lambda version: version.manifest["table"] != table)

    def keys(self, *tables: str) -> list[str]:
        """The sources that hold rows of any of these tables."""
        return sorted({version.key for table in tables for version in self.sources(table)})

    def record(self, table: str) -> ir.Table | None:
        """All sources' rows of one table of the record; None where no source has any."""
        folders = [version.path / table for version in self.sources(table)]
        return self.engine.read(folders) if folders else None

    def table(self, key: str) -> ir.Table:
        """The rows of what an earlier step published."""
        return self.engine.read([self.versions[key].path / "rows"])

    def unlearned(self) -> dict[str, Any]:
        """Of whom nothing is learned, as a step's input; nothing where that is nobody."""
        held = self.versions.get(CONSENT)
        return {UNLEARNED: held.manifest[UNLEARNED]} if held and held.manifest["left_out"] else {}

    def _passed_over(self) -> dict[str, Any]:
        """What a manifest says of those whom this step did not look at."""
        held = self.versions.get(CONSENT)
        learns = self.stage in LEARNING and held is not None
        return {"refused_training": held.manifest["left_out"]} if held and learns else {}

    def learnable(self, rows: ir.Table) -> ir.Table:
        """`rows`, by customer_id, but those of people who do not want to be learned from."""
        if not self.unlearned():
            return rows
        out = self.engine.read([self.versions[CONSENT].path / UNLEARNED])
        return rows.anti_join(out, "customer_id")

    def past(self) -> dict[str, Any]:
        """What `behaviour` and `lessons` are made of, as a step's inputs."""
        sources = self.of(*self.keys("events"), "record/identities", "record/items")
        return {**sources, **self.unlearned()}

    def lessons(self) -> ir.Table:
        """`behaviour` that may be learned from: all that features, segments and models are of."""
        return self.learnable(self.behaviour())

    def behaviour(self) -> ir.Table:
        """Events, with the person behind each, and whether its item is a product.

        A consent is none of them: it says what may be done with the others, and moves no clock.
        raises : NotReady where no source gives events
        """
        events = self.record("events")
        if events is None:
            raise NotReady("no source gives events", next_step='Map one to `table = "events"`.')
        products = self.table("record/items").select("item_id", "is_product")
        known = self._with_people(events.filter(events["type"] != SAID))
        return known.left_join(products, "item_id").drop("item_id_right")

    def _with_people(self, rows: ir.Table) -> ir.Table:
        """`rows` with the person behind each actor; null where nobody is known."""
        people = self.table("record/identities").select("actor", "customer_id")
        return rows.left_join(people, "actor").drop("actor_right")

    def feedback(self, within: timedelta = prepare.WITHIN) -> ir.Table:
        """Who was shown what, and what came of it: as `prepare.feedback`, and as lazy."""
        shown = self.learnable(self._with_people(self.table("record/exposures")))
        return prepare.feedback(self.engine, shown, self.lessons(), within=within)

    def visited(self) -> dict[str, Any]:
        """What `visits` is made of, as a step's inputs."""
        return {**self.past(), "session_gap_minutes": self.config.prepare.session_gap_minutes}

    def visits(self, events: ir.Table) -> ir.Table:
        """`behaviour` or `lessons` with the visit of each event; sorts them, so only at need."""
        gap = self.config.prepare.session_gap_minutes
        return prepare.sessionise(self.engine, events, gap)
