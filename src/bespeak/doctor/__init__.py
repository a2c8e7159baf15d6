"""What a workspace costs where it runs, what it will cost, and when one machine is too small."""

from __future__ import annotations

from bespeak.doctor.costs import Step, expanded, measure
from bespeak.doctor.findings import Finding, Setting, Severity, examine
from bespeak.doctor.machine import Machine, look
from bespeak.doctor.needs import Estimate, Needs, Raw, foresee
from bespeak.doctor.shown import shown
from bespeak.doctor.sizes import bytes_said, in_bytes

__all__ = [
    "Estimate",
    "Finding",
    "Machine",
    "Needs",
    "Raw",
    "Setting",
    "Severity",
    "Step",
    "bytes_said",
    "examine",
    "expanded",
    "foresee",
    "in_bytes",
    "look",
    "measure",
    "shown",
]
