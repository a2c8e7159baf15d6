"""Acts are kept in order, each whole, and name no customer."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bespeak.errors import ArtifactCorrupt
from bespeak.privacy import Audit

SECRET = b"of the shop"


def test_an_act_is_kept_with_what_it_came_to_and_the_customer_as_a_hash(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    kept = Audit(path, SECRET)
    assert kept.lines() == []
    kept.add("erase", by="command line", customer="anna-1", events=3)
    kept.add("key made", by="k_7", scope="events")
    first, second = Audit(path, SECRET).lines()
    assert (first["act"], first["by"], first["events"]) == ("erase", "command line", 3)
    assert first["customer"] == kept.named("anna-1") != kept.named("anna-2")
    assert (second["act"], second["scope"], "customer" in second) == ("key made", "events", False)
    assert "anna" not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_acts_of_many_at_once_are_all_there_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: Audit(path, SECRET).add("config", by=f"u{at}"), range(40)))
    assert {line["by"] for line in Audit(path, SECRET).lines()} == {f"u{at}" for at in range(40)}


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    kept = Audit(path, SECRET)
    kept.add("config", by="a")
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"at": "2026-')
    kept.add("config", by="b")
    assert [line["by"] for line in kept.lines()] == ["a", None, "b"]


def test_a_line_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text("changed by hand\n", encoding="utf-8")
    with pytest.raises(ArtifactCorrupt, match="line 1"):
        Audit(path, SECRET).lines()
