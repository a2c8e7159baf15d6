"""A model that is slow one list at a time is served by item lists; the run says what that costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_shop import QUICK_SEGMENTS

from bespeak import flow, shop
from bespeak.artifacts import EVALUATION, SERVED
from bespeak.errors import ArtifactCorrupt
from bespeak.recommend.answering import served
from bespeak.workspace import Workspace

CONFIG = f"""
[workspace]
name = "Small shop"
[recommend]
models = ["popular", "item_knn", "als"]
serve = "als"
repeat = "no"
test_days = 14
parameters = {{ als = {{ factors = 4, iterations = 2 }} }}
{QUICK_SEGMENTS}
[[sources]]
name = "till"
files = ["till.csv"]
identifiers = {{ customer = "who" }}
columns = {{ type = {{ constant = "purchase" }}, item_id = "what", time = "at" }}
"""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty customers of two tastes, in a shop where als is slow and its lists are not."""
    root = tmp_path_factory.mktemp("served")
    lines = ["who,what,at"]
    for number in range(60):
        for step in range(8):
            item = f"{'tea' if number % 2 else 'ink'}{(number * 5 + step * 3) % 16:02d}"
            lines.append(f"c{number},{item},2026-0{1 + step // 4}-{1 + 6 * (step % 4):02d}T10:00Z")
    (root / "till.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "list_ms", lambda model, histories, k, by=None: 0.5 if by else 5.0)
        patch.setattr(served, "KEPT", 0.5)
        flow.run(Workspace(root))
    return root


def test_the_run_says_that_item_lists_answer_and_what_they_keep(workspace: Workspace) -> None:
    said = workspace.get(SERVED).manifest
    assert (said["model"], said["answers_by"]) == ("als", "lists")
    assert (said["list_ms"], said["served_ms"]) == (5.0, 0.5)
    assert 0.5 <= said["kept"] <= 1.2
    text = (workspace.get(EVALUATION).path / "evaluation.json").read_text("utf-8")
    assert '"by_lists": {' in text


def test_a_list_has_the_scores_and_reasons_that_the_model_gives(workspace: Workspace) -> None:
    maker = shop.recommender(workspace)
    assert isinstance(maker.quick, served.Served)
    answer = shop.open_shop(workspace).recommend(customer_id="c1", items=(), k=3, repeat=None)
    assert answer["model"] == "als" and not answer["fallback"]
    items = [item["item_id"] for item in answer["items"]]
    assert len(items) == 3 and all(item.startswith("tea") for item in items)
    row = maker.known.histories.take(maker.known.customers.find_all(["c1"]))
    scores = maker.model.scores(row)[0, maker.model.items.find_all(items)] / maker.model.unit
    assert [item["score"] for item in answer["items"]] == pytest.approx(scores.tolist())


def test_another_model_that_is_tried_answers_itself(workspace: Workspace) -> None:
    assert shop.recommender(workspace, "item_knn").quick is None


def test_lists_that_are_spoilt_are_not_opened(workspace: Workspace) -> None:
    path = workspace.get(SERVED).path / "neighbours.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(ArtifactCorrupt):
        shop.open_verified(workspace)
