"""How good lists are: one number a customer, then means with intervals.

Everything is over all items. `relevant` is how many test items a customer has, those included that
the training part never saw; only customers with at least one are measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bespeak.errors import BadRequest
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.histories import Flags, Histories, Index, Interactions, Whole

if TYPE_CHECKING:
    from scipy import sparse

Real = NDArray[np.float64]

LISTS = 500
"""Diversity is taken over at most this many lists: its pairs grow with the square of k."""


def hits(ranked: Ranked, held: Held, items: int) -> Flags:
    """(customers, k): whether the item at that place of that list is a test item."""
    known = held.items >= 0
    wanted = held.rows[known] * items + held.items[known]
    rows = np.arange(len(ranked.items))[:, None]
    found: Flags = np.isin(rows * items + ranked.items, wanted) & (ranked.items >= 0)
    return found


def recall(hit: Flags, relevant: Whole) -> Real:
    """hits / relevant."""
    share: Real = hit.sum(axis=1) / relevant
    return share


def ndcg(hit: Flags, relevant: Whole, k: int) -> Real:
    """Discounted gain over that of an ideal list of min(k, relevant) hits."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(k, relevant) - 1]
    gain: Real = hit @ discount[: hit.shape[1]] / ideal
    return gain


def mrr(hit: Flags) -> Real:
    """One over the place of the first hit; 0 without one."""
    first: Real = (hit / np.arange(1, hit.shape[1] + 1)).max(axis=1, initial=0.0)
    return first


def any_hit(hit: Flags) -> Real:
    """1 with a hit, else 0."""
    return np.where(hit.any(axis=1), 1.0, 0.0)


def average_precision(hit: Flags, relevant: Whole, k: int) -> Real:
    """Mean precision at the places of the hits, over min(k, relevant)."""
    precision = np.cumsum(hit, axis=1) / np.arange(1, hit.shape[1] + 1)
    total: Real = (precision * hit).sum(axis=1) / np.minimum(k, relevant)
    return total


def accuracy(ranked: Ranked, held: Held, items: int, k: int) -> dict[str, Real]:
    """Every accuracy metric, a value per customer.

    raises : BadRequest where nobody has a test item
    """
    if not len(held):
        raise BadRequest(
            "no customer has a test item", next_step="Check that both parts name the same ids."
        )
    relevant, hit = np.diff(held.indptr), hits(ranked, held, items)
    return {
        f"recall@{k}": recall(hit, relevant),
        f"ndcg@{k}": ndcg(hit, relevant, k),
        f"mrr@{k}": mrr(hit),
        f"hit@{k}": any_hit(hit),
        f"map@{k}": average_precision(hit, relevant, k),
    }


def intervals(
    values: dict[str, Real], *, seed: int, resamples: int = 1000
) -> dict[str, tuple[float, float]]:
    """95 % percentile bootstrap intervals of the means, customers drawn with replacement.

    The same seed draws the same customers, so that models on one test are resampled together.
    """
    table = np.column_stack(list(values.values()))
    count, draw = len(table), np.random.default_rng(seed)
    means = np.empty((resamples, table.shape[1]))
    for index in range(resamples):
        times = np.bincount(draw.integers(0, count, count), minlength=count)
        means[index] = times @ table / count
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return {name: (float(low[i]), float(high[i])) for i, name in enumerate(values)}


def coverage(ranked: Ranked, items: int) -> float:
    """The share of all items that stands on at least one list."""
    return len(np.unique(ranked.items[ranked.items >= 0])) / items


def gini(ranked: Ranked, items: int) -> float:
    """How unevenly lists use the catalogue: 0 where every item stands on as many, near 1 on few."""
    shown = np.sort(np.bincount(ranked.items[ranked.items >= 0], minlength=items))
    if not shown.any():
        return 0.0
    places = np.arange(1, items + 1)
    return float((2 * places - items - 1) @ shown / (items * shown.sum()))


def ips_recall(ranked: Ranked, held: Held, train: Interactions) -> float | None:
    """The mean of `ips_recalls`; None where there are none."""
    return mean(ips_recalls(ranked, held, train))


def ips_recalls(ranked: Ranked, held: Held, train: Interactions) -> Real:
    """Recall in which an item counts by one over how many have it, as if all were seen as often.

    Items that nobody has in `train` have no such chance, and are left out, and so are customers of
    whom only such are wanted.
    returns : each other customer's own ratio
    source  : the self-normalised estimate of Yang et al. (2018), with chances as counts
    """
    count = len(train.items)
    having = np.bincount(train.histories.indices, minlength=count)
    weight = np.append(np.where(having > 0, 1 / np.maximum(having, 1), 0.0), 0.0)
    whole = np.bincount(held.rows, weight[held.items], minlength=len(held))
    found = np.where(hits(ranked, held, count), weight[ranked.items], 0.0).sum(axis=1)
    known = whole > 0
    ratio: Real = found[known] / whole[known]
    return ratio


def novelty(ranked: Ranked, train: Interactions) -> float | None:
    """The mean of `novelties`; None where there are none."""
    return mean(novelties(ranked, train))


def novelties(ranked: Ranked, train: Interactions) -> Real:
    """Of each list that has an item, the mean of -log2(share of customers who have it)."""
    histories = train.histories
    having = np.bincount(histories.indices, minlength=len(train.items))
    bits = -np.log2(np.maximum(having, 1) / max(len(histories), 1))
    filled = ranked.items >= 0
    lengths = filled.sum(axis=1)
    sums = np.where(filled, bits[ranked.items], 0.0).sum(axis=1)
    found: Real = sums[lengths > 0] / lengths[lengths > 0]
    return found


def diversity(
    ranked: Ranked, train: Interactions, categories: Index | None, *, seed: int
) -> float | None:
    """The mean of `diversities`; None where there are none."""
    return mean(diversities(ranked, train, categories, seed=seed))


def diversities(
    ranked: Ranked, train: Interactions, categories: Index | None, *, seed: int
) -> Real:
    """Of each list with two items, how unlike they are, pair by pair; over a seeded sample of them.

    categories : per item, its category or -1: a pair is unlike where they differ; by default a
                 pair is unlike by 1 - the cosine of who has them
    """
    usable = np.flatnonzero((ranked.items >= 0).sum(axis=1) > 1)
    draw = np.random.default_rng(seed)
    rows = np.sort(draw.choice(usable, min(LISTS, len(usable)), replace=False))
    if categories is not None:
        return np.array([_apart(categories[ranked.row(int(row))]) for row in rows])
    columns = _unit_columns(train.histories, len(train.items))
    return np.array([_unlike(columns[ranked.row(int(row))]) for row in rows])


def mean(values: Real) -> float | None:
    """None of nothing."""
    return float(values.mean()) if len(values) else None


def _apart(labels: Index) -> float:
    """The share of pairs with another category; an unknown one is like nothing."""
    count = len(labels)
    _, sizes = np.unique(labels[labels >= 0], return_counts=True)
    return 1 - float((sizes * (sizes - 1)).sum()) / (count * (count - 1))


def _unlike(columns: sparse.csr_array) -> float:
    """1 - mean cosine of all pairs: the squared length of their sum holds every pair twice."""
    count = columns.shape[0]
    total = np.bincount(columns.indices, columns.data, minlength=columns.shape[1])
    return 1 - (float(total @ total) - count) / (count * (count - 1))


def _unit_columns(histories: Histories, items: int) -> sparse.csr_array:
    """Items by customers, each row of length 1."""
    from scipy import sparse

    having = np.bincount(histories.indices, minlength=items)
    values = 1 / np.sqrt(having[histories.indices])
    shape = (len(histories), items)
    by_customer = sparse.csr_array((values, histories.indices, histories.indptr), shape=shape)
    return sparse.csr_array(by_customer.T)
