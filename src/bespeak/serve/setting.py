"""Where and when a list is shown, as a request may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from bespeak.errors import BadRequest

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
"""How far the time of a request may be ahead of ours, as of an event."""

Place = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=256,
        description="Where the list stands, as events name places: what is popular there fills it"
        " up. Kept with what was shown.",
    ),
]
Device = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=256, description="What it is seen on. Kept with what was shown."
    ),
]
Time = Annotated[
    datetime,
    msgspec.Meta(
        tz=True,
        description="When it is shown, where that is not now (tests, replays): ISO 8601 with its"
        " offset. Kept with what was shown.",
    ),
]
IsShown = Annotated[
    Literal["yes", "no"],
    msgspec.Meta(
        description="`no` for a list that no customer sees, a preview: it is not logged as shown."
    ),
]


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and when a list is shown, and whether a customer sees it."""

    place: Place | None = None
    device: Device | None = None
    time: Time | None = None
    shown: IsShown = "yes"

    @property
    def label(self) -> tuple[str, str] | None:
        """As recommenders group by it."""
        return None if self.place is None else ("place", self.place)

    def moment(self) -> datetime:
        """When it is shown.

        raises : BadRequest for a time before 1970, or more than a day ahead
        """
        now = datetime.now(UTC)
        if self.time is None:
            return now
        if not EARLIEST <= self.time <= now + AHEAD:
            raise BadRequest(
                "`time` can't be that", found=self.time.isoformat(),
                expected="a time from 1970 to a day from now",
            )  # fmt: skip
        return self.time
