"""Customers in groups that a person understands: rules over RFM, and k-means where groups show."""

from __future__ import annotations

from bespeak.segments.describe import describe
from bespeak.segments.kmeans import (
    KMeansModel,
    assign,
    fit_kmeans,
    load,
    needs,
    quality,
    report,
    save,
)
from bespeak.segments.rfm import rfm

__all__ = [
    "KMeansModel",
    "assign",
    "describe",
    "fit_kmeans",
    "load",
    "needs",
    "quality",
    "report",
    "rfm",
    "save",
]
