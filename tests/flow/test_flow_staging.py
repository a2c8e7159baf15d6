"""Text files that are read side by side come out as they do one after the other."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bespeak import collect
from bespeak.config import Source
from bespeak.errors import SourceUnreadable
from bespeak.flow import staging
from bespeak.flow.staging import Job

LINES = Source(name="app", columns={"type": "type", "time": "time"}, format="jsonl")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every text is worth a process here."""
    monkeypatch.setattr(staging, "WORTH_BYTES", 0)
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def lines(folder: Path, number: int) -> Job:
    """A file of three rows and a broken one."""
    path = folder / f"{number}.jsonl"
    rows = [f'{{"type": "view", "time": "2024-01-0{day}", "n": {number}}}' for day in (1, 2, 3)]
    path.write_text("\n".join([*rows, "{"]), encoding="utf-8")
    return Job(LINES, path)


def test_files_side_by_side_come_out_as_one_after_the_other(tmp_path: Path, scratch: Path) -> None:
    jobs = [lines(tmp_path, number) for number in range(5)]
    with staging.staging(jobs, scratch, threads=2) as staged:
        for number, job in enumerate(jobs):
            alone, beside = (tmp_path / way / str(number) for way in ("alone", "beside"))
            for folder in (alone, beside):
                folder.mkdir(parents=True)
            assert staged.into(job, beside) == collect.stage(LINES, job.path, alone)
            for part in ("rows", "refused"):
                assert pq.read_table(beside / part) == pq.read_table(alone / part)


def test_a_file_that_cannot_be_read_is_named_from_another_process(
    tmp_path: Path, scratch: Path
) -> None:
    broken = tmp_path / "book.xlsx"
    broken.write_text("no workbook", encoding="utf-8")
    sheet = Source(name="crm", columns={"actor": "who"}, table="customers", format="excel")
    jobs = [lines(tmp_path, 1), Job(sheet, broken)]
    with (
        pytest.raises(SourceUnreadable, match=r"book\.xlsx"),
        staging.staging(jobs, scratch, threads=2) as staged,
    ):
        for number, job in enumerate(jobs):
            folder = tmp_path / str(number)
            folder.mkdir()
            staged.into(job, folder)


def test_few_bytes_need_no_other_process(tmp_path: Path) -> None:
    jobs = [lines(tmp_path, number) for number in range(2)]
    with staging.staging(jobs, tmp_path / "never", threads=2) as staged:
        for number, job in enumerate(jobs):
            folder = tmp_path / f"to-{number}"
            folder.mkdir()
            assert staged.into(job, folder)["rows"] == 3
    assert not (tmp_path / "never").exists()
