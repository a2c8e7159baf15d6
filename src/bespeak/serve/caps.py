"""How often one item is shown to one customer: what they passed over often enough rests a while.

It goes by what the log has: lists are written there a moment after they are answered, and some may
be lost (see docs/live.md), so an item may be shown once or twice more than the shop has set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from bespeak.serve.intake import Intake
from bespeak.serve.shop import Cap, Filters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LISTS, EVENTS = 200, 200
"""Of one customer, so many of the latest are looked at."""


def rested(
    filters: Filters, cap: Cap | None, intake: Intake | None, visitors: Sequence[str], at: datetime
) -> tuple[Filters, bool]:
    """The filters without what rests at that moment, and whether the log could be read for it.

    visitors : every identifier of the customer
    """
    if cap is None or intake is None:
        return filters, True
    items = _resting(cap, intake, visitors, at)
    if not items:
        return filters, items is not None
    return filters._replace(exclude=[*filters.exclude, *items]), True


def _resting(cap: Cap, intake: Intake, visitors: Sequence[str], at: datetime) -> list[str] | None:
    """What was shown that often since its customer last did anything about it; None where the log
    can't be read."""
    now, span = ((at - EPOCH) // timedelta(microseconds=1)), cap.within // timedelta(microseconds=1)
    lists = intake.shown(visitors, LISTS, since=now - span)
    if lists is None:
        return None
    shown = [(item, one.time) for one in lists if one.time <= now for item in set(one.items)]
    often = _often(cap, (item for item, _ in shown))
    if not often:
        return []
    done = intake.history(visitors, EVENTS, after=0)
    if done is None:
        return None
    last = {one.item_id: one.time for one in sorted(done, key=lambda one: one.time)}
    left = (item for item, time in shown if item not in last or time > last[item])
    return sorted(often & _often(cap, left))


def _often(cap: Cap, items: Iterable[str]) -> set[str]:
    return {item for item, count in Counter(items).items() if count >= cap.most}
