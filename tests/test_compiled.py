"""Texts found by compiled code: where a plain search would find them."""

from __future__ import annotations

import subprocess
import sys
from bisect import bisect_left, bisect_right
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bespeak import compiled
from bespeak.compiled import find, place, sealed, span

Texts = list[bytes]


@settings(deadline=None)  # the first one loads the compiled code
@given(st.lists(st.binary(max_size=6), max_size=30), st.binary(max_size=6))
def test_a_text_is_placed_and_found_as_by_a_plain_search(texts: Texts, wanted: bytes) -> None:
    texts = sorted(texts)
    for kind in (np.int32, np.int64):
        ends = np.cumsum([0, *map(len, texts)]).astype(kind)
        blob, ends = sealed(np.frombuffer(b"".join(texts), np.uint8), ends)
        text = np.frombuffer(wanted, np.uint8)
        at = bisect_left(texts, wanted)
        assert place(blob, ends, text) == at
        assert span(blob, ends, text) == (at, bisect_right(texts, wanted))
        assert find(blob, ends, text) == (at if wanted in texts else -1)


def test_what_is_sealed_can_not_be_written() -> None:
    (view,) = sealed(np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0


@pytest.mark.parametrize("home_writable", [True, False])
def test_compiled_code_needs_no_writable_package(tmp_path: Path, home_writable: bool) -> None:
    module = tmp_path / "package" / "copy_of_it.py"
    module.parent.mkdir()
    module.write_text(Path(compiled.__file__).read_text())
    (module.parent / "__pycache__").write_text("a file, so that nothing can be put beside the code")
    home = tmp_path / "home"
    home.mkdir()
    if not home_writable:
        (home / "cache").write_text("a file too")
    code = (
        f"import sys; sys.path.insert(0, {str(module.parent)!r}); import numpy as np;"
        "import copy_of_it as made; text = np.frombuffer(b'abc', np.uint8);"
        "print(made.find(text, np.array([0, 1, 3]), text[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PATH": ""},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (ran.stdout.split(), ran.returncode) == (["1"], 0), ran.stderr[-2000:]
