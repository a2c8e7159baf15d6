"""Bytes, rows and seconds, as settings write them and as people read them."""

from __future__ import annotations

import re

from bespeak.errors import ConfigInvalid

UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def in_bytes(text: str, memory: int | None) -> int:
    """`2GB`, `512 MiB`, or a percentage of `memory`.

    raises : ConfigInvalid
    """
    found = re.fullmatch(r"([\d.]+)\s*([a-z]*|%)", text.strip().lower())
    if found is not None and found[2] == "%" and memory is not None:
        return int(memory * float(found[1]) / 100)
    if found is None or found[2] not in UNITS:
        raise ConfigInvalid(
            "bespeak.toml, workspace.memory: not an amount of memory",
            found=text,
            expected="a number and a unit, such as 2GB",
        )
    return int(float(found[1]) * UNITS[found[2]])


def bytes_said(size: float) -> str:
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1e3:.0f} kB"


def rows_said(rows: float) -> str:
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if rows >= unit:
            return f"{rows / unit:.1f} {name}"
    return f"{rows:,.0f}"


def seconds_said(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
