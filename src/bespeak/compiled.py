"""Python loops made machine code, and the one that several parts need: a text found among many.

Nothing here knows what the texts are; stages that may not import each other may all import this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Machine code, which lets other threads run meanwhile."""
    return _made(function, nogil=True)


def brief(function: Function) -> Function:
    """Machine code of a few microseconds, in which letting other threads run would take longer."""
    return _made(function, nogil=False)


def _made(function: Function, *, nogil: bool) -> Function:
    """Kept beside the module or, where that is read-only, in the user's cache."""
    try:
        return cast(Function, numba.njit(cache=True, nogil=nogil)(function))
    except RuntimeError:  # nowhere to write at all: compile once a process, a second or so
        return cast(Function, numba.njit(nogil=nogil)(function))


def sealed(*arrays: Any) -> tuple[Any, ...]:
    """Read-only views, mapped or not: compiled code is made once a type, and these are one."""
    return tuple(map(_sealed, arrays))


def _sealed(array: Any) -> Any:
    if type(array) is np.ndarray and not array.flags.writeable:  # as what is mapped is already
        return array
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


@brief
def place(blob: Any, ends: Any, wanted: Any) -> int:
    """The first of some texts, in the order of their bytes, that is not before `wanted`.

    blob, ends : text i is blob[ends[i]:ends[i + 1]], uint8
    wanted     : uint8
    returns    : how many stand before it
    """
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if _before(blob, ends[middle], ends[middle + 1], wanted):
            low = middle + 1
        else:
            high = middle
    return low


@brief
def span(blob: Any, ends: Any, wanted: Any) -> tuple[int, int]:
    """Where the texts that equal `wanted` begin and end among texts as `place` takes them."""
    first = place(blob, ends, wanted)
    last = first
    while last < len(ends) - 1 and _equal(blob, ends[last], ends[last + 1], wanted):
        last += 1
    return first, last


@brief
def find(blob: Any, ends: Any, wanted: Any) -> int:
    """Where `wanted` stands among texts as `place` takes them, the first of equal ones; or -1."""
    at = place(blob, ends, wanted)
    if at == len(ends) - 1 or not _equal(blob, ends[at], ends[at + 1], wanted):
        return -1
    return at


@brief
def _equal(blob: Any, start: int, stop: int, wanted: Any) -> bool:
    if stop - start != len(wanted):
        return False
    same = 0
    while same < len(wanted) and blob[start + same] == wanted[same]:
        same += 1
    return same == len(wanted)


@brief
def _before(blob: Any, start: int, stop: int, wanted: Any) -> bool:
    shared = min(stop - start, len(wanted))
    for index in range(shared):
        if blob[start + index] != wanted[index]:
            return bool(blob[start + index] < wanted[index])
    return stop - start < len(wanted)
