"""Arrays, Arrow files and documents of two artifacts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from bespeak.compare import arrays, compare_arrays, compare_documents, compare_ordered
from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "a.npy", tmp_path / "b.npy"


def save(files: tuple[Path, Path], one: Any, other: Any) -> tuple[Path, Path]:
    for path, values in zip(files, (one, other), strict=True):
        np.save(path, values)
    return files


def test_one_changed_element_of_a_long_array_is_found_where_it_stands(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "RANGE_BYTES", 800)
    one = np.arange(1000, dtype=np.int64)
    other = one.copy()
    other[777] = 0
    (found,) = compare_arrays(*save(files, one, other))
    assert (found.differing, found.equal, found.same) == (1, 999, False)
    assert found.examples[0].key == {"at": 777} and found.examples[0].values == {"value": (777, 0)}
    assert compare_arrays(*save(files, one, one))[0].same


def test_floats_of_arrays_have_a_tolerance_and_nan_equals_nan(files: tuple[Path, Path]) -> None:
    one = np.array([1.0, math.nan, math.inf, 0.0, 2.0])
    (near,) = compare_arrays(*save(files, one, one * (1 + 1e-12)))
    assert near.same and near.columns[0].largest == pytest.approx(1e-12, rel=1e-3)
    for at, value in ((0, 1 + 1e-8), (1, 0.0), (2, -math.inf), (3, 1e-300), (4, math.nan)):
        other = one.copy()
        other[at] = value
        (found,) = compare_arrays(*save(files, one, other))
        assert [each.key["at"] for each in found.examples] == [at]


def test_another_type_or_shape_is_told(files: tuple[Path, Path]) -> None:
    for one, other in (
        (np.zeros(3, np.int32), np.zeros(3, np.int64)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(3), np.zeros(4)),
    ):
        (found,) = compare_arrays(*save(files, one, other))
        assert not found.same and str(one.dtype) in found.apart[0]


def test_each_array_of_an_archive_is_compared(tmp_path: Path) -> None:
    kept = sparse.csr_array(np.eye(4))
    for name in ("a", "b"):
        sparse.save_npz(tmp_path / f"{name}.npz", kept)
    found = compare_arrays(tmp_path / "a.npz", tmp_path / "b.npz", name="m")
    assert all(each.same for each in found) and {each.name for each in found} > {"m/data"}
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.arange(3))
    np.savez(tmp_path / "b.npz", x=np.arange(3), z=np.arange(3))
    found = compare_arrays(tmp_path / "a.npz", tmp_path / "b.npz", name="m")
    assert {each.name: each.same for each in found} == {"m/x": True, "m/y": False, "m/z": False}


def test_what_is_no_array_is_an_error(files: tuple[Path, Path]) -> None:
    save(files, np.arange(100), np.arange(100))
    files[1].write_bytes(files[1].read_bytes()[:-8])
    with pytest.raises(ArtifactCorrupt, match="ends too early"):
        compare_arrays(*files)
    files[1].write_bytes(b"no array at all")
    with pytest.raises(ArtifactCorrupt):
        compare_arrays(*files)


def test_a_differing_value_of_a_document_is_named_by_its_path() -> None:
    one = {"k": 4, "models": [{"name": "popular", "ndcg": 0.25, "fit_s": 1.0}], "none": None}
    other = {"k": 4, "models": [{"name": "popular", "ndcg": 0.26, "fit_s": 2.0}], "none": None}
    found = compare_documents(one, other, but={"fit_s"})
    assert (found.differing, found.equal) == (1, 3)
    assert found.examples[0].key == {"at": "models[0].ndcg"}
    assert found.examples[0].values == {"value": (0.25, 0.26)}
    assert compare_documents(one, other, but={"fit_s"}, tolerance=0.1).same
    assert not compare_documents({"x": 1}, {"x": True}).same
    assert not compare_documents({"x": []}, {"x": {}}).same
    missing = compare_documents({"x": [1, 2]}, {"x": [1]})
    assert (missing.only_a, missing.examples[0].where) == (1, "only in A")


def test_arrow_rows_in_another_order_are_not_the_same(engine: Engine, tmp_path: Path) -> None:
    rows = pa.table({"id": ["a", "b", "c"], "x": [1.0, 2.0, 3.0]})
    for name, table in (("a", rows), ("b", rows), ("c", rows.take([1, 0, 2]))):
        with pa.ipc.new_file(tmp_path / f"{name}.arrow", rows.schema) as writer:
            writer.write_table(table, max_chunksize=2 if name == "b" else 3)
    a, b, c = (tmp_path / f"{name}.arrow" for name in "abc")
    assert compare_ordered(engine, a, b, scratch=tmp_path / "1", key=["id"]).same
    moved = compare_ordered(engine, a, c, scratch=tmp_path / "2", key=["id"])
    assert not moved.same and "another order" in moved.apart[0] and moved.equal == 3
    b.write_bytes(b"no arrow")
    with pytest.raises(ArtifactCorrupt):
        compare_ordered(engine, a, b, scratch=tmp_path / "3")
