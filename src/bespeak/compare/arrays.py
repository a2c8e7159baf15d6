"""Two .npy or .npz files, element by element, a range at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bespeak.compare.found import EXAMPLES, FLOAT_TOLERANCE, Column, Compared, Example
from bespeak.errors import ArtifactCorrupt

RANGE_BYTES = 8 * 2**20
"""What is read of each side at a time."""
VALUE = "value"


@dataclass(frozen=True)
class _Elements:
    """An array's header, and its elements still to be read."""

    stream: IO[bytes]
    kind: np.dtype[Any]
    shape: tuple[int, ...]
    by_column: bool

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def said(self) -> str:
        sides = " × ".join(map(str, self.shape)) or "one value"
        return f"{self.kind}, {sides}{', by column' if self.by_column else ''}"

    def ranges(self) -> Iterator[NDArray[Any]]:
        at_once = max(1, RANGE_BYTES // max(1, self.kind.itemsize))
        for start in range(0, self.size, at_once):
            wanted = min(at_once, self.size - start) * self.kind.itemsize
            content = self.stream.read(wanted)
            if len(content) != wanted:
                raise ValueError("it ends too early")
            yield np.frombuffer(content, self.kind)


def compare_arrays(
    a: Path, b: Path, *, name: str = "array", tolerance: float = FLOAT_TOLERANCE
) -> list[Compared]:
    """What is equal and what differs, for the array of a .npy or each of a .npz.

    raises : ArtifactCorrupt where a file is no array
    """
    if a.suffix == ".npy":
        with a.open("rb") as left, b.open("rb") as right:
            return [_compared(left, right, (a, b), name, tolerance)]
    with ExitStack() as stack:
        try:
            one, other = (stack.enter_context(zipfile.ZipFile(path)) for path in (a, b))
        except (zipfile.BadZipFile, OSError) as error:
            raise _corrupt(a, error) from error
        found = []
        for member in sorted({*one.namelist(), *other.namelist()}):
            title = f"{name}/{member.removesuffix('.npy')}"
            there = [0 if member in side.namelist() else None for side in (one, other)]
            if None in there:
                found.append(Compared(title, "array", there[0], there[1]))
                continue
            with one.open(member) as left, other.open(member) as right:
                found.append(_compared(left, right, (a, b), title, tolerance))
        return found


def _compared(
    left: IO[bytes], right: IO[bytes], files: tuple[Path, Path], name: str, tolerance: float
) -> Compared:
    one, other = (_opened(stream, file) for stream, file in zip((left, right), files, strict=True))
    if one.said() != other.said():
        apart = (f"is {one.said()} in A and {other.said()} in B",)
        return Compared(name, "array", one.size, other.size, apart=apart)
    examples: list[Example] = []
    differing, largest, start = 0, 0.0, 0
    try:
        for part, partner in zip(one.ranges(), other.ranges(), strict=True):
            places, apart_by = _differing(part, partner, tolerance)
            differing, largest = differing + len(places), max(largest, apart_by)
            for place in places[: EXAMPLES - len(examples)].tolist():
                values = (part[place].item(), partner[place].item())
                examples.append(Example("differs", {"at": start + place}, {VALUE: values}))
            start += len(part)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise _corrupt(files[0], error) from error
    return Compared(
        name, "array", one.size, other.size, one.size - differing, differing=differing,
        columns=(Column(VALUE, differing, largest or None),) if differing or largest else (),
        examples=tuple(examples),
    )  # fmt: skip


def _opened(stream: IO[bytes], file: Path) -> _Elements:
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_column, kind = read(stream)
    except (ValueError, KeyError, OSError) as error:
        raise _corrupt(file, error) from error
    if kind.hasobject:
        raise _corrupt(file, ValueError("it holds Python objects"))
    return _Elements(stream, kind, shape, by_column and len(shape) > 1)


def _differing(
    one: NDArray[Any], other: NDArray[Any], tolerance: float
) -> tuple[NDArray[np.int64], float]:
    """The places that differ, and the largest relative difference of all."""
    unequal = np.flatnonzero(one != other)
    if not len(unequal) or one.dtype.kind not in "iuf":
        return unequal, 0.0
    left, right = one[unequal].astype(np.float64), other[unequal].astype(np.float64)
    finite = np.isfinite(left) & np.isfinite(right)
    with np.errstate(invalid="ignore", over="ignore"):
        relative = np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))
    largest = float(relative[finite].max(initial=0.0))
    if one.dtype.kind != "f":
        return unequal, largest
    fine = (finite & (relative <= tolerance)) | (np.isnan(left) & np.isnan(right))
    return unequal[~fine], largest


def _corrupt(file: Path, error: Exception) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        f"{file}: it or its partner can't be read as an array: {error}",
        next_step="Delete that folder and run `bespeak run` again.",
    )
