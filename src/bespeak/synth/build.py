"""A whole world to disk: raw files, the truth beside them, and the config that reads them."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from bespeak.config import FILE_NAME
from bespeak.errors import BadRequest
from bespeak.synth.app import write_app
from bespeak.synth.catalogue import Catalogue, stock
from bespeak.synth.files import DIRT, RAW, TRUTH, File
from bespeak.synth.lists import parts, write_catalogue, write_crm
from bespeak.synth.mail import write_mail
from bespeak.synth.people import People, populate
from bespeak.synth.plan import START, ZONE, Plan
from bespeak.synth.sheets import Chunk
from bespeak.synth.till import write_till
from bespeak.synth.truth import write_identifiers, write_people
from bespeak.synth.visits import act, visit_shop
from bespeak.synth.web import write_web

EVENT_BYTES, CUSTOMER_BYTES, ITEM_BYTES = 100, 450, 170
"""On disk, the truth included; a little more than they take."""

Tell = Callable[[int], None]
Task = Callable[[], Sequence[File]]


@dataclass(frozen=True)
class Made:
    """What was written."""

    plan: Plan
    files: Sequence[File]
    identifiers: int
    seconds: float

    @property
    def speed(self) -> int:
        """Events a second."""
        return int(self.plan.events / self.seconds)


def synthesise(
    plan: Plan, folder: Path, *, workers: int | None = None, tell: Tell = lambda events: None
) -> Made:
    """Write a world under `folder`: `raw/`, `truth/` and bespeak.toml.

    workers : threads; both cores and no more by default. The bytes don't depend on it.
    tell    : is called with the number of events that were finished
    memory  : sixty bytes a customer and twenty an item, and 250 MB a worker; not by events
    raises  : BadRequest if there is something in `folder`, if the disk can't hold the world, or if
              `workers` is less than 1
    """
    if workers is not None and workers < 1:
        raise BadRequest("--workers: out of range", found=str(workers), expected="1 or more")
    _open(folder, plan)
    started = time.perf_counter()
    people, catalogue = populate(plan), stock(plan)
    tasks = _tasks(plan, folder, people, catalogue, tell)
    try:
        files = sorted(_all(tasks, workers or os.cpu_count() or 1), key=lambda file: file.name)
        write_people(folder, plan, people)
        identifiers = write_identifiers(folder, plan, people)
        _write_config(folder, plan)
    except OSError as error:
        raise BadRequest(
            f"{folder}: could not be written to: {error.strerror or error}",
            next_step="What stands there is not whole. Remove it and begin again.",
        ) from error
    made = Made(plan, files, identifiers, time.perf_counter() - started)
    said = {"plan": asdict(plan), "start": START.isoformat(), "zone": ZONE,
            "identifiers": identifiers, "files": [asdict(file) for file in files]}  # fmt: skip
    text = json.dumps(said, indent=1, ensure_ascii=False)
    (folder / TRUTH / "world.json").write_text(text + "\n", encoding="utf-8")
    return made


def summary(made: Made) -> dict[str, Any]:
    """What was written, source by source, as one JSON document."""
    sources = []
    for name in dict.fromkeys(file.source for file in made.files):
        files = [file for file in made.files if file.source == name]
        dirt: Counter[str] = Counter()
        for file in files:
            dirt.update(file.dirt)
        sources.append({"source": name, "files": len(files), "rows": sum(f.rows for f in files),
                        "bytes": sum(f.size for f in files), "dirt": dict(dirt)})  # fmt: skip
    seconds = round(made.seconds, 3)
    return {**asdict(made.plan), "identifiers": made.identifiers, "sources": sources,
            "seconds": seconds, "events_per_second": made.speed}  # fmt: skip


def _open(folder: Path, plan: Plan) -> None:
    """An empty folder with the places for the files, on a disk that can hold them."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadRequest(
            f"{folder}: is not an empty folder",
            next_step="Give a new folder with --out, or empty this one yourself.",
        )
    try:
        for part in (RAW, f"{TRUTH}/{DIRT}"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(
            f"{folder}: can't be made: {error.strerror}",
            next_step="Give another folder with --out.",
        ) from error
    needed = EVENT_BYTES * plan.events + CUSTOMER_BYTES * plan.customers + ITEM_BYTES * plan.items
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BadRequest(
            f"{folder}: the disk is too small",
            found=f"{free / 1e9:,.1f} GB free",
            expected=f"about {needed / 1e9:,.1f} GB",
            next_step="Ask for fewer events, or give a folder on another disk with --out.",
        )


def _tasks(
    plan: Plan, folder: Path, people: People, catalogue: Catalogue, tell: Tell
) -> Iterator[Task]:
    people.reach, people.seen  # made here, for all workers  # noqa: B018
    for chunk in range(plan.chunks):
        yield partial(_events, plan, folder, people, catalogue, chunk, tell)
    for part in range(parts(plan.customers)):
        yield partial(_list, write_crm, folder, plan, people, part)
    for part in range(parts(plan.items)):
        yield partial(_list, write_catalogue, folder, plan, catalogue, part)


def _list(write: Callable[..., File], *given: Any) -> Sequence[File]:
    """One part of a list, as a file."""
    return [write(*given)]


def _events(
    plan: Plan, folder: Path, people: People, catalogue: Catalogue, chunk: int, tell: Tell
) -> Sequence[File]:
    """One chunk, as a file of each channel."""
    visits = visit_shop(plan, people, chunk)
    rows = act(plan, people, catalogue, visits, chunk)
    done = Chunk(chunk, plan, people, visits, rows)
    files = [write(folder, done) for write in (write_web, write_app, write_till, write_mail)]
    tell(plan.events_of(chunk))
    return files


def _all(tasks: Iterator[Task], workers: int) -> list[File]:
    """Every task's files; no more tasks wait than there are workers."""
    done: list[File] = []
    with ThreadPoolExecutor(workers) as pool:
        waiting: set[Future[Sequence[File]]] = set()
        for task in tasks:
            waiting.add(pool.submit(task))
            if len(waiting) > workers:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                done += [file for each in ended for file in each.result()]
        done += [file for each in waiting for file in each.result()]
    return done


def _write_config(folder: Path, plan: Plan) -> None:
    text = (resources.files("bespeak.synth") / "world.toml").read_text(encoding="utf-8")
    made = text.replace("{start}", START.isoformat()).replace("{end}", plan.end.isoformat())
    (folder / FILE_NAME).write_text(made, encoding="utf-8")
