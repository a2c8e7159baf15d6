from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bespeak.errors import ColumnMissing, SourceMissing, SourceUnreadable
from bespeak.recommend.evaluating.evaluate import evaluate_files
from bespeak.recommend.evaluating.sessions import is_sessions, read_prefixes, read_sessions
from bespeak.recommend.histories import UNIT
from bespeak.recommend.interactions import instant

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(name: str, **columns: Any) -> Path:
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table(columns), path)
        return path

    return write


def test_a_row_is_a_session_in_the_order_of_its_items(written: Written) -> None:
    known = read_sessions(written("train", session=[["b", "a", "b"], ["c"]]))
    assert list(known.items) == ["a", "b", "c"]
    histories = known.histories
    assert histories.indptr.tolist() == [0, 2, 3]
    assert histories.indices.tolist() == [0, 1, 2]
    assert histories.weights.tolist() == [UNIT, 2 * UNIT, UNIT]
    assert histories.times.tolist() == [1, 2, 1]
    first, last = histories.places()
    assert (first.tolist(), last.tolist()) == ([1, 0, 0], [1, 2, 0])


def test_without_a_time_column_later_rows_are_newer_and_no_time_is_known(written: Written) -> None:
    known = read_sessions(written("train", session=[[1, 2], [3]]))
    assert known.as_of is None
    assert known.histories.last_time[:2].max() < known.histories.first_time[2]


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.int64()])
def test_a_time_column_says_when_sessions_began(written: Written, kind: pa.DataType) -> None:
    days = pa.array([datetime(2024, 5, 2), datetime(2024, 5, 1)], pa.timestamp("us"))
    known = read_sessions(written("train", items=[[1], [2, 3]], timestamp=days.cast(kind)))
    began = instant(datetime(2024, 5, 2))
    assert known.histories.first_time[0] == began
    assert known.histories.first_time[1:].max() < began
    assert known.as_of == began + 1


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int64()), pa.large_list(pa.string()), pa.list_(pa.large_string()),
             pa.list_(pa.int64(), 2)],
)  # fmt: skip
def test_items_are_numbers_or_texts(written: Written, kind: pa.DataType) -> None:
    sessions = pa.array([[10, 9], [9, 10]]).cast(pa.list_(pa.string())).cast(pa.list_(pa.int64()))
    known = read_sessions(written("train", session=sessions.cast(kind)))
    assert list(known.items) == ["10", "9"]


def test_unknown_items_of_a_prefix_are_skipped_and_as_a_target_never_hit(written: Written) -> None:
    known = read_sessions(written("train", session=[[1, 2], [2, 3]]))
    held = read_prefixes(written("test", prefix=[[9, 1, 8], [9]], target=[2, 7]), known)
    assert held.items.tolist() == [1, -1]
    asked = held.known(known)
    assert asked.lengths.tolist() == [1, 0]
    assert asked.indices.tolist() == [0]


def test_only_parquet_with_lists_is_a_session_file(written: Written, tmp_path: Path) -> None:
    assert is_sessions(written("train", session=[[1]]))
    assert is_sessions(written("test", prefix=[[1]], target=[2]))
    assert not is_sessions(written("pairs", user=[1], item=[2]))
    (tmp_path / "train.txt").write_text("a x y\n")
    assert not is_sessions(tmp_path / "train.txt")
    (tmp_path / "broken.parquet").write_bytes(b"no Parquet")
    with pytest.raises(SourceUnreadable, match="broken"):
        is_sessions(tmp_path / "broken.parquet")


def column(rows: list[Any], kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(rows, kind or pa.list_(pa.int64()))


@pytest.mark.parametrize(
    ("sessions", "where", "expected"),
    [
        (column([[1], []]), "row 2, session", "at least one item"),
        (column([[1], [2], None]), "row 3, session", "at least one item"),
        (column([[1], [2, None]]), "row 2, session", "an item"),
        (column([["a"], ["b"], [" "]], pa.list_(pa.string())), "row 3, session", "an item"),
        (column([[1.5]], pa.list_(pa.float64())), "session", "whole numbers or texts"),
        (column([[[1]]], pa.list_(pa.list_(pa.int64()))), "session", "whole numbers or texts"),
        (column([]), "no row", "a session a row"),
    ],
)
def test_a_bad_session_is_named_by_file_and_row(
    written: Written, sessions: pa.Array, where: str, expected: str
) -> None:
    path = written("train", session=sessions)
    with pytest.raises(SourceUnreadable, match=r"train\.parquet") as caught:
        read_sessions(path)
    assert where in str(caught.value)
    assert expected in str(caught.value)


def test_a_bad_time_is_named_by_file_and_row(written: Written) -> None:
    path = written("train", session=[[1], [2]], time=["2024-05-01", "yesterday"])
    with pytest.raises(SourceUnreadable, match="row 2, time"):
        read_sessions(path)


def test_two_columns_of_lists_are_refused(written: Written) -> None:
    with pytest.raises(ColumnMissing, match="exactly one column of lists"):
        read_sessions(written("train", one=[[1]], two=[[2]]))


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ({"prefix": [[1]]}, "no column `target`"),
        ({"session": [[1]], "target": [1]}, "no column `prefix`"),
        ({"prefix": [[1], []], "target": [1, 2]}, "row 2, prefix"),
        ({"prefix": [[1], [2]], "target": [1, None]}, "row 2, target"),
        ({"prefix": [1], "target": [1]}, "a list of items in every row"),
        ({"prefix": [[1]], "target": [1.5]}, "whole numbers or texts"),
        ({"prefix": [[1]], "target": [[1]]}, "whole numbers or texts"),
    ],
)
def test_a_bad_test_file_is_named_by_file_and_place(
    written: Written, columns: dict[str, Any], where: str
) -> None:
    known = read_sessions(written("train", session=[[1, 2]]))
    path = written("test", **columns)
    with pytest.raises((SourceUnreadable, ColumnMissing), match=r"test\.parquet") as caught:
        read_prefixes(path, known)
    assert where in str(caught.value)


def test_a_file_that_is_not_there_is_named(written: Written, tmp_path: Path) -> None:
    known = written("train", session=[[1, 2]])
    with pytest.raises(SourceMissing, match=r"gone\.parquet"):
        evaluate_files(known, tmp_path / "gone.parquet", ["transitions"])


def test_one_file_of_sessions_and_one_of_pairs_is_no_test(written: Written) -> None:
    sessions, pairs = written("sessions", session=[[1]]), written("pairs", user=[1], item=[2])
    with pytest.raises(ColumnMissing, match=r"pairs\.parquet.*`prefix`"):
        evaluate_files(sessions, pairs, ["popular"])
    prefixes = written("prefixes", prefix=[[1]], target=[2])
    with pytest.raises(ColumnMissing, match=r"pairs\.parquet.*columns? of lists"):
        evaluate_files(pairs, prefixes, ["popular"])


def test_what_comes_next_is_foretold(written: Written) -> None:
    """Every session runs up the same stairs from some step, so the next step is known."""
    draw = np.random.default_rng(3)
    steps = [list(range(at, at + 3)) for at in draw.integers(0, 20, 200).tolist()]
    prefixes = [[at - 1, at] for at in range(2, 18)]
    train = written("train", session=steps)
    test = written("test", prefix=prefixes, target=[prefix[-1] + 1 for prefix in prefixes])
    found = evaluate_files(train, test, ["popular", "transitions", "session_knn"], k=5)
    assert (found["of"], found["repeat"]) == ("sessions", True)
    popular, *ordered = found["models"]
    for row in ordered:
        assert row["customers"] == len(prefixes)
        assert row["hit@5"] == 1.0
        assert row["mrr@5"] > popular["mrr@5"]
        assert row["lists_per_s"] > 0
    new = evaluate_files(train, test, ["session_knn"], k=1, repeat=False)["models"][0]
    assert new["hit@1"] == 1.0


def test_what_a_session_has_may_come_again_unless_it_is_said(written: Written) -> None:
    train = written("train", session=[["x", "x"], ["x", "y"]])
    test = written("test", prefix=[["x"], ["x"]], target=["x", "y"])
    (again,) = evaluate_files(train, test, ["session_knn"], k=1)["models"]
    assert (again["customers"], again["hit@1"]) == (2, 0.5)
    (new,) = evaluate_files(train, test, ["session_knn"], k=1, repeat=False)["models"]
    assert (new["customers"], new["hit@1"]) == (1, 1.0)
