"""Many texts in two arrays, so that a server can map them from disk instead of loading them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bespeak.compiled import find as found
from bespeak.compiled import sealed
from bespeak.errors import ArtifactCorrupt

Kind = TypeVar("Kind", bound=np.generic)

REMEMBERED = 50_000
"""Texts whose places are kept at hand; some 8 MB."""


@dataclass(frozen=True, eq=False)
class Texts:
    """A sequence of texts of any length.

    blob : uint8, their UTF-8 bytes one after another
    ends : int64, n + 1 offsets; text i is blob[ends[i]:ends[i + 1]]
    """

    blob: NDArray[np.uint8]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """`texts` in their order."""
        parts = [_encoded(text) for text in texts]
        ends = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=ends[1:])
        return cls(np.frombuffer(b"".join(parts), np.uint8), ends)

    @classmethod
    def of_arrow(cls, texts: pa.Array) -> Texts:
        """The texts of an Arrow `large_string` array without nulls, without a copy per text."""
        ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
        held = texts.buffers()[2]
        blob = np.frombuffer(held, np.uint8) if held is not None else np.zeros(0, np.uint8)
        return cls(blob[ends[0] : ends[-1]], ends - ends[0])

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int) -> str:
        return self.raw(index).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def raw(self, index: int) -> bytes:
        """The UTF-8 bytes of one text."""
        return self.blob[self.ends[index] : self.ends[index + 1]].tobytes()

    def with_others(self, others: Mapping[int, str]) -> Texts:
        """The same texts but for some, without a look at the rest.

        others : index -> the text that stands there instead
        """
        lengths, parts, start = np.diff(self.ends), [], 0
        for index in sorted(others):
            text = _encoded(others[index])
            parts += [self.blob[start : self.ends[index]], np.frombuffer(text, np.uint8)]
            start, lengths[index] = int(self.ends[index + 1]), len(text)
        ends = np.zeros(len(self.ends), np.int64)
        np.cumsum(lengths, out=ends[1:])
        return Texts(np.concatenate([*parts, self.blob[start:]]), ends)

    def arrow(self) -> pa.Array:
        """The same texts as an Arrow `large_string` array, without a copy."""
        buffers = [None, pa.py_buffer(self.ends), pa.py_buffer(self.blob)]
        return pa.Array.from_buffers(pa.large_string(), len(self), buffers)

    def save(self, folder: Path, name: str) -> None:
        """Two .npy files; equal texts give equal bytes."""
        np.save(folder / f"{name}.blob.npy", self.blob)
        np.save(folder / f"{name}.ends.npy", self.ends)

    @classmethod
    def load(cls, folder: Path, name: str) -> Texts:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt where the two files do not belong together
        """
        blob = load_array(folder, f"{name}.blob", np.uint8)
        ends = load_array(folder, f"{name}.ends", np.int64)
        if not len(ends) or ends[0] != 0 or ends[-1] != len(blob):
            raise ArtifactCorrupt(
                f"{folder / name}: its texts and offsets do not fit",
                next_step="Delete that folder and run `bespeak run` again.",
            )
        return cls(blob, ends)


@dataclass(frozen=True, eq=False)
class Ids(Texts):
    """Texts in ascending order of their UTF-8 bytes, each once: position is rank."""

    @classmethod
    def sorted_from(cls, texts: Iterable[str]) -> Ids:
        """Each of `texts` once, in order."""
        return cls.of(sorted(set(texts), key=_encoded))

    @classmethod
    def of(cls, texts: Iterable[str]) -> Ids:
        made = Texts.of(texts)
        return cls(made.blob, made.ends)

    @classmethod
    def of_arrow(cls, texts: pa.Array) -> Ids:
        made = Texts.of_arrow(texts)
        return cls(made.blob, made.ends)

    @classmethod
    def load(cls, folder: Path, name: str) -> Ids:
        made = Texts.load(folder, name)
        return cls(made.blob, made.ends)

    def find(self, text: str) -> int:
        """The position of `text`, or -1; where it was once found, that is remembered."""
        known = self._found.get(text)
        if known is not None:
            return known
        blob, ends = self._sealed
        place = int(found(blob, ends, np.frombuffer(_encoded(text), np.uint8)))
        # what nobody has heard of is looked for again: strangers could make it endless
        if place >= 0 and len(self._found) < REMEMBERED:
            self._found[text] = place
        return place

    @cached_property
    def _found(self) -> dict[str, int]:
        return {}

    @cached_property
    def _sealed(self) -> tuple[Any, ...]:
        return sealed(self.blob, self.ends)

    def find_all(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Positions of `texts`, -1 where there is none.

        A handful is searched for; many are looked up in a table made for the occasion.
        """
        if len(texts) * 3 < len(self):
            return np.array([self.find(text) for text in texts], np.int32)
        places = {self.raw(index): index for index in range(len(self))}
        return np.array([places.get(_encoded(text), -1) for text in texts], np.int32)

    def same(self, other: Ids) -> bool:
        """Whether both hold the same texts."""
        return np.array_equal(self.ends, other.ends) and np.array_equal(self.blob, other.blob)


def _encoded(text: str) -> bytes:
    # a lone surrogate can come in by JSON; it names nothing, but must not break the search
    return text.encode("utf-8", "surrogatepass")


def load_array(folder: Path, name: str, kind: type[Kind]) -> NDArray[Kind]:
    """A one-dimensional .npy of one kind, mapped read-only.

    raises : ArtifactCorrupt, naming the file, where it is missing or is something else
    """
    path = folder / f"{name}.npy"
    try:
        # a plain view of the map: numpy's own memmap class costs as much as what it slices
        found: NDArray[Kind] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ArtifactCorrupt(
            f"{path}: can't be read as an array",
            next_step="Delete that folder and run `bespeak run` again.",
        ) from error
    if found.dtype != np.dtype(kind) or found.ndim != 1:
        raise ArtifactCorrupt(
            f"{path}: is another array",
            found=f"{found.dtype} of {found.ndim} dimensions",
            expected=f"{np.dtype(kind)} of 1",
            next_step="Delete that folder and run `bespeak run` again.",
        )
    return found


def save_arrays(folder: Path, of: object, kinds: Mapping[str, type[np.generic]]) -> None:
    """The attributes of `of` that `kinds` names, one .npy each; equal arrays give equal bytes."""
    for name in kinds:
        np.save(folder / f"{name}.npy", np.ravel(getattr(of, name)))


def load_arrays(folder: Path, kinds: Mapping[str, type[np.generic]]) -> dict[str, Any]:
    """What `save_arrays` wrote, mapped, one dimension each.

    raises : as `load_array`
    """
    return {name: load_array(folder, name, kind) for name, kind in kinds.items()}


def misfit(folder: Path) -> ArtifactCorrupt:
    """What is said of a folder whose arrays are each sound, and not of one another."""
    return ArtifactCorrupt(
        f"{folder}: its arrays do not fit each other",
        next_step="Delete that folder and run `bespeak run` again.",
    )
