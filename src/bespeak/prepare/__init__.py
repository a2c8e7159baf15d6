"""From conformed rows to a record that can be trusted: every row kept, merged or quarantined."""

from __future__ import annotations

from bespeak.prepare.changes import described_by_changes, given_up, price_history
from bespeak.prepare.consent import unclear, unite_consent
from bespeak.prepare.customers import unite_customers
from bespeak.prepare.duplicates import merge_exact
from bespeak.prepare.exposures import exposures
from bespeak.prepare.feedback import WITHIN, feedback
from bespeak.prepare.identity import identify
from bespeak.prepare.items import unite_items
from bespeak.prepare.judge import Judged, judge
from bespeak.prepare.merges import compare_identities, explain
from bespeak.prepare.replay import compare_quarantine
from bespeak.prepare.scaling import Scaling, fit_scaling, scale, unscale
from bespeak.prepare.sessions import sessionise
from bespeak.prepare.write import Came, write_source

__all__ = [
    "WITHIN", "Came", "Judged", "Scaling", "compare_identities", "compare_quarantine",
    "described_by_changes", "explain", "exposures", "feedback", "fit_scaling", "given_up",
    "identify", "judge", "merge_exact", "price_history", "scale", "sessionise", "unclear",
    "unite_consent", "unite_customers", "unite_items", "unscale", "write_source",
]  # fmt: skip
