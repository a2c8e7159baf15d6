"""Session recommenders on public data, beside published figures.

    python -m benchmarks.sessions --data FOLDER [--validate] [--json]

--data     : a folder with `train_sessions.parquet` and `test_prefixes.parquet` in `diginetica` (the
             split of SR-GNN: 186,670 sessions, 60,858 prefixes, 43,097 items)
--validate : measure on the newest tenth of the training sessions instead, as the defaults were
             chosen; benchmarks/recommend.md lists every try. Nothing is tuned on the test part
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from bespeak import recommend
from bespeak.recommend.evaluating.next_items import carve_newest
from bespeak.recommend.evaluating.sessions import read_prefixes, read_sessions

Table = dict[str, Any]

MODELS = ("popular", "item_knn", "transitions", "session_knn")
SHARE = 0.1
PUBLISHED: Mapping[str, tuple[float, float]] = {
    "Item-KNN": (35.75, 11.57),
    "GRU4Rec": (29.45, 8.33),
    "NARM": (49.70, 16.17),
    "SR-GNN": (50.73, 17.59),
    "GCE-GNN": (54.22, 19.04),
}
"""P@20 and MRR@20 in per cent on the same split, as their papers give them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measured(asked.data / "diginetica", MODELS, validate=asked.validate)
    found["machine"] = machine.described()
    print(json.dumps(found, indent=1) if asked.json else told(found))


def measured(folder: Path, models: Sequence[str], *, validate: bool) -> Table:
    """All items ranked after each prefix, k = 20; what the prefix has may come again."""
    train = read_sessions(folder / "train_sessions.parquet")
    if validate:
        train, held = carve_newest(train, SHARE)
    else:
        held = read_prefixes(folder / "test_prefixes.parquet", train)
    found = recommend.evaluate(train, held, models, k=20, repeat=True)
    return found | {"part": "validation" if validate else "test"}


def told(found: Table) -> str:
    """The table as Markdown."""
    rows = [
        [row["name"], per_cent(row, "hit@20"), per_cent(row, "mrr@20"), f"{row['ndcg@20']:.4f}",
         f"{row['coverage@20']:.3f}", f"{row['fit_s']:.1f}", f"{row['lists_per_s']:,}",
         f"{row['peak_rss_mb']:,.0f}"]
        for row in found["models"]
    ]  # fmt: skip
    if found["part"] == "test":
        rows += [
            [f"{name}, published", f"{hit:.2f}", f"{mrr:.2f}", *["–"] * 5]
            for name, (hit, mrr) in PUBLISHED.items()
        ]
    header = ["model", "P@20 (hit) %", "MRR@20 %", "NDCG@20", "coverage", "fit s", "lists/s",
              "peak MB"]  # fmt: skip
    said = f"{found['models'][0]['customers']:,} prefixes ({found['part']} part)"
    return "\n\n".join(
        [f"Sessions, {found['machine']}", machine.table(header, rows),
         f"{said}; in brackets 95 % intervals."]
    )  # fmt: skip


def per_cent(row: Table, name: str) -> str:
    low, high = row[f"{name}_ci"]
    return f"{100 * row[name]:.2f} [{100 * low:.2f}, {100 * high:.2f}]"


if __name__ == "__main__":
    main()
