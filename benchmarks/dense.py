"""A made-up shop's answers made dense: what a server of the largest catalogue has to work through.

`bespeak synth` and `bespeak run` make a shop in which few items go together. Here every item of its
catalogue gets 200 neighbours, by chance, and every customer a history of 15 to 50 items: so that a
list adds up some 6,500 similarities of some 6,000 different items. The files are published as a run
publishes them; the text of the items, and all else, stays the shop's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bespeak.recommend.answering.catalogue import NO_PRICE, PRICE, Catalogue
from bespeak.recommend.base import Model
from bespeak.recommend.histories import Groups, Histories, Index, Interactions
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.models.item_knn import ItemKnn
from bespeak.recommend.models.popular import PopularParameters, fit_popular
from bespeak.recommend.texts import Ids, Texts
from bespeak.serve import Snapshot
from bespeak.workspace import SNAPSHOT, Workspace

NEIGHBOURS = 200
SHORTEST, LONGEST = 15, 50
SCALE = 1e6
SEED = 11
DAY = 86_400_000_000
Make = Callable[[Path], Mapping[str, Any]]


def make_dense(root: Path) -> None:
    """Publish dense histories and models beside what a run left in `root`; at most once.

    raises : NotReady before a run
    """
    workspace = Workspace(root)
    sparse = Interactions.load(workspace.get("artifacts/histories").path)
    catalogue, items = _catalogue(workspace)
    if len(sparse.items) == len(items):  # it has been done
        return
    chance = np.random.default_rng(SEED)
    interactions = _interactions(chance, sparse, items)
    model = _model(chance, items)
    popular = fit_popular(interactions, PopularParameters())
    made: Mapping[str, Make] = {
        "artifacts/histories": _saved(interactions),
        "artifacts/catalogue": _saved(catalogue),
        "artifacts/models/popular": _saved(popular),
        "artifacts/models/item_knn": _saved(model),
    }
    versions = {
        key: workspace.build(
            *_split(key), inputs={"dense": NEIGHBOURS, "seed": SEED}, code="benchmark", make=make
        ).version
        for key, make in made.items()
    }
    workspace.publish({**workspace.current(), **versions})


def _split(key: str) -> tuple[str, str]:
    kind, _, name = key.rpartition("/")
    return kind, name


def _saved(value: Interactions | Catalogue | Model) -> Make:
    def make(folder: Path) -> Mapping[str, Any]:
        value.save(folder)
        return {"engine": None, "rows": 0}

    return make


def _catalogue(workspace: Workspace) -> tuple[Catalogue, Ids]:
    """Every item that the snapshot knows, also those that nobody has chosen."""
    rows = Snapshot.open(workspace.get(SNAPSHOT).path).items.rows
    told = {name: rows[name].to_pylist() for name in ("title", "category", "price", "is_product")}
    prices = [NO_PRICE if price is None else round(price * PRICE) for price in told["price"]]
    products = np.array(told["is_product"], np.bool_)
    found = Catalogue(
        Texts.of(title or "" for title in told["title"]), Groups.of(told["category"]),
        np.array(prices, np.int64), products, products, products,
    )  # fmt: skip
    return found, Ids.of(rows["item_id"].to_pylist())


def _interactions(chance: np.random.Generator, sparse: Interactions, items: Ids) -> Interactions:
    """The same customers, each with 15 to 50 items that they bought in the last year."""
    lengths = chance.integers(SHORTEST, LONGEST + 1, len(sparse.customers))
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    indices = np.concatenate(
        [np.sort(chance.choice(len(items), length, replace=False)) for length in lengths]
    ).astype(np.int32)
    assert sparse.as_of is not None
    last = sparse.as_of - chance.integers(1, 365 * DAY, len(indices))
    histories = Histories(
        indptr, indices, chance.integers(1, 4_000_000, len(indices)),
        np.ones(len(indices), np.int32), last, last, np.ones(len(indices), np.bool_),
        sparse.histories.groups,
    )  # fmt: skip
    return replace(sparse, items=items, histories=histories)


def _model(chance: np.random.Generator, items: Ids) -> ItemKnn:
    """Each item's neighbours, by chance, none of them itself; likeness falls along the list."""
    count = len(items)
    neighbours = np.concatenate([_others(chance, item, count) for item in range(count)])
    likeness = -np.sort(-chance.integers(1_000, int(SCALE), (count, NEIGHBOURS)), axis=1)
    return ItemKnn(
        items, ItemKnnParameters(neighbours=NEIGHBOURS), SCALE, 0,
        np.arange(count + 1, dtype=np.int64) * NEIGHBOURS, neighbours,
        likeness.reshape(-1).astype(np.int32),
        chance.integers(2, 60, count * NEIGHBOURS).astype(np.int32),
    )  # fmt: skip


def _others(chance: np.random.Generator, item: int, count: int) -> Index:
    drawn = chance.choice(count - 1, NEIGHBOURS, replace=False, shuffle=False)
    found: Index = (drawn + (drawn >= item)).astype(np.int32)
    return found
