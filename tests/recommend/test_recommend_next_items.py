from __future__ import annotations

import numpy as np
import pytest
from walks import sessions

from bespeak.errors import BadRequest
from bespeak.recommend.evaluating.evaluate import evaluate
from bespeak.recommend.evaluating.next_items import carve_newest, next_of
from bespeak.recommend.histories import Histories


def test_each_start_of_a_session_asks_for_what_came_next() -> None:
    known = sessions([["a", "b", "a", "c"], ["d"], ["b", "c"]])
    held = next_of(known.histories)
    asked = held.known(known)
    prefixes = [asked.indices[asked.row(at)].tolist() for at in range(len(asked))]
    assert list(zip(prefixes, held.items.tolist(), strict=True)) == [
        ([0], 1), ([0, 1], 0), ([0, 1], 2), ([1], 2),
    ]  # fmt: skip
    assert asked.last_time[asked.row(2)].tolist() == [2, 1]  # a came last, and again
    assert np.diff(held.indptr).tolist() == [1, 1, 1, 1]


def test_the_newest_sessions_are_carved_and_nothing_of_them_is_learned() -> None:
    known = sessions([["a", "b"], ["a", "c"], ["b", "c"], ["x", "y"]])
    train, held = carve_newest(known, 0.25)
    assert train.histories.lengths.tolist() == [2, 2, 2, 0]
    assert len(held) == 1
    assert known.items[int(held.items[0])] == "y"
    rows = evaluate(train, held, ["session_knn", "transitions"], k=5, repeat=True)["models"]
    assert [row["hit@5"] for row in rows] == [0.0, 0.0]


def test_a_row_of_one_item_or_none_asks_for_nothing() -> None:
    assert len(next_of(Histories.of_lists([[], [3]]))) == 0


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(BadRequest, match="share"):
        carve_newest(sessions([["a", "b"]]), share)
