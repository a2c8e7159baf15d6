"""What the little workspace is made of."""

from __future__ import annotations

from pathlib import Path

CONFIG = """
[workspace]
name = "Little"
[segments]
bootstrap = 3
k_max = 3
[recommend]
models = ["popular", "item_knn"]
serve = "item_knn"
[train]
{train}
[[sources]]
name = "orders"
files = ["orders*.csv"]
identifiers = {{ customer = "who" }}
columns = {{ type = {{ constant = "purchase" }}, time = "when", item_id = "what" }}
"""


def configure(folder: Path, train: str = "") -> None:
    """Its bespeak.toml, with this schedule."""
    (folder / "bespeak.toml").write_text(CONFIG.format(train=train), encoding="utf-8")


def orders(folder: Path, *, month: int) -> None:
    """Eleven customers who buy every day of a month."""
    rows = [
        f"c{who},i{(day * who) % 9},2025-{month:02d}-{day + 1:02d} 10:{who:02d}"
        for day in range(28)
        for who in range(1, 12)
    ]
    (folder / f"orders{month}.csv").write_text("who,what,when\n" + "\n".join(rows) + "\n")
