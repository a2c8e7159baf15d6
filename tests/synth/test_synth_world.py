"""A small world: complete, dirty as said, and the same whoever makes it."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bespeak import config
from bespeak.errors import BadRequest
from bespeak.synth import Made, Plan, synthesise

SMALL = Plan(customers=600, items=300, events=24_000, days=120, seed=5)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    folder = tmp_path_factory.mktemp("small") / "world"
    return folder, synthesise(SMALL, folder, workers=2)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_arguments_give_the_same_bytes_whatever_the_number_of_workers(
    small: tuple[Path, Made], tmp_path: Path
) -> None:
    synthesise(SMALL, tmp_path / "again", workers=1)
    assert digests(tmp_path / "again") == digests(small[0])


def test_another_seed_gives_another_world(small: tuple[Path, Made], tmp_path: Path) -> None:
    other = Plan(600, 300, 24_000, 120, seed=6)
    synthesise(other, tmp_path / "other")
    before, after = digests(small[0]), digests(tmp_path / "other")
    assert before["raw/web-00000.parquet"] != after["raw/web-00000.parquet"]


def test_the_mapping_is_one_that_the_config_takes(small: tuple[Path, Made]) -> None:
    made = config.load(small[0] / "bespeak.toml")
    assert {source.name for source in made.sources} == {file.source for file in small[1].files}


def test_events_are_as_many_as_asked_for_and_copies_come_on_top(small: tuple[Path, Made]) -> None:
    events = [file for file in small[1].files if file.source in {"web", "app", "till", "mail"}]
    copies = sum(rows for file in events for kind, rows in file.dirt.items() if "duplicate" in kind)
    assert sum(file.rows for file in events) == SMALL.events + copies


def test_files_have_the_rows_that_the_truth_counts(small: tuple[Path, Made]) -> None:
    for file in small[1].files:
        path = small[0] / "raw" / file.name
        if path.suffix == ".parquet":
            rows = pq.ParquetFile(path).metadata.num_rows
        else:
            rows = len(path.read_text("utf-8").splitlines()) - (path.suffix == ".csv")
        assert rows == file.rows, file.name


def test_the_truth_names_every_row_of_dirt_once(small: tuple[Path, Made]) -> None:
    truth = pq.read_table(small[0] / "truth" / "dirt").to_pylist()
    places = Counter((row["file"], row["row"]) for row in truth)
    assert max(places.values()) == 1
    assert len(truth) == sum(sum(file.dirt.values()) for file in small[1].files)


@pytest.mark.parametrize(
    ("name", "value"),
    [("customers", 2), ("items", 1), ("events", 0), ("days", 1), ("seed", -1)],
)
def test_an_impossible_argument_is_told_its_range(name: str, value: int) -> None:
    given = {"customers": 100, "items": 100, "events": 1_000, "days": 30, "seed": 1, name: value}
    with pytest.raises(BadRequest, match=f"--{name}: out of range"):
        Plan(**given)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BadRequest, match="not an empty folder"):
        synthesise(SMALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_world_that_the_disk_cannot_hold_is_not_begun(tmp_path: Path) -> None:
    vast = Plan(customers=1_000, items=100, events=20_000_000_000, days=365)
    with pytest.raises(BadRequest, match=r"disk is too small, found .* free, expected about"):
        synthesise(vast, tmp_path / "vast")
    assert not list((tmp_path / "vast" / "raw").iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRequest, match="can't be made"):
        synthesise(SMALL, tmp_path / "file" / "inside")
