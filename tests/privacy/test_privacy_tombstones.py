"""Marks keep people out without saying who they were."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt
from bespeak.live import Entry
from bespeak.privacy import Keyed, Tombstones

SECRET = b"of the shop"


def opened(root: Path, secret: bytes = SECRET) -> Tombstones:
    return Tombstones(root, secret)


def test_a_hash_is_the_same_for_one_value_and_for_a_column(engine: Engine) -> None:
    keyed = Keyed(SECRET, "tombstone")
    texts = ["customer:1", "email:ünï", "", None]
    rows = engine.table(pa.table({"text": pa.array(texts, pa.string())}))
    made = engine.run(rows.mutate(mark=keyed.column(rows["text"]))).to_pylist()
    assert {row["text"]: row["mark"] for row in made} == {
        text: None if text is None else keyed.of(text) for text in texts
    }


def test_hashes_of_another_secret_or_purpose_are_others() -> None:
    found = {
        Keyed(secret, purpose).of("customer:1")
        for secret in (SECRET, b"of another shop")
        for purpose in ("tombstone", "audit")
    }
    assert len(found) == 4


def test_who_is_marked_is_held_by_whoever_has_it_open_and_nobody_else_is(tmp_path: Path) -> None:
    one, two = opened(tmp_path), opened(tmp_path)
    assert not two.now()
    assert one.add(["customer:1", "email:h"]) == 2
    assert one.add(["customer:1", "card:9"]) == 1
    assert two.now().hold(["customer:2", "card:9"])
    assert not two.now().hold(["customer:2"])
    assert two.now().among(["customer:1", "customer:2"]) == {"customer:1"}
    assert not opened(tmp_path, b"of another shop").now().hold(["customer:1"])
    assert "customer" not in (tmp_path / "tombstones.json").read_text(encoding="utf-8")


def test_an_erasure_is_pending_until_a_run_has_carried_out_these_very_marks(
    tmp_path: Path,
) -> None:
    marked = opened(tmp_path)
    assert not marked.now().pending
    marked.add(["customer:1"])
    at_start = marked.now()
    assert at_start.pending
    marked.add(["customer:2"])
    marked.carried_out(at_start)
    assert marked.now().pending, "who was erased while the run was at work waits for the next"
    marked.carried_out(marked.now())
    assert not opened(tmp_path).now().pending


def test_marks_that_many_add_at_once_are_all_there(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: opened(tmp_path).add([f"customer:{at}"]), range(24)))
    assert len(opened(tmp_path).now()) == 24


def test_events_that_carry_a_marked_identifier_anywhere_are_not_admitted(tmp_path: Path) -> None:
    marked = opened(tmp_path)
    named = b'{"identifiers":{"customer":"customer:1","email":"email:h"}}'
    entries = [
        Entry("a", "customer:1", None, None, "view", 1, named),
        Entry("b", "session:s", "s", None, "view", 1, b"{}"),
        Entry("c", "customer:2", "t", None, "view", 1, b"{}"),
    ]
    assert marked.admit(entries) == entries
    marked.add(["email:h", "session:s"])
    assert [one.event_id for one in marked.admit(entries)] == ["c"]


def test_a_file_that_cannot_be_read_lets_nobody_back_in(tmp_path: Path) -> None:
    (tmp_path / "tombstones.json").write_text('{"marks": ["ab', encoding="utf-8")
    with pytest.raises(ArtifactCorrupt, match="who was erased"):
        opened(tmp_path).now()
