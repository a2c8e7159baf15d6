"""How many groups there are: found where they are, and not invented where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from segment_worlds import blobs

from bespeak.segments.scaling import Floats
from bespeak.segments.search import Search, search
from bespeak.segments.verdict import verdict


def looked(points: Floats, seed: int = 7, k_max: int = 6) -> Search:
    scaled = (points - points.mean(axis=0)) / points.std(axis=0)
    return search(scaled, k_min=2, k_max=k_max, bootstrap=8, seed=seed)


@pytest.mark.parametrize("k", [3, 4, 5])
@pytest.mark.parametrize("seed", [1, 2])
def test_as_many_groups_are_found_as_there_are(k: int, seed: int) -> None:
    points, _ = blobs(k, seed, size=80)
    found = looked(points, seed)
    assert (found.k, found.why) == (k, "chosen")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("shape", ["round", "stretched", "flat"])
def test_one_cloud_is_one_group(shape: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = {
        "round": random.normal(size=(200, 3)),
        "stretched": random.normal(size=(200, 1)) + 0.6 * random.normal(size=(200, 3)),
        "flat": random.uniform(size=(200, 3)),
    }[shape]
    found = looked(points, seed, k_max=4)
    assert found.k == 1
    assert found.why in {"one_cloud", "unstable"}
    assert verdict(found)["en"].startswith("No clear groups")
    assert verdict(found)["zh"].startswith("没有明显的分群")


def test_a_cut_through_one_cloud_can_be_asked_for_and_says_what_it_is() -> None:
    random = np.random.default_rng(1)
    points = random.normal(size=(200, 1)) + 0.5 * random.normal(size=(200, 3))
    found = search(points, k_min=2, k_max=3, bootstrap=8, seed=7, cut=True)
    assert (found.k, found.why) == (2, "cut")
    assert verdict(found)["en"].startswith("No clear groups")
    assert "2 slices" in verdict(found)["en"]
    assert "2 个切片" in verdict(found)["zh"]


def test_all_curves_are_told_for_every_k() -> None:
    found = looked(blobs(3, 1, size=60)[0], k_max=5)
    assert [trial.k for trial in found.trials] == [1, 2, 3, 4, 5]
    for trial in found.trials[1:]:
        assert trial.silhouette is not None
        assert trial.stability is not None
        assert trial.agreement is not None
    inertias = [trial.inertia for trial in found.trials]
    assert inertias == sorted(inertias, reverse=True)
    assert found.trials[2].agreement == pytest.approx(1.0)
    assert found.elbow == 3


def test_the_same_seed_gives_the_same_curves() -> None:
    points, _ = blobs(3, 4, size=40)
    assert looked(points, k_max=4) == looked(points, k_max=4)


@pytest.mark.parametrize("count", [1, 2, 19])
def test_too_few_customers_are_not_split(count: int) -> None:
    points = np.random.default_rng(1).normal(size=(count, 2))
    found = search(points, k_min=2, k_max=5, bootstrap=3, seed=1)
    assert (found.k, found.why) == (1, "too_few")
    assert verdict(found)["en"].startswith("No groups were looked for")


def test_a_hundred_equal_customers_are_not_split() -> None:
    found = search(np.zeros((100, 2)), k_min=2, k_max=5, bootstrap=3, seed=1)
    assert (found.k, found.why) == (1, "too_few")


def test_the_verdict_says_which_k_and_why() -> None:
    words = verdict(looked(blobs(4, 2, size=60)[0], k_max=5))
    assert words["en"].startswith("4 groups. Of 2 to 5 tried")
    assert words["zh"].startswith("分为 4 群。")
