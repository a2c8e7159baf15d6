from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bespeak.errors import ArtifactCorrupt, NotReady
from bespeak.recommend.histories import UNIT, Histories, Interactions, rebuy_share
from contracts.recommender import checkerboard, world


def test_rows_are_taken_in_the_order_asked_for() -> None:
    histories = Histories.of_lists([[3, 1], [], [2]])
    taken = histories.take(np.array([2, 0, 0, -1]))
    assert [taken.indices[taken.row(row)].tolist() for row in range(4)] == [[2], [1, 3], [1, 3], []]


def test_an_item_named_twice_weighs_twice() -> None:
    histories = Histories.of_lists([[5, 5, 1]])
    assert histories.indices.tolist() == [1, 5]
    assert histories.weights.tolist() == [UNIT, 2 * UNIT]
    assert histories.times.tolist() == [1, 2]


def test_rows_can_be_taken_where_nobody_is_known() -> None:
    assert len(Histories.empty(0).take(np.array([-1, -1]))) == 2


def test_only_true_entries_stay() -> None:
    histories = Histories.of_lists([[1, 2], [3], [4, 5]])
    kept = histories.where(np.array([False, True, False, True, True]))
    assert kept.indptr.tolist() == [0, 1, 1, 3]
    assert kept.indices.tolist() == [2, 4, 5]


def test_the_heaviest_stay_and_ties_go_by_item() -> None:
    histories = Histories.of_lists([[4, 4, 3, 2, 1], [7]])
    heavy = histories.heaviest(2)
    assert [heavy.indices[heavy.row(row)].tolist() for row in range(2)] == [[1, 4], [7]]


def test_interactions_come_back_mapped_and_equal(tmp_path: Path) -> None:
    interactions = checkerboard().with_groups("segment", {"c1": "loyal", "c3": "👑"})
    interactions.save(tmp_path)
    loaded = Interactions.load(tmp_path)
    assert loaded.customers.same(interactions.customers)
    assert loaded.items.same(interactions.items)
    assert loaded.as_of is None
    assert np.array_equal(loaded.histories.weights, interactions.histories.weights)
    assert not loaded.histories.weights.flags.writeable
    group = loaded.histories.groups["segment"]
    labels = [group.names[label] if label >= 0 else None for label in group.of_row.tolist()]
    assert labels[:4] == [None, "loyal", None, "👑"]


def test_equal_interactions_give_equal_bytes(tmp_path: Path) -> None:
    pairs = [("b", "y"), ("a", "x"), ("a", "y"), ("b", "y")]
    for name, ordered in (("one", pairs), ("two", pairs[::-1])):
        (tmp_path / name).mkdir()
        world(ordered).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_shortened_column_is_refused(tmp_path: Path) -> None:
    checkerboard().save(tmp_path)
    np.save(tmp_path / "weights.npy", np.zeros(3, np.int64))
    with pytest.raises(ArtifactCorrupt, match="do not fit"):
        Interactions.load(tmp_path)


def test_a_missing_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"interactions\.json"):
        Interactions.load(tmp_path)


def test_the_rebuy_share_is_of_all_occasions() -> None:
    assert rebuy_share(world([("a", "x")] * 3 + [("a", "y")])) == pytest.approx(0.5)
    assert rebuy_share(checkerboard()) == 0


def test_a_rebuy_share_of_nothing_is_not_ready() -> None:
    interactions = checkerboard()
    nothing = Interactions(
        interactions.customers, interactions.items, Histories.empty(10), interactions.as_of
    )
    with pytest.raises(NotReady):
        rebuy_share(nothing)
