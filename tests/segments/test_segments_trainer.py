"""k-means whose centres the engine finds on all customers."""

from __future__ import annotations

import numpy as np
import pytest
from segment_worlds import blobs, measured
from sklearn.metrics import adjusted_rand_score

from bespeak import segments
from bespeak.config import Segments
from bespeak.engines import Engine, Spark
from bespeak.errors import EngineUnavailable
from bespeak.segments.scaling import fit_scaling, fit_scaling_to_all

FEATURES = ["f0", "f1", "f2", "f3"]
BY_ENGINE = Segments(k_min=4, k_max=4, bootstrap=2, trainer="mllib")


def skewed(seed: int = 3) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """A bell, a long tail with gaps, money with a whale, a constant, and mostly unknown."""
    draw = np.random.default_rng(seed)
    points = np.column_stack(
        [
            draw.normal(-3, 2, 400),
            draw.exponential(20, 400),
            draw.lognormal(3, 1.5, 400),
            np.full(400, 4.0),
            draw.normal(0, 1, 400),
        ]
    )
    points[::5, 1] = np.nan
    points[7, 2] = 1e9
    points[:260, 4] = np.nan
    return points


def test_the_engine_scales_as_we_do(engine: Engine) -> None:
    points = skewed()
    columns = {f"f{at}": points[:, at] for at in range(5)}
    families = [["f0", "f1"], ["f2"], ["f3"], ["f4"]]
    one, dropped = fit_scaling(families, columns)
    two, also = fit_scaling_to_all(engine, measured(engine, points), families)
    assert dropped == also == {"f3": "constant", "f4": "unknown"}
    assert one.names == two.names and np.array_equal(one.logged, two.logged)
    for name in ("fill", "low", "high", "centre", "scale"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9)


def test_features_that_say_nothing_are_left_out_by_the_engine_too(engine: Engine) -> None:
    people = measured(engine, np.array([[1.0, np.nan], [1.0, np.nan]]))
    scaling, dropped = fit_scaling_to_all(engine, people, [["f0"], ["f1"]])
    assert scaling.names == () and dropped == {"f0": "constant", "f1": "unknown"}


def test_an_engine_that_cannot_train_is_refused(engine: Engine) -> None:
    people = measured(engine, blobs(2, seed=1, size=20)[0])
    assert segments.needs(BY_ENGINE) == {"mllib"} and segments.needs(Segments()) == frozenset()
    with pytest.raises(EngineUnavailable, match="mllib"):
        segments.fit_kmeans(engine, people, BY_ENGINE, seed=7, features=FEATURES)


def test_mllib_finds_the_groups_that_we_find(spark: Spark) -> None:
    points, truth = blobs(4, seed=4, size=60)
    customers = measured(spark, points)
    found = {}
    for trainer in ("bespeak", "mllib"):
        config = Segments(k_min=4, k_max=4, bootstrap=2, sample=120, trainer=trainer)
        model = segments.fit_kmeans(spark, customers, config, seed=7, features=FEATURES, cut=True)
        rows = spark.run(segments.assign(spark, customers, model)).to_pylist()
        placed = {row["customer_id"]: row["segment_id"] for row in rows}
        found[trainer] = [placed[f"c{at}"] for at in range(len(truth))]
        assert segments.report(model)["trainer"] == trainer
    assert model.sizes == (60, 60, 60, 60), "of all customers, not of the sample"
    assert adjusted_rand_score(found["mllib"], found["bespeak"]) > 0.99
    assert adjusted_rand_score(found["mllib"], truth) > 0.98


def test_one_group_is_the_mean_of_all(spark: Spark) -> None:
    points = np.random.default_rng(2).normal(size=(200, 4))
    config = Segments(k_max=3, bootstrap=2, trainer="mllib")
    model = segments.fit_kmeans(spark, measured(spark, points), config, seed=7, features=FEATURES)
    assert model.k == 1 and model.sizes == (200,)
    np.testing.assert_allclose(model.centres, np.zeros((1, 4)), atol=0.1)
