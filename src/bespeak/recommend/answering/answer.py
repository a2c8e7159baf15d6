"""One customer's list, the same for the command line, the API and the console."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bespeak.errors import ArtifactCorrupt, NotFound, NotReady
from bespeak.fresh import fresh_id
from bespeak.recommend.answering.catalogue import Catalogue
from bespeak.recommend.answering.current import UNCHANGED, Changes, Newcomers, changed, newcomers
from bespeak.recommend.answering.filters import ALL, Filters, has_category
from bespeak.recommend.answering.lists import listed
from bespeak.recommend.answering.owned import owned
from bespeak.recommend.answering.reasons import (
    NEWCOMER,
    REMEMBERED,
    Telling,
    fallback_reason,
    reason,
    why_fallback,
)
from bespeak.recommend.answering.served import Served
from bespeak.recommend.answering.since import Counting, Since, brought_up_to_date, hidden
from bespeak.recommend.base import Model, Similar, Why
from bespeak.recommend.evaluating.evaluate import checked_k
from bespeak.recommend.histories import Flags, Groups, Histories, Index, Interactions
from bespeak.recommend.interactions import moment
from bespeak.recommend.mathematics.single import Ready
from bespeak.recommend.models import load
from bespeak.recommend.models.popular import Popular
from bespeak.recommend.texts import Ids

NOTHING = np.zeros(0, np.int32)
TWINS = 5
"""Of an item that does not interest, so many of its nearest may go with it,"""
TWIN = 0.5
"""if they are as near as this: a cosine of their customers (see item_knn)."""
MASKS = 200
"""Of as many filters the items that they let through are kept: a byte an item each."""
NEWCOMERS = "newcomers"
"""Folder of them, in the catalogue's."""
UNCOUNTED = Counting(MappingProxyType({}), None)


@dataclass(frozen=True, eq=False)
class Recommender:
    """A model and what its lists are made of; nothing is kept per customer or per call.

    known     : customers and their histories, mapped from disk
    popular   : fills up short lists, and is the list of who has no history
    repeat    : whether a list may hold what its customer already has, where a call does not say
    zone      : where the days that reasons name begin and end
    alike     : the model that knows which items go together; None where none was fitted
    purchases : whether every interaction is a purchase, so that reasons may say "bought"
    counting  : what an event since the last count adds to a history
    newcomers : items that no model knows, which fill up what a category is asked for
    quick     : what makes the model's lists one by one, where that is not the model (see served.py)
    """

    model: Model
    version: str
    known: Interactions
    catalogue: Catalogue
    popular: Popular
    repeat: bool
    zone: ZoneInfo
    alike: Model | None = None
    purchases: bool = False
    counting: Counting = UNCOUNTED
    newcomers: Sequence[Newcomers] = ()
    quick: Ready | None = None

    def answer(
        self,
        customer_id: str | None = None,
        items: Sequence[str] = (),
        *,
        k: int = 10,
        repeat: bool | None = None,
        filters: Filters = ALL,
        label: tuple[str, str] | None = None,
        customer_known: bool = False,
        since: Sequence[Since] = (),
    ) -> dict[str, Any]:
        """The k items to offer a customer, or whoever has the history `items`.

        repeat         : whether owned items may be offered (see `owned`), and those of `items`;
                         None: as this recommender does
        filters        : which items the list may hold
        label          : (kind, label) of this call, like ("place", "330"), for popular items
        customer_known : the caller has seen the customer, so no history is no error
        since          : what they did since the interactions were counted, oldest first
        returns        : as serve.answers.Recommendations; `model` is the one that made the list
        raises         : NotFound for a customer without history, unless `customer_known`;
                         BadRequest unless k is 1 to 1000, and as Filters.allowed
        """
        checked_k(k)
        history, unknown = self._history(customer_id, items, customer_known or bool(since))
        history, unseen = self._since(history, since)
        if label is not None:
            history = _labelled(history, *label)
        again = self.repeat if repeat is None else repeat
        out = None
        if not again:
            out = owned(history, buys=self.known.buys, as_of=self.known.as_of)
            # nobody says whether what came with the request was bought
            if items:
                filters = filters._replace(exclude=[*filters.exclude, *items])
        dismissed = hidden(filters.hidden, since, self.counting)
        allow = self._without(dismissed, self._allowed(filters))
        lists = listed(
            self.model, self.popular, history, k, exclude=out, allow=allow, quick=self.quick
        )
        ranked, fallback = lists.ranked, not lists.by_model[0]
        maker: Model = self.popular if fallback else self.model
        own, offered = int(ranked.own[0]), ranked.row(0)
        said = self._said(history, offered, ranked.scores[0], own, maker, lists.facts)
        said += self._arrived(filters, k - len(said), without=dismissed)
        code = why_fallback(len(history.indices), unknown + unseen, len(said)) if fallback else None
        return {
            "customer_id": customer_id,
            "request_id": fresh_id(),
            "model": maker.name,
            "version": self.version,
            "fallback": fallback,
            "fallback_reason": fallback_reason(code) if code else None,
            "as_of": self._as_of,
            "items": said,
        }

    def behind(self, lists: Path) -> Recommender:
        """The same, its model served by the item lists saved there (see served.py).

        raises : ArtifactCorrupt
        """
        return replace(self, quick=Served.load(lists, self.model))

    def trending(
        self, *, k: int = 10, filters: Filters = ALL, label: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        """The k items that most customers chose lately, as of the last count.

        label   : (kind, label) of those customers, where popular items are counted by that kind
        returns : as serve.answers.Trending
        raises  : as `answer`, but for customers
        """
        checked_k(k)
        allow = self._allowed(filters)
        nobody = Histories.of_lists([[]])
        if label is not None:
            nobody = _labelled(nobody, *label)
        ranked = self.popular.recommend(nobody, k, allow=allow)
        said = self._said(nobody, ranked.row(0), ranked.scores[0], 0, self.popular)
        return {
            "model": self.popular.name,
            "version": self.version,
            "as_of": self._as_of,
            "items": [*said, *self._arrived(filters, k - len(said))],
        }

    def similar(
        self, item_id: str, *, k: int = 10, item_known: bool = False, filters: Filters = ALL
    ) -> dict[str, Any]:
        """The k items that go best with one item.

        item_known : the caller has seen the item, so that it may be one nobody had: an empty list
        returns    : as serve.answers.SimilarItems
        raises     : NotFound, unless `item_known`; BadRequest on k, and as Filters.allowed;
                     NotReady without such a model
        """
        checked_k(k)
        if self.alike is None or not isinstance(self.alike, Similar):
            raise NotReady(
                "no fitted model knows which items go together",
                next_step="Add item_knn to [recommend] models, and run again.",
            )
        place = self.known.items.find(item_id)
        if place < 0 and not item_known:
            raise NotFound(f"there is no item `{item_id[:80]}`")
        history = Histories.of_lists([[place]] if place >= 0 else [[]])
        near, scores = np.zeros(0, np.int32), np.zeros(0, np.int64)
        if place >= 0:
            found = self.alike.similar(np.array([place], np.int32), len(self.known.items))
            kept = (found.items[0] >= 0) & self._allowed(filters)[found.items[0]]
            near, scores = found.items[0][kept][:k], found.scores[0][kept][:k]
        return {
            "item_id": item_id,
            "model": self.alike.name,
            "version": self.version,
            "items": self._said(history, near, scores, len(near), self.alike),
        }

    def _history(
        self, customer_id: str | None, items: Sequence[str], customer_known: bool
    ) -> tuple[Histories, int]:
        """One row, and how many of the items it was to hold nobody knows."""
        if customer_id is None:
            places = self.known.items.find_all(items)
            return Histories.of_lists([places[places >= 0]]), int((places < 0).sum())
        row = self.known.customers.find(customer_id)
        if row < 0 and not customer_known:
            raise NotFound(
                f"there is no customer `{customer_id[:80]}` with a history",
                next_step="Look one up with /v1/customers?q=.",
            )
        return self.known.histories.take(np.array([row])), 0

    def _allowed(self, filters: Filters) -> Flags:
        """What the filters let the models list."""
        return filters.without_excluded(self._narrowed(filters.standing), self.known.items)

    @cached_property
    def _narrowed(self) -> Callable[[Filters], Flags]:
        """What the shared part of filters lets through: shoppers ask for the same few again and
        again, and a mask of 40,000 items takes longer to make than a list."""

        def narrowed(filters: Filters) -> Flags:
            wanted = filters.category
            elsewhere = wanted is not None and any(
                has_category(one.catalogue, wanted) for one in self.newcomers
            )
            allow = filters.narrowed(self.catalogue, elsewhere=elsewhere)
            allow.flags.writeable = False
            return allow

        return lru_cache(MASKS)(narrowed)

    def _arrived(
        self, filters: Filters, room: int, *, without: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """Newcomers where there is room, of a category that is asked for: a category is a choice
        of the caller's, while elsewhere what people have chosen speaks."""
        if filters.category is None or room <= 0:
            return []
        wanted = filters._replace(exclude=[*filters.exclude, *without])
        found: list[dict[str, Any]] = []
        for one in self.newcomers:
            allow = wanted.allowed(one.catalogue, one.items, elsewhere=True)
            found += one.facts(allow, room - len(found))
        return [{**facts, "score": 0.0, "reason": NEWCOMER.said()} for facts in found]

    def _without(self, dismissed: Collection[str], allow: Flags) -> Flags:
        """What may be listed, less what does not interest and what is all but the same."""
        places = self.known.items.find_all(sorted(dismissed)) if dismissed else NOTHING
        places = places[places >= 0].astype(np.int32)
        if not len(places):
            return allow
        allow = allow.copy()
        allow[places] = False
        if self.alike is not None and isinstance(self.alike, Similar):
            near = self.alike.similar(places, TWINS)
            twins = near.items[(near.items >= 0) & (near.scores >= TWIN * self.alike.unit)]
            allow[twins] = False
        return allow

    def _since(self, history: Histories, since: Sequence[Since]) -> tuple[Histories, int]:
        """The history with `since` in it, and how many of those items nobody knows."""
        if not since:
            return history, 0
        find = self.known.items.find
        places = [find(event.item_id) for event in since]
        now = brought_up_to_date(history, since, places, self.counting, self.known.as_of)
        return now, sum(place < 0 for place in places)

    def _said(
        self,
        history: Histories,
        items: Index,
        scores: Any,
        own: int,
        maker: Model,
        facts: Sequence[Why] | None = None,
    ) -> list[dict[str, Any]]:
        """Each item with what the catalogue says, its score and its reason.

        facts : the reasons' facts, where they came with the list
        """
        telling = self._telling
        if facts is None:
            ours = maker.why(history, items[:own]) if own else []
            facts = ours + (self.popular.why(history, items[own:]) if own < len(items) else [])
        return [
            {
                **self._about(item),
                "score": float(score) / maker.unit,
                "reason": reason(fact, history, telling).said(),
            }
            for item, score, fact in zip(items.tolist(), scores.tolist(), facts, strict=False)
        ]

    @cached_property
    def _about(self) -> Callable[[int], Mapping[str, Any]]:
        """An item -> its id and what the catalogue says; the items on many lists are at hand."""
        return lru_cache(REMEMBERED)(partial(_about, self.catalogue, self.known.items))

    @cached_property
    def _telling(self) -> Telling:
        return Telling(self._name, self.purchases, self.known.as_of, self.zone)

    def _name(self, item: int) -> str:
        about = self._about(item)
        name: str = about["title"] or about["item_id"]
        return name

    @cached_property
    def _as_of(self) -> str | None:
        return None if self.known.as_of is None else moment(self.known.as_of).isoformat()


class Latest:
    """A recommender over the catalogue as it is now; what was made of the last changes is kept."""

    def __init__(self, maker: Recommender) -> None:
        self._maker = maker
        self._held: tuple[Changes, Recommender] = (UNCHANGED, maker)

    def at(self, changes: Changes) -> Recommender:
        """The recommender as of these changes, which hold all that were given before; the same
        mapping is not looked at again."""
        held = self._held
        if held[0] is not changes:
            self._held = held = (changes, self._changed(held[1], changes))
        return held[1]

    def _changed(self, before: Recommender, changes: Changes) -> Recommender:
        """The one before with these changes: what it has of them already costs nothing again."""
        old = before.newcomers[: len(self._maker.newcomers)]
        known = [before.known.items, *(one.items for one in old)]
        arrived = newcomers(changes, lambda item: any(ids.find(item) >= 0 for ids in known))
        old = [replace(one, catalogue=changed(one.catalogue, one.items, changes)) for one in old]
        catalogue = changed(before.catalogue, before.known.items, changes)
        return replace(before, catalogue=catalogue, newcomers=[*old, arrived])


def open_recommender(
    name: str,
    *,
    models: Mapping[str, Path],
    interactions: Path,
    catalogue: Path,
    version: str,
    repeat: bool,
    zone: str = "UTC",
    counting: Counting | None = None,
) -> Recommender:
    """A recommender over saved artifacts, mapped.

    models   : name -> folder; `name` and `popular` at least
    counting : as the interactions were counted; without it, events since then add nothing
    raises : NotFound for a name that is no model; ArtifactCorrupt where folders do not fit
    """
    known, model = Interactions.load(interactions), load(name, models[name])
    popular = Popular.load(models["popular"])
    alike = load("item_knn", models["item_knn"]) if "item_knn" in models else None
    about = Catalogue.load(catalogue)
    for part in (model, popular, alike):
        if part is not None and not part.items.same(known.items):
            raise _misfit(models[name])
    if len(about.allowed) != len(known.items):
        raise _misfit(catalogue)
    return Recommender(
        model, version, known, about, popular, repeat, ZoneInfo(zone), alike,
        purchases=bool(known.histories.bought.all()), counting=counting or UNCOUNTED,
        newcomers=[Newcomers.load(path) for path in [catalogue / NEWCOMERS] if path.is_dir()],
    )  # fmt: skip


def _about(catalogue: Catalogue, items: Ids, item: int) -> Mapping[str, Any]:
    return {"item_id": items[item], **catalogue.facts(item)}


def _labelled(history: Histories, kind: str, label: str) -> Histories:
    groups = {**history.groups, kind: Groups(Ids.of([label]), np.zeros(1, np.int32))}
    return Histories(
        history.indptr, history.indices, history.weights, history.times, history.first_time,
        history.last_time, history.bought, groups,
    )  # fmt: skip


def _misfit(folder: Path) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        f"{folder}: was made for other items than the interactions",
        next_step="Run `bespeak run` again.",
    )
