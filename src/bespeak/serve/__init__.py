"""HTTP over one published snapshot: it reads, and never trains.

`publication.publish` writes a snapshot, `Snapshot.open` reads it, a `Shop` adds the functions that
recommend, `create_app` makes the application of it and `serve` runs that on this machine.
"""

from __future__ import annotations

from bespeak.serve.admission import Admission
from bespeak.serve.app import Reload, create_app
from bespeak.serve.assortment import UNCHANGED, Changes
from bespeak.serve.consenting import of_a_stranger
from bespeak.serve.intake import Intake
from bespeak.serve.run import Site, serve, serve_sites
from bespeak.serve.shop import EVERYTHING, Cap, FeaturesLately, FeaturesNow, Filters, People, Shop
from bespeak.serve.snapshot import Snapshot

__all__ = [
    "EVERYTHING",
    "UNCHANGED",
    "Admission",
    "Cap",
    "Changes",
    "FeaturesLately",
    "FeaturesNow",
    "Filters",
    "Intake",
    "People",
    "Reload",
    "Shop",
    "Site",
    "Snapshot",
    "create_app",
    "of_a_stranger",
    "serve",
    "serve_sites",
]
