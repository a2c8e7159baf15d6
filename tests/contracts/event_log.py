"""What every event log promises; a log's own tests say how to open one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bespeak.live import Change, Entry, KeptChange, Log, Seen

Open = Callable[[], Log]


def entry(
    event_id: str,
    visitor: str = "customer:1",
    item: str | None = "tea",
    session: str | None = None,
    *,
    kind: str = "view",
) -> Entry:
    """A view."""
    return Entry(event_id, visitor, session, item, kind, 1_000, b'{"type":"view"}')


def items(seen: list[Seen]) -> list[str]:
    return [one.item_id for one in seen]


class EventLogContract:
    """Subclass as `Test…`, with a fixture `open_log`."""

    def test_what_was_appended_is_there_after_opening_again(self, open_log: Open) -> None:
        log = open_log()
        assert log.append([[entry("a"), entry("b", item="milk")]], received=7) == [2]
        log.close()
        again = open_log()
        assert items(again.history(["customer:1"], 10)) == ["tea", "milk"]
        kept = list(again.after(0, 10))
        assert [(one.received, one.entry) for one in kept] == [
            (7, entry("a")), (7, entry("b", item="milk")),
        ]  # fmt: skip
        assert again.last() == kept[-1].position

    def test_an_event_sent_again_is_kept_once_and_not_counted(self, open_log: Open) -> None:
        log = open_log()
        assert log.append([[entry("a"), entry("a", item="milk")], [entry("a")]], received=1) == [
            1,
            0,
        ]
        assert log.append([[entry("a"), entry("b")]], received=2) == [1]
        assert [one.entry.event_id for one in log.after(0, 10)] == ["a", "b"]
        assert next(log.after(0, 10)).entry.item_id == "tea"

    def test_a_history_is_the_visitors_own_latest_and_oldest_first(self, open_log: Open) -> None:
        log = open_log()
        log.append([[entry(f"a{at}", item=f"i{at}") for at in range(5)]], received=1)
        log.append([[entry("x", "customer:2"), entry("y", item=None)]], received=1)
        assert items(log.history(["customer:1"], 3)) == ["i2", "i3", "i4"]
        assert items(log.history(["customer:2"], 3)) == ["tea"]
        assert log.history(["customer:3"], 3) == []

    def test_what_was_only_shown_takes_no_place_in_a_history(self, open_log: Open) -> None:
        log = open_log()
        shown = [entry(f"s{at}", item=f"i{at}", kind="impression") for at in range(5)]
        log.append([[entry("a"), *shown]], received=1)
        assert items(log.history(["customer:1"], 3)) == ["tea"]

    def test_a_session_follows_who_logs_in_and_can_be_parted_again(self, open_log: Open) -> None:
        log = open_log()
        log.append([[entry("a", "session:s", "tea", "s")]], received=1)
        assert items(log.history(["customer:1"], 9)) == []
        log.append([[entry("b", "customer:1", "milk", "s")]], received=2)
        log.append([[entry("c", "session:s", "rice", "s")]], received=3)
        assert items(log.history(["customer:1"], 9)) == ["tea", "milk", "rice"]
        assert log.part("s")
        assert items(log.history(["customer:1"], 9)) == ["milk"]
        assert items(log.history(["session:s"], 9)) == ["tea", "rice"]
        assert not log.part("s")

    def test_a_person_of_several_identifiers_has_one_history(self, open_log: Open) -> None:
        log = open_log()
        log.append([[entry("a", "customer:1", "tea"), entry("b", "card:7", "milk")]], received=1)
        log.append([[entry("c", "session:s", "rice", "s")]], received=1)
        log.append([[entry("d", "card:7", None, "s"), entry("e", "customer:2")]], received=1)
        assert items(log.history(["customer:1", "card:7"], 9)) == ["tea", "milk", "rice"]
        assert items(log.history(["customer:1", "card:7"], 2)) == ["milk", "rice"]
        assert log.history([], 9) == []

    def test_a_history_can_begin_after_a_position(self, open_log: Open) -> None:
        log = open_log()
        log.append([[entry("a", item="tea")]], received=1)
        seen = log.last()
        log.append([[entry("b", item="milk")]], received=1)
        assert items(log.history(["customer:1"], 9, after=seen)) == ["milk"]
        assert log.history(["customer:1"], 9, after=log.last()) == []

    def test_a_session_that_becomes_theirs_after_a_position_comes_along_whole(
        self, open_log: Open
    ) -> None:
        log = open_log()
        log.append([[entry("a", "session:s", "tea", "s"), entry("b", item="rice")]], received=1)
        seen = log.last()
        log.append([[entry("c", "customer:1", "milk", "s")]], received=2)
        assert items(log.history(["customer:1"], 9, after=seen)) == ["tea", "milk"]
        seen = log.last()
        log.append([[entry("d", "customer:1", "ink", "s")]], received=3)
        assert items(log.history(["customer:1"], 9, after=seen)) == ["ink"]

    def test_reading_on_from_a_position_gives_the_rest_in_order(self, open_log: Open) -> None:
        log = open_log()
        assert (log.last(), list(log.after(0, 10))) == (0, [])
        for at in range(6):
            log.append([[entry(f"a{at}")]], received=at)
        first = list(log.after(0, 4))
        rest = list(log.after(first[-1].position, 4))
        assert [one.entry.event_id for one in first + rest] == [f"a{at}" for at in range(6)]

    def test_two_that_hold_it_open_lose_nothing_and_see_each_other(self, open_log: Open) -> None:
        one, two = open_log(), open_log()

        def send(log: Log, name: str) -> None:
            for at in range(50):
                log.append([[entry(f"{name}{at}"), entry(f"both{at}")]], received=at)

        threads = [threading.Thread(target=send, args=pair) for pair in ((one, "a"), (two, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = [kept.entry.event_id for kept in one.after(0, 1_000)]
        assert sorted(ids) == sorted({f"{n}{at}" for n in ("a", "b", "both") for at in range(50)})
        assert two.last() == one.last()

    def test_a_change_adds_to_what_was_said_of_an_item_and_nothing_is_overwritten(
        self, open_log: Open
    ) -> None:
        log = open_log()
        assert (log.changes_last(), list(log.changes_after(0, 9))) == (0, [])
        log.change([Change("tea", {"title": "Tea", "price": "2.50"}), Change("ink", {})], 5)
        log.change([Change("tea", {"price": "3"}), Change("tea", {"available": False})], 7)
        log.close()
        again = open_log()
        kept = list(again.changes_after(0, 9))
        assert [(one.item_id, one.time, one.said) for one in kept] == [
            ("tea", 5, {"title": "Tea", "price": "2.50"}),
            ("ink", 5, {}),
            ("tea", 7, {"title": "Tea", "price": "3"}),
            ("tea", 7, {"title": "Tea", "price": "3", "available": False}),
        ]
        assert again.changes_last() == kept[-1].position
        assert list(again.changes_after(kept[1].position, 1)) == [kept[2]]
        assert again.last() == 0

    def test_a_change_that_changes_nothing_is_not_kept(self, open_log: Open) -> None:
        log = open_log()
        log.change([Change("tea", {"price": "2"}), Change("tea", {"price": "2"})], 1)
        last = log.changes_last()
        log.change([Change("tea", {"price": "2"})], 2)
        assert log.changes_last() == last

    def test_two_that_change_at_once_lose_no_field(self, open_log: Open) -> None:
        one, two = open_log(), open_log()

        def change(log: Log, name: str) -> None:
            for at in range(20):
                log.change([Change("tea", {name: str(at)})], at)

        threads = [
            threading.Thread(target=change, args=pair) for pair in ((one, "title"), (two, "brand"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept: list[KeptChange] = list(one.changes_after(0, 99))
        assert len(kept) == 40
        assert kept[-1].said == {"title": "19", "brand": "19"}
