"""Two workspaces side by side: rows, arrays and documents, with a tolerance for floats."""

from __future__ import annotations

from bespeak.compare.arrays import compare_arrays
from bespeak.compare.documents import compare_documents
from bespeak.compare.found import FLOAT_TOLERANCE, Column, Compared, Example, Kind, Side
from bespeak.compare.ordered import compare_ordered
from bespeak.compare.rows import compare_rows
from bespeak.compare.shown import shown

__all__ = [
    "FLOAT_TOLERANCE",
    "Column",
    "Compared",
    "Example",
    "Kind",
    "Side",
    "compare_arrays",
    "compare_documents",
    "compare_ordered",
    "compare_rows",
    "shown",
]
