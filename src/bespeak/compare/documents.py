"""Two JSON documents, value by value."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

from bespeak.compare.found import EXAMPLES, FLOAT_TOLERANCE, Compared, Example, Where


def compare_documents(
    a: Any,
    b: Any,
    *,
    name: str = "document",
    tolerance: float = FLOAT_TOLERANCE,
    but: Collection[str] = (),
) -> Compared:
    """What is equal and what differs between two documents.

    but : keys that are left out wherever they stand (times, versions)
    """
    left, right = dict(_values(a, "", but)), dict(_values(b, "", but))
    found = [_differing(left, right, path, tolerance) for path in [*left, *(right.keys() - left)]]
    kinds = [example.where for example in found if example is not None]
    return Compared(
        name=name,
        kind="document",
        a=len(left),
        b=len(right),
        equal=len(found) - len(kinds),
        only_a=kinds.count("only in A"),
        only_b=kinds.count("only in B"),
        differing=kinds.count("differs"),
        examples=tuple(sorted(filter(None, found), key=_path))[:EXAMPLES],
    )


def _path(example: Example) -> str:
    return str(example.key["at"])


def _values(part: Any, path: str, but: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Every value with its path; an empty list or object is a value too."""
    if isinstance(part, dict) and part:
        for key in part:
            if key not in but:
                yield from _values(part[key], f"{path}.{key}" if path else key, but)
    elif isinstance(part, list) and part:
        for at, each in enumerate(part):
            yield from _values(each, f"{path}[{at}]", but)
    else:
        yield path, part


def _differing(
    left: dict[str, Any], right: dict[str, Any], path: str, tolerance: float
) -> Example | None:
    if path in left and path in right:
        if _same(left[path], right[path], tolerance):
            return None
        return Example("differs", {"at": path}, {"value": (left[path], right[path])})
    where: Where = "only in A" if path in left else "only in B"
    return Example(where, {"at": path}, {})


def _same(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=0)
    return type(one) is type(other) and bool(one == other)
