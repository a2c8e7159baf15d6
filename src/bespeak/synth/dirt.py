"""What goes wrong with a file's rows: which, how, and where the copies land.

A row has at most one fault. A copy is a row more; its original is sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bespeak.synth.plan import Truths, Whole

Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Fault:
    """One kind of dirt: its name, the record's column it spoils, how many rows have it.

    rate : share of the rows it can befall
    only : `all` rows, or those with a `quantity`
    """

    kind: str
    column: str | None
    rate: float
    only: str = "all"


COPIED, RESENT = Fault("exact_duplicate", None, 0.004), Fault("same_key_duplicate", None, 0.002)
FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "web": (
        COPIED, RESENT,
        Fault("missing", "item_id", 0.001),
        Fault("missing", "price", 0.003),
        Fault("outlier", "price", 0.0008),
        Fault("outlier", "quantity", 0.0015, "quantity"),
    ),
    "app": (
        Fault("exact_duplicate", None, 0.006), Fault("same_key_duplicate", None, 0.003),
        Fault("missing", "price", 0.002),
        Fault("outlier", "quantity", 0.0015, "quantity"),
        Fault("unparsable", "price", 0.0004),
        Fault("broken_line", None, 0.0003),
    ),
    "till": (
        COPIED, RESENT,
        Fault("missing", "quantity", 0.001),
        Fault("missing", "price", 0.0015),
        Fault("outlier", "price", 0.001),
        Fault("outlier", "quantity", 0.0015),
        Fault("negative", "quantity", 0.0004),
        Fault("unparsable", "time", 0.0004),
        Fault("unparsable", "quantity", 0.0004),
        Fault("unparsable", "price", 0.0004),
        Fault("broken_line", None, 0.0003),
    ),
    "mail": (
        COPIED,
        Fault("missing", "actor", 0.002),
        Fault("unparsable", "time", 0.0006),
    ),
    "crm": (
        Fault("exact_duplicate", None, 0.008), Fault("same_key_duplicate", None, 0.01),
        Fault("missing", "birth_year", 0.02),
        Fault("missing", "city", 0.015),
        Fault("unparsable", "birth_year", 0.003),
    ),
    "catalogue": (
        Fault("exact_duplicate", None, 0.004), Fault("same_key_duplicate", None, 0.008),
        Fault("missing", "brand", 0.01),
        Fault("missing", "price", 0.006),
        Fault("unparsable", "price", 0.003),
    ),
}  # fmt: skip
SKEWED = Fault("clock", "time", 0.0)
"""All rows of a device whose clock is wrong; which devices these are is the device's matter."""
FAR_COPY = 400
"""A copy stands at most so many rows after its original."""


@dataclass(frozen=True)
class Spoilt:
    """One file's rows as they will stand there.

    take  : for each row of the file, which of the sound rows it is made from
    fault : for each row of the file, 0 or 1 + the place of its fault among the source's
    copy  : whether the row is a copy
    """

    source: str
    take: Whole
    fault: Codes
    copy: Truths

    def has(self, kind: str, column: str | None = None) -> Truths:
        """Rows of the file with one fault; of a copy, the copy."""
        at = [
            1 + place
            for place, fault in enumerate(FAULTS[self.source])
            if fault.kind == kind and (column is None or fault.column == column)
        ]
        return np.isin(self.fault, at)


def spoil(
    source: str,
    chance: np.random.Generator,
    rows: int,
    *,
    pieces: Truths | None = None,
    spared: Truths | None = None,
) -> Spoilt:
    """Decide the faults of `rows` rows, and put the copies in.

    pieces : rows with a quantity
    spared : rows that have something wrong already
    """
    faults = FAULTS[source]
    reach = np.cumsum([fault.rate for fault in faults])
    code = np.searchsorted(reach, chance.random(rows), side="right").astype(np.uint8) + np.uint8(1)
    code[code > len(faults)] = 0
    for place, fault in enumerate(faults):
        if fault.only == "quantity" and pieces is not None:
            code[(code == 1 + place) & ~pieces] = 0
    if spared is not None:
        code[spared] = 0
    copied = [1 + place for place, fault in enumerate(faults) if fault.kind.endswith("duplicate")]
    originals = np.flatnonzero(np.isin(code, copied))
    landing = originals + 1 + chance.integers(0, FAR_COPY, len(originals))
    landing = np.minimum(landing, rows)
    order = np.argsort(landing, kind="stable")
    take = np.insert(np.arange(rows), landing[order], originals[order])
    copy = np.insert(np.zeros(rows, dtype=bool), landing[order], True)
    stands = code[take]
    stands[~copy & np.isin(stands, copied)] = 0
    return Spoilt(source, take, stands, copy)
