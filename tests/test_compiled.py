"""Texts found by compiled code: where a plain search would find them."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespeak.compiled import find, place, sealed

Texts = list[bytes]


@given(st.lists(st.binary(max_size=6), max_size=30), st.binary(max_size=6))
def test_a_text_is_placed_and_found_as_by_a_plain_search(texts: Texts, wanted: bytes) -> None:
    texts = sorted(texts)
    for kind in (np.int32, np.int64):
        ends = np.cumsum([0, *map(len, texts)]).astype(kind)
        blob, ends = sealed(np.frombuffer(b"".join(texts), np.uint8), ends)
        text = np.frombuffer(wanted, np.uint8)
        at = bisect_left(texts, wanted)
        assert place(blob, ends, text) == at
        assert find(blob, ends, text) == (at if wanted in texts else -1)


def test_what_is_sealed_can_not_be_written() -> None:
    (view,) = sealed(np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0
