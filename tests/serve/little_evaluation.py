"""An evaluation with a bit of everything that one may say."""

from __future__ import annotations

from typing import Any

MODELS = {"frequency": (0.2134, 0.41), "item_knn": (0.1871, 2.2), "popular": (0.0912, 0.08)}
PARTS: list[dict[str, Any]] = [
    {"by": "activity", "name": "new customers", "code": "new"},
    {"by": "activity", "name": "1 to 4 items", "code": "having", "low": 1, "high": 4},
    {"by": "activity", "name": "5 items", "code": "having", "low": 5, "high": 5},
    {"by": "popularity", "name": "head: 1 items", "code": "head", "items": 1},
    {"by": "popularity", "name": "tail: 20 items", "code": "tail", "items": 20},
    {"by": "popularity", "name": "items nobody has", "code": "cold"},
    {"by": "time", "name": "…", "code": "days", "since": "2025-05-02", "until": "2025-05-08"},
    {"by": "time", "name": "…", "code": "days", "since": "2025-05-09", "until": "2025-05-15"},
    {"by": "time", "name": "2025-05-16", "code": "days", "since": "2025-05-16",
     "until": "2025-05-16"},
    {"by": "segment", "name": "champions", "code": "group", "label": "champions"},
    {"by": "segment", "name": "none", "code": "none"},
    {"by": "place", "name": "Hamburg", "code": "group", "label": "Hamburg"},
]  # fmt: skip
TRIED: list[dict[str, Any]] = [
    {"model": "popular", "parameters": {}, "state": "tried", "value": 0.09, "at_s": 0.1,
     "fit_s": 0.05, "score_s": 0.05},
    {"model": "item_knn", "parameters": {"length": 0.5}, "state": "tried", "value": 0.18,
     "at_s": 0.7, "fit_s": 0.5, "score_s": 0.1},
    {"model": "frequency", "parameters": {}, "state": "tried", "value": 0.21, "at_s": 0.9,
     "fit_s": 0.1, "score_s": 0.1},
    {"model": "ease", "parameters": {}, "state": "skipped", "value": None, "at_s": 0.9,
     "because": "foreseen to take 80 s, with 9.1 s left for it"},
]  # fmt: skip


def _spread(value: float) -> dict[str, float]:
    return {"value": value, "low": value * 0.96, "high": value * 1.05}


def _model(name: str, ndcg: float, fit: float) -> dict[str, Any]:
    ratios = {"recall": 1.1, "ndcg": 1.0, "mrr": 1.4, "hit": 3.2, "map": 0.8, "ips_recall": 0.9}
    accuracy = {f"{metric}@10": _spread(ndcg * by) for metric, by in ratios.items()}
    beside = {"coverage@10": _spread(0.21), "novelty@10": {"value": 8.5, "low": None, "high": None},
              "diversity@10": {"value": None}, "gini@10": _spread(0.8)}  # fmt: skip
    slices = [
        part | {"customers": 9 + at, "pairs": 20 + at, "metrics": {
            f"{metric}@10": _spread(ndcg * (0 if part["code"] == "cold" else 1 - at / 20))
            for metric in ("recall", "ndcg")}}
        for at, part in enumerate(PARTS)
    ]  # fmt: skip
    return {"name": name, "model": name, "customers": 29, "metrics": accuracy | beside,
            "fit_s": fit, "score_s": fit / 3, "lists_per_s": 87 / fit, "list_ms": fit,
            "by_lists": {"served_ms": 0.4, "kept": 0.981} if fit > 1 else None,
            "peak_rss_mb": 310.5,
            "parameters": {"own": 2.0} if name == "item_knn" else {}, "slices": slices}  # fmt: skip


def _test(worse: str, p: float) -> dict[str, Any]:
    difference = MODELS["frequency"][0] - MODELS[worse][0]
    return {"measure": "ndcg@10", "better": "frequency", "worse": worse, "difference": difference,
            "low": difference - 0.02, "high": difference + 0.02, "p": p / 2, "p_holm": p,
            "test": "sign flips"}  # fmt: skip


def evaluation() -> dict[str, Any]:
    """Of the shape of `answers.Evaluation`."""
    return {
        "served": "frequency", "metric": "ndcg@10", "k": 10, "customers": 29,
        "why": {"en": "frequency has the best NDCG@10 on the validation weeks.",
                "zh": "frequency 在验证周的 NDCG@10 最高。"},
        "split": {"en": "The last 28 days are the test.", "zh": "最后 28 天作为测试。"},
        "models": [_model(name, *figures) for name, figures in MODELS.items()],
        "repeat": True, "items": 24, "new_customers": 2, "seed": 7,
        "made_at": "2025-06-01T09:30:05+00:00",
        "machine": {"processor": "A small one", "cores": 2, "memory_gb": 24.0,
                    "system": "Linux x86_64", "python": "3.11.9", "bespeak": "0.1.0"},
        "data": {"train": {"rows": 220, "customers": 28, "items": 24, "first": "2025-01-02",
                           "last": "2025-05-01"},
                 "test": {"pairs": 61, "cold_pairs": 3, "customers": 29, "first": "2025-05-02",
                          "last": "2025-05-29"}},
        "leaks": {"pairs": 61, "in_train": 12, "dropped": False},
        "tests": [_test("item_knn", 0.21), _test("popular", 0.00004)],
        "search": {"chosen": "frequency", "because": "the best", "measure": "ndcg@10",
                   "held_back": "the 28 days before the last 28", "budget_s": 10.0,
                   "search_s": 1.1, "asked": 25, "of": 25, "tried": TRIED,
                   "final": [{"model": "frequency", "value": 0.2},
                             {"model": "item_knn", "value": 0.19}]},
    }  # fmt: skip
