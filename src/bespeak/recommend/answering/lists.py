"""Lists of a model, filled up with what is popular: the same for one customer and for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bespeak.recommend.base import Model, Ranked, Why, Whys, fill, whys
from bespeak.recommend.histories import Flags, Histories, Index, Whole
from bespeak.recommend.mathematics.single import NOTHING, Ready, Single
from bespeak.recommend.models.popular import Popular


@dataclass(frozen=True, eq=False)
class Lists:
    """A list a history.

    ranked   : `own` counts the leading items that whoever made the list put there itself
    by_model : whether the model made the list; else it is popular items alone, a fallback
    facts    : why each item of a single list is on it, where that came with the list
    """

    ranked: Ranked
    by_model: Flags
    facts: Sequence[Why] | None = None


def listed(
    model: Model,
    popular: Popular,
    histories: Histories,
    k: int,
    *,
    exclude: Histories | None,
    allow: Flags,
    quick: Ready | None = None,
) -> Lists:
    """The k best a history by the model; short lists are filled up, empty ones replaced.

    quick : what makes the model's lists where only one is asked for; by default itself, if it can
    """
    ready = model if quick is None and isinstance(model, Ready) else quick
    if len(histories) == 1 and ready is not None:
        out = NOTHING if exclude is None else exclude.indices
        alone = ready.single(histories, k, exclude=out, allow=allow)
        if alone is not None:
            full = min(k, len(model.items))
            return _single(alone, popular, histories, full, exclude=exclude, allow=allow)
    ranked = model.recommend(histories, k, exclude=exclude, allow=allow)
    by_model: Flags = ranked.own > 0
    width = min(k, len(model.items))
    short = np.flatnonzero(~by_model | ((ranked.items >= 0).sum(axis=1) < width))
    if not len(short):
        return Lists(ranked, by_model)
    out = None if exclude is None else exclude.take(short)
    others = popular.recommend(histories.take(short), k, exclude=out, allow=allow)
    own = ranked.own[short]
    mixed = fill(Ranked(ranked.items[short], ranked.scores[short], own), others)
    ours = by_model[short]
    items, scores, counts = _widened(ranked, width)
    items[short] = np.where(ours[:, None], mixed.items, others.items)
    scores[short] = np.where(ours[:, None], mixed.scores, others.scores)
    counts[short] = np.where(ours, own, others.own)
    return Lists(Ranked(items, scores, counts), by_model)


def _single(
    alone: Single,
    popular: Popular,
    history: Histories,
    k: int,
    *,
    exclude: Histories | None,
    allow: Flags,
) -> Lists:
    """As `listed`, of the one list that the model has made; k is at most the number of items."""
    own = np.array([len(alone.items)])
    ranked = Ranked(alone.items[None, :], alone.scores[None, :], own)
    if own[0] == k:
        return Lists(ranked, own > 0, alone.facts)
    others = popular.recommend(history, k, exclude=exclude, allow=allow)
    return Lists(fill(ranked, others) if own[0] else others, own > 0)


def facts(model: Model, popular: Popular, histories: Histories, lists: Lists) -> Whys:
    """The fact behind every item, by whoever put it on its list."""
    items = lists.ranked.items
    leading = np.arange(items.shape[1]) < lists.ranked.own[:, None]
    by_model = leading & lists.by_model[:, None]
    ours = whys(model, histories, np.where(by_model, items, -1).astype(np.int32))
    theirs = whys(popular, histories, np.where(by_model, -1, items).astype(np.int32))
    return Whys(
        np.where(by_model, ours.kinds, theirs.kinds),
        np.where(by_model, ours.others, theirs.others),
    )


def _widened(ranked: Ranked, width: int) -> tuple[Index, Whole, Whole]:
    """Copies, with room for `width` items a list."""
    items = np.full((len(ranked.items), width), -1, np.int32)
    scores = np.zeros(items.shape, np.int64)
    items[:, : ranked.items.shape[1]] = ranked.items
    scores[:, : ranked.scores.shape[1]] = ranked.scores
    return items, scores, ranked.own.copy()
