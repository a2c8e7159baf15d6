"""What holds for one person at this moment: the latest of what a run knew and the log has heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from bespeak.columns import SESSION
from bespeak.consent import REFUSED, Consent, Purpose, Words, latest
from bespeak.serve import answers
from bespeak.serve.endpoint import shop_of
from bespeak.serve.intake import Intake
from bespeak.serve.shop import Shop


def words_of(request: Request, customer_id: str) -> Words:
    """All that a customer said, in whichever session, the latest of each purpose."""
    shop = shop_of(request)
    return _latest(request, shop.snapshot.consent_of(customer_id), shop.visitors(customer_id))


def words_after(known: Words, heard: Sequence[Consent]) -> Words:
    """What a run knew, and what the log has heard since: the latest of each purpose."""
    return latest([*known.values(), *(one.word for one in heard)]) if heard else known


def words_in(request: Request, session: str) -> Words:
    """What a visitor said; where the session is a customer's by now, what that customer did."""
    intake: Intake | None = request.app.state.intake
    shop, own = shop_of(request), f"{SESSION}:{session}"
    owner = None if intake is None else intake.owner(session)
    customer_id = shop.snapshot.customer_of(own if owner is None else owner)
    if customer_id is None:
        return _latest(request, {}, [own] if owner is None else [own, owner])
    known = shop.snapshot.consent_of(customer_id)
    theirs = [own, *shop.visitors(customer_id)]
    return _latest(request, known, theirs if owner is None else [*theirs, owner])


def refuses(request: Request, purpose: Purpose, words: Words) -> bool:
    """Whether data may not be used for this purpose, after these words."""
    return not shop_of(request).privacy.allows(purpose, words)


def of_a_stranger(answer: Mapping[str, Any], customer_id: str | None) -> dict[str, Any]:
    """A list that was made without any history, as the answer to who wants it so."""
    # where the filters leave nothing, that is the reason
    nothing_left = None if answer["items"] else answer["fallback_reason"]
    reason = nothing_left or dict(REFUSED)
    return {**answer, "customer_id": customer_id, "fallback": True, "fallback_reason": reason}


def said(shop: Shop, words: Words) -> dict[str, answers.ConsentSaid]:
    """What holds for each purpose, and since when, where somebody has spoken of it."""
    return {
        str(purpose): answers.ConsentSaid(held.allowed, held.said, held.since)
        for purpose, held in shop.privacy.holds(words).items()
    }


def _latest(request: Request, known: Words, visitors: list[str]) -> Words:
    intake: Intake | None = request.app.state.intake
    return known if intake is None else words_after(known, intake.consents(visitors))
