"""What is wrong, slow or about to be too small: each with what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bespeak.doctor.costs import Step
from bespeak.doctor.machine import Machine
from bespeak.doctor.needs import ENOUGH, Needs
from bespeak.doctor.sizes import bytes_said, rows_said, seconds_said

Severity = Literal["problem", "advice", "note"]
"""A problem must be fixed, or a run will fail; advice is worth its while; a note is to be known."""
ORDER: tuple[Severity, ...] = ("problem", "advice", "note")

SLOW = 0.25
"""From this share of a run's time on, a step is worth a word."""
ROOM = 0.6
"""Of the machine's memory, for an engine: the rest is the models', the system's and the cache's."""
PARTITION = 128 * 10**6
"""Unpacked bytes that one task of a shuffle should have."""
EXECUTOR_CORES, EXECUTOR_MEMORY = 4, "8g"
LEAST_PARTITIONS = 16

LARGER_DISK = (
    "Free some, or move the workspace to a larger disk; for Spark, to one that its workers share."
)

HINTS = {
    "artifacts/evaluation": "fewer `recommend.models`, or a shorter `test_days`",
    "artifacts/segments/kmeans": "a smaller `segments.sample`, `bootstrap` or `k_max`",
    "artifacts/models/item_knn": "fewer `neighbours` under [recommend.parameters.item_knn]",
    "stage": "Parquet instead of text: it is read where it lies",
}
"""What makes a step cheaper, by the beginning of its key."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found; `next_step` is empty where nothing need be done."""

    severity: Severity
    what: str
    next_step: str = ""


@dataclass(frozen=True)
class Setting:
    """What bespeak.toml says of the run.

    limit    : bytes that the engine may take
    within_s : how long a run from nothing may take
    expanded : bytes of the record when it is unpacked
    """

    engine: str
    limit: int
    threads: int | None
    master: str | None
    within_s: float
    expanded: int

    @property
    def on_this_machine(self) -> bool:
        """Whether the rows are computed here."""
        return self.engine != "spark" or self.master is None or self.master.startswith("local")


def examine(
    machine: Machine, needs: Needs, steps: Sequence[Step], setting: Setting
) -> list[Finding]:
    """Everything found, the gravest first."""
    found = [
        *_spark(machine, setting),
        *_memory(machine, needs, setting),
        *_disk(machine, needs),
        *_threads(machine, setting),
        *_time(machine, needs, setting),
        *_slow(steps),
        *_waiting(needs, steps),
        *_capacity(machine, needs, setting),
    ]
    return sorted(found, key=lambda finding: ORDER.index(finding.severity))


def _spark(machine: Machine, setting: Setting) -> Iterator[Finding]:
    """What Spark needs, where it is asked for."""
    if setting.engine != "spark":
        return
    if machine.pyspark is None:
        what = 'engine = "spark", but pyspark is not installed'
        yield Finding("problem", what, "pip install 'bespeak[spark]'")
    elif machine.java is None:
        what = "Spark needs Java 17 to 21, and there is none"
        yield Finding("problem", what, "pip install 'bespeak[spark]', which brings one along.")
    if setting.on_this_machine:
        yield Finding(
            "advice",
            "Spark runs inside this machine, where DuckDB does the same work without its overhead",
            'Set `engine = "duckdb"`, or `master` under [spark] to a cluster.',
        )


def _memory(machine: Machine, needs: Needs, setting: Setting) -> Iterator[Finding]:
    """Whether the limit and the models fit the machine."""
    total = machine.memory
    if total is None:
        yield Finding("note", "the system does not say how much memory there is")
        return
    right = f'Set `memory = "{max(1, int(total * ROOM / 1e9))}GB"` under [workspace].'
    limit = f"the engine may take {bytes_said(setting.limit)}"
    if setting.on_this_machine and setting.limit > total:
        what = f"{limit}, and there are {bytes_said(total)}: it would be killed, not spill"
        yield Finding("problem", what, right)
    elif setting.on_this_machine and setting.limit > 0.8 * total:
        what = f"{limit} of {bytes_said(total)}, which leaves little for the models"
        yield Finding("advice", what, right)
    elif (
        setting.engine == "duckdb"
        and setting.expanded > setting.limit
        and setting.limit < total * ROOM / 2
    ):
        what = (
            f"{limit} of {bytes_said(total)}, less than the {bytes_said(setting.expanded)} that"
            " the record is unpacked: large steps spill to disk"
        )
        yield Finding("advice", what, right)
    if needs.memory.value is not None and needs.memory.value > total:
        what = (
            f"a run may take {bytes_said(needs.memory.value)} of memory ({needs.memory.basis}),"
            f" and there are {bytes_said(total)}"
        )
        yield Finding("advice", what, "Take a larger machine, or fewer models.")


def _disk(machine: Machine, needs: Needs) -> Iterator[Finding]:
    need = needs.disk.value
    if need is None:
        return
    said = f"a run from nothing leaves about {bytes_said(need)} ({needs.disk.basis})"
    free = bytes_said(machine.disk_free)
    if need > machine.disk_free:
        what = f"{said}, and {free} are free"
        yield Finding("problem", what, LARGER_DISK)
    elif 2 * need > machine.disk_free:
        what = f"{said} beside the version before it, and {free} are free; what spills comes on top"
        yield Finding("advice", what, LARGER_DISK)


def _threads(machine: Machine, setting: Setting) -> Iterator[Finding]:
    wanted = setting.threads
    if wanted is None or wanted == machine.cores or not setting.on_this_machine:
        return
    what = f"`threads = {wanted}` under [workspace], and {machine.cores} cores may be used"
    yield Finding("advice", what, "Leave `threads` out to use them all.")


def _time(machine: Machine, needs: Needs, setting: Setting) -> Iterator[Finding]:
    """Whether one machine is quick enough, and what Spark should be given if it is not."""
    need = needs.seconds.value
    if need is None or need <= setting.within_s or not setting.on_this_machine:
        return
    what = (
        f"a run from nothing takes about {seconds_said(need)} ({needs.seconds.basis}), more than"
        f" {seconds_said(setting.within_s)}"
    )
    cores = max(2 * machine.cores, round(machine.cores * need / setting.within_s + 0.5))
    yield Finding("advice", what, _cluster(cores, setting.expanded))


def _cluster(cores: int, expanded: int) -> str:
    """Settings for a cluster that has at least `cores`."""
    settings = {
        "spark.executor.instances": -(-cores // EXECUTOR_CORES),
        "spark.executor.cores": EXECUTOR_CORES,
        "spark.executor.memory": EXECUTOR_MEMORY,
        "spark.sql.shuffle.partitions": max(LEAST_PARTITIONS, 2 * cores, -(-expanded // PARTITION)),
    }
    lines = ["[workspace]", 'engine = "spark"', "[spark]", 'master = "spark://HOST:7077"']
    lines += ["[spark.settings]", *(f'"{name}" = "{value}"' for name, value in settings.items())]
    said = "So many cores if one does there what it does here: time one run there, and ask again."
    return "\n".join(["Move to Spark, in bespeak.toml:", *(f"  {line}" for line in lines), said])


def _slow(steps: Sequence[Step]) -> Iterator[Finding]:
    """Steps that take a large share of a run."""
    total = sum(step.seconds for step in steps)
    for step in steps:
        share = step.seconds / total if total else 0.0
        if share >= SLOW:
            hint = next((text for key, text in HINTS.items() if step.key.startswith(key)), "")
            what = (
                f"`{step.key}` takes {100 * share:.0f} % of the time, {seconds_said(step.seconds)}"
            )
            yield Finding("note", what, f"Cheaper: {hint}." if hint else "")


def _waiting(needs: Needs, steps: Sequence[Step]) -> Iterator[Finding]:
    if not steps:
        yield Finding("note", "no run yet, so nothing is measured", "bespeak run")
    elif needs.waiting:
        files = "1 file is" if needs.waiting == 1 else f"{needs.waiting} files are"
        yield Finding("note", f"{files} new, changed or moved since the last run", "bespeak run")


def _capacity(machine: Machine, needs: Needs, setting: Setting) -> Iterator[Finding]:
    """How far this machine goes: when to think of Spark."""
    if not (needs.rows.value and needs.seconds.value and needs.disk.value):
        return
    if not setting.on_this_machine or needs.measured < ENOUGH:
        return
    by_time = needs.rows.value * setting.within_s / needs.seconds.value
    by_disk = needs.rows.value * machine.disk_free / (2 * needs.disk.value)
    least = min(by_time, by_disk)
    why = f"{seconds_said(setting.within_s)} a run" if by_time <= by_disk else "its free disk"
    yield Finding(
        "note",
        f"one machine like this is enough up to about {rows_said(least)} rows, bounded by {why}, if"
        " costs grow as rows do",
        "Think of Spark beyond that." if setting.engine != "spark" else "",
    )
