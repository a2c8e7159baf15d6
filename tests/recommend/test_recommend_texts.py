from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespeak.errors import ArtifactCorrupt
from bespeak.recommend.texts import Ids, Texts, load_array

ODD = ["", "a", "A", "ä", "日本", "👻", "x" * 100_000, "a b", "a\nb", "\x00", "10", "9"]


def test_texts_come_back_as_they_were() -> None:
    assert list(Texts.of(ODD)) == ODD


@given(st.lists(st.text(max_size=8), max_size=30))
def test_every_id_is_found_where_it_stands(texts: list[str]) -> None:
    ids = Ids.sorted_from(texts)
    assert list(ids) == sorted(set(texts))
    assert [ids.find(text) for text in ids] == list(range(len(ids)))
    assert ids.find_all(list(ids)).tolist() == list(range(len(ids)))


@given(st.lists(st.text(max_size=3), max_size=10), st.text(max_size=3))
def test_what_is_not_there_is_not_found(texts: list[str], other: str) -> None:
    ids = Ids.sorted_from(text for text in texts if text != other)
    assert ids.find(other) == -1
    assert ids.find_all([other]).tolist() == [-1]


def test_a_lone_surrogate_is_looked_for_in_vain() -> None:
    assert Ids.sorted_from(ODD).find("\ud800") == -1


def test_saved_ids_are_mapped_and_equal(tmp_path: Path) -> None:
    ids = Ids.sorted_from(ODD)
    ids.save(tmp_path, "ids")
    loaded = Ids.load(tmp_path, "ids")
    assert loaded.same(ids)
    assert not loaded.blob.flags.writeable


def test_no_ids_can_be_saved_too(tmp_path: Path) -> None:
    Ids.of([]).save(tmp_path, "none")
    assert len(Ids.load(tmp_path, "none")) == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"gone\.npy"):
        load_array(tmp_path, "gone", np.int64)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "half.npy", np.arange(1000))
    whole = (tmp_path / "half.npy").read_bytes()
    (tmp_path / "half.npy").write_bytes(whole[:500])
    with pytest.raises(ArtifactCorrupt, match=r"half\.npy"):
        load_array(tmp_path, "half", np.int64)


def test_another_kind_of_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", np.zeros(3))
    with pytest.raises(ArtifactCorrupt, match="float64"):
        load_array(tmp_path, "real", np.int64)


def test_offsets_of_other_texts_are_refused(tmp_path: Path) -> None:
    Texts.of(["one", "two"]).save(tmp_path, "texts")
    np.save(tmp_path / "texts.blob.npy", np.zeros(2, np.uint8))
    with pytest.raises(ArtifactCorrupt, match="do not fit"):
        Texts.load(tmp_path, "texts")


def test_a_text_is_found_at_its_place_each_time_and_a_stranger_never() -> None:
    ids = Ids.sorted_from(["ant", "bee", "cat"])
    for _ in range(2):
        assert ids.find_all(["cat", "dog", "ant", ""]).tolist() == [2, -1, 0, -1]
        assert (ids.find("bee"), ids.find("be")) == (1, -1)
