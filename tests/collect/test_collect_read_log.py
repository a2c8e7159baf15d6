"""Access logs: three usual shapes, times in UTC, other lines refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from staging import stage_bytes

from bespeak.collect.access_log import parse
from bespeak.errors import SourceUnreadable

COMMON = '203.0.113.5 - ann [10/Oct/2000:13:55:36 -0700] "GET /p/1?ref=a&b=c HTTP/1.0" 200 2326'
COMBINED = COMMON + ' "https://shop.example/start" "Mozilla/5.0 (X11; \\"odd\\") Gecko"'
WANTED = {
    "vhost": None, "host": "203.0.113.5", "user": "ann", "time": "2000-10-10T20:55:36Z",
    "method": "GET", "path": "/p/1", "query": "ref=a&b=c", "status": "200", "bytes": "2326",
    "referrer": None, "agent": None,
}  # fmt: skip


def test_the_common_the_combined_and_the_vhost_format_are_read(tmp_path: Path) -> None:
    lines = f"{COMMON}\n{COMBINED}\nshop.example:443 {COMBINED}\n"
    found = stage_bytes(tmp_path, lines.encode(), "access.log")
    assert found.facts["format"] == "access_log"
    ends = {"referrer": "https://shop.example/start", "agent": 'Mozilla/5.0 (X11; "odd") Gecko'}
    assert found.rows == [
        {**WANTED, "_row": 1},
        {**WANTED, **ends, "_row": 2},
        {**WANTED, **ends, "vhost": "shop.example:443", "_row": 3},
    ]


def test_what_the_log_leaves_out_is_null() -> None:
    values = parse('::1 - - [01/Jan/2024:00:00:00 +0000] "-" 408 - "-" "-"')
    assert values == (None, "::1", None, "2024-01-01T00:00:00Z", *[None] * 3, "408", *[None] * 3)


def test_a_user_of_two_words_is_not_taken_for_a_host() -> None:
    values = parse(COMMON.replace("- ann", "- ann lee"))
    assert values is not None and values[:3] == (None, "203.0.113.5", "ann lee")


@pytest.mark.parametrize(
    "line",
    [
        "hello world",
        COMMON[:60],
        COMMON.replace("10/Oct", "31/Feb"),
        COMMON.replace("Oct", "Okt"),
        COMMON.replace('"GET', "GET"),
        COMMON.replace(" 200 ", " ok "),
    ],
)
def test_other_lines_are_refused_with_their_number(tmp_path: Path, line: str) -> None:
    found = stage_bytes(tmp_path, f"{COMMON}\n\n{line}\n{COMMON}\n".encode(), format="access_log")
    assert found.numbers == [1, 4] and found.reasons == [(3, "not_a_log_line")]
    assert found.refused[0]["raw"] == line


def test_damaged_bytes_are_refused_by_line(tmp_path: Path) -> None:
    lines = COMMON.encode() + b"\n" + COMMON.encode().replace(b"/p/1", b"/p/\xff") + b"\n"
    found = stage_bytes(tmp_path, lines, "access.log")
    assert found.reasons == [(2, "undecodable_text")]


def test_a_line_without_an_end_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="row 2"):
        stage_bytes(tmp_path, COMMON.encode() + b"\n" + b"a " * (9 << 20), "access.log")
