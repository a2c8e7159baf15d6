"""The k-means model: fitted on a sample, applied in the engine, kept without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from segment_worlds import blobs, measured
from sklearn.metrics import adjusted_rand_score

from bespeak import segments
from bespeak.config import Segments
from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt, ColumnMissing, NotReady
from bespeak.segments.kmeans import ARRAYS, REPORT, assign_rows

QUICK = Segments(k_max=6, bootstrap=8)
F = ["f0", "f1", "f2", "f3"]


def labels(engine: Engine, customers: Any, model: segments.KMeansModel) -> dict[str, str]:
    rows = engine.run(segments.assign(engine, customers, model)).to_pylist()
    return {row["customer_id"]: row["segment_id"] for row in rows}


def fitted(engine: Engine, customers: Any, config: Segments = QUICK) -> segments.KMeansModel:
    return segments.fit_kmeans(engine, customers, config, seed=7, features=F)


@pytest.mark.parametrize("k", [3, 4, 5])
def test_blobs_are_told_apart(engine: Engine, k: int) -> None:
    points, truth = blobs(k, seed=k)
    customers = measured(engine, points)
    model = fitted(engine, customers)
    found = labels(engine, customers, model)
    assert model.k == k
    assert adjusted_rand_score(truth, [found[f"c{i}"] for i in range(len(truth))]) >= 0.98


def test_the_engine_and_numpy_assign_alike(engine: Engine) -> None:
    points, _ = blobs(4, seed=3, size=60)
    points[::7, 1] = np.nan
    points[5, 2] = 1e6
    customers = measured(engine, points)
    model = fitted(engine, customers)
    found = labels(engine, customers, model)
    expected = [f"cluster_{label + 1}" for label in assign_rows(model, points)]
    assert [found[f"c{i}"] for i in range(len(points))] == expected


def test_clusters_are_numbered_by_size(engine: Engine) -> None:
    points, truth = blobs(3, seed=5, size=100)
    keep = (truth == 1) | ((truth == 0) & (np.cumsum(truth == 0) <= 70))
    keep |= (truth == 2) & (np.cumsum(truth == 2) <= 40)
    customers = measured(engine, points[keep])
    model = fitted(engine, customers)
    assert model.sizes == (100, 70, 40)
    counts = np.unique(list(labels(engine, customers, model).values()), return_counts=True)
    assert dict(zip(*counts, strict=True)) == {"cluster_1": 100, "cluster_2": 70, "cluster_3": 40}


def test_row_order_changes_nothing(engine: Engine) -> None:
    points, _ = blobs(3, seed=6, size=50)
    customers = measured(engine, points)
    turned = engine.table(engine.run(customers.order_by("f2")))
    first, second = fitted(engine, customers), fitted(engine, turned)
    assert segments.report(first) == segments.report(second)
    assert first.centres.tobytes() == second.centres.tobytes()


def test_a_sample_is_enough(engine: Engine) -> None:
    points, truth = blobs(3, seed=8, size=300)
    customers = measured(engine, points)
    model = fitted(engine, customers, Segments(k_max=4, bootstrap=5, sample=150))
    assert sum(model.sizes) == 150
    found = labels(engine, customers, model)
    assert adjusted_rand_score(truth, [found[f"c{i}"] for i in range(len(truth))]) >= 0.98


def test_one_blob_is_one_cluster_with_everybody_in_it(engine: Engine) -> None:
    customers = measured(engine, np.random.default_rng(2).normal(size=(250, 4)))
    model = fitted(engine, customers)
    assert model.k == 1
    assert set(labels(engine, customers, model).values()) == {"cluster_1"}
    (told,) = segments.describe(
        engine, customers, segments.assign(engine, customers, model), kind="kmeans"
    )
    assert told["name"] == {"en": "All customers", "zh": "全部客户"}
    assert told["description"]["en"].startswith("No clear groups")
    assert (told["share"], told["revenue"], told["revenue_share"]) == (1.0, None, None)


def test_a_saved_model_is_loaded_as_it_was_and_saved_alike(engine: Engine, tmp_path: Path) -> None:
    model = fitted(engine, measured(engine, blobs(3, seed=1, size=40)[0]))
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    segments.save(model, first)
    again = segments.load(first)
    segments.save(again, second)
    for name in (ARRAYS, REPORT):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert segments.report(again) == segments.report(model)
    assert again.found == model.found


@pytest.mark.parametrize("broken", [ARRAYS, REPORT])
def test_a_broken_model_is_said_to_be_corrupt(engine: Engine, tmp_path: Path, broken: str) -> None:
    segments.save(fitted(engine, measured(engine, blobs(3, seed=1, size=40)[0])), tmp_path)
    (tmp_path / broken).write_bytes(b"{not what it was")
    with pytest.raises(ArtifactCorrupt, match="no k-means model"):
        segments.load(tmp_path)


def test_features_that_tell_nothing_are_left_out_and_said(engine: Engine) -> None:
    points, _ = blobs(3, seed=2, size=40)
    points[:, 3] = 4.0
    points[: len(points) // 2 + 1, 2] = np.nan
    model = fitted(engine, measured(engine, points))
    assert model.scaling.names == ("f0", "f1")
    assert model.dropped == {"f2": "unknown", "f3": "constant"}


def test_without_any_telling_feature_all_are_one(engine: Engine) -> None:
    customers = measured(engine, np.ones((50, 4)))
    model = fitted(engine, customers)
    assert (model.k, model.found.why) == (1, "no_features")
    assert set(labels(engine, customers, model).values()) == {"cluster_1"}


def test_only_customers_with_an_order_are_grouped(engine: Engine) -> None:
    points, _ = blobs(3, seed=3, size=40)
    table = engine.run(measured(engine, points))
    orders = pa.array([0 if i < 10 else 2 for i in range(len(points))])
    customers = engine.table(table.append_column("orders", orders))
    model = fitted(engine, customers)
    assert model.buyers_only
    assert len(labels(engine, customers, model)) == len(points) - 10


def test_the_usual_features_are_grouped_by_family(engine: Engine) -> None:
    random = np.random.default_rng(4)
    web = np.repeat([0.1, 0.9], 60) + random.normal(scale=0.02, size=120)
    customers = engine.table(
        pa.table({
            "customer_id": [f"c{i}" for i in range(120)],
            "recency_days": random.integers(0, 60, 120),
            "orders": random.integers(1, 20, 120),
            "basket_value": random.normal(30, 5, 120),
            "channel_share:web": web,
            "channel_share:till": 1 - web,
        })
    )  # fmt: skip
    model = segments.fit_kmeans(engine, customers, QUICK, seed=7)
    assert set(model.scaling.names) == set(customers.columns) - {"customer_id"}
    scale = dict(zip(model.scaling.names, model.scaling.scale, strict=True))
    assert scale["channel_share:web"] == pytest.approx(web.std() * 2**0.5, rel=0.05)


def test_a_feature_that_is_not_there_is_named(engine: Engine) -> None:
    customers = measured(engine, np.ones((3, 1)))
    with pytest.raises(ColumnMissing, match="height"):
        segments.fit_kmeans(engine, customers, QUICK, seed=7, features=["height"])


def test_no_customers_are_not_ready(engine: Engine) -> None:
    customers = measured(engine, np.ones((3, 4))).filter(False)
    with pytest.raises(NotReady, match="no customers"):
        fitted(engine, customers)
