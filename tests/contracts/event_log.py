"""What every event log promises; a log's own tests say how to open one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence

from bespeak.live import Change, Entry, KeptChange, Log, Seen

Open = Callable[..., Log]


def entry(
    event_id: str,
    visitor: str = "customer:1",
    item: str | None = "tea",
    session: str | None = None,
    kind: str = "view",
    **also: str,
) -> Entry:
    """A view; `also` are further identifiers that it carries."""
    named = f',"identifiers":{json.dumps(also)}' if also else ""
    body = f'{{"type":"view"{named}}}'.encode()
    return Entry(event_id, visitor, session, item, kind, 1_000, body)


def listed(
    event_id: str, at: int, *shown: str, visitor: str = "customer:1", session: str | None = None
) -> Entry:
    """A list as it was shown."""
    body = json.dumps({"type": "impression", "properties": {"bespeak.shown": shown, "model": "m"}})
    return Entry(event_id, visitor, session, None, "impression", at, body.encode())


def word(event_id: str, visitor: str, at: int, session: str | None = None, **said: bool) -> Entry:
    """What somebody agrees to or refuses."""
    body = json.dumps({"type": "consent", "properties": said}).encode()
    return Entry(event_id, visitor, session, None, "consent", at, body)


def heard(log: Log, *visitors: str) -> set[tuple[str, str, bool]]:
    return {(one.visitor, one.word.purpose, one.word.agreed) for one in log.consents(visitors)}


def ids(log: Log) -> list[str]:
    return [kept.entry.event_id for kept in log.after(0, 1_000)]


def items(seen: list[Seen]) -> list[str]:
    return [one.item_id for one in seen]


class EventLogContract:
    """Subclass as `Test…`, with a fixture `open_log` that takes what the log does."""

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

    def test_the_lists_that_one_person_was_shown_are_found_the_latest_first(
        self, open_log: Open
    ) -> None:
        log = open_log()
        log.append([[listed("a", 10, "tea", "ink"), listed("b", 20, "milk", session="s")]], 1)
        log.index_shown()
        log.index_shown()
        again = [listed("c", 30, "tea"), listed("d", 40, "rice", visitor="customer:2"), entry("e")]
        log.append([again], received=2)
        assert log.shown(["customer:1"], 9, since=0) == [
            (["tea"], 30), (["milk"], 20), (["tea", "ink"], 10),
        ]  # fmt: skip
        assert log.shown(["customer:1"], 9, since=10) == [(["tea"], 30), (["milk"], 20)]
        assert log.shown(["customer:1"], 1, since=0) == [(["tea"], 30)]
        assert [one.time for one in log.shown(["customer:1", "customer:2"], 9, since=20)] == [
            40, 30,
        ]  # fmt: skip
        assert log.shown([], 9, since=0) == log.shown(["customer:3"], 9, since=0) == []

    def test_lists_shown_to_a_session_are_those_of_who_logs_in(self, open_log: Open) -> None:
        log = open_log()
        log.append([[listed("a", 10, "tea", visitor="session:s", session="s")]], received=1)
        assert log.shown(["customer:1"], 9, since=0) == []
        log.append([[entry("b", "customer:1", "milk", "s")]], received=2)
        assert log.shown(["customer:1"], 9, since=0) == [(["tea"], 10)]

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

    def test_all_that_a_list_goes_by_comes_in_one_read(self, open_log: Open) -> None:
        log = open_log()
        log.append([[entry("a", "session:s", "tea", "s")]], received=1)
        log.append([[word("b", "session:s", 5, "s", marketing=True)]], received=1)
        log.append([[entry("c", "customer:1", "rice"), entry("d", "customer:2")]], received=1)
        seen = log.last()
        log.append([[entry("e", "customer:1", "ink", "s"), entry("f", "card:7")]], received=1)
        log.append([[word("g", "card:7", 9, personalisation=False)]], received=1)
        log.change([Change("tea", {"price": "2.50"})], 1)
        for visitors in (["customer:1", "card:7"], ["customer:1", "session:s"], ["nobody"], []):
            for limit, after in ((9, 0), (2, 0), (9, seen)):
                found = log.lately(visitors, limit, after=after)
                assert list(found.seen) == log.history(visitors, limit, after=after)
                assert set(found.said) == set(log.consents(visitors))
                assert found.changed == log.changes_last() == 1
        assert items(list(log.lately(["customer:1"], 9, after=seen).seen)) == ["tea", "ink"]

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

    def test_all_that_one_person_did_since_is_whole_and_without_what_they_were_shown(
        self, open_log: Open
    ) -> None:
        log = open_log()
        log.append([[entry("a", "session:s", None, "s"), entry("b")]], received=1)
        seen = log.last()
        log.append([[entry("c", "customer:1", "milk", "s"), entry("d", item=None)]], received=2)
        log.append([[entry("e", "customer:2"), entry("f", kind="impression")]], received=3)
        log.append([[entry("g", item=None, kind="impression"), entry("h")]], received=4)
        found = log.since(["customer:1"], 9, after=seen)
        assert [one.entry.event_id for one in found] == ["a", "c", "d", "h"]
        assert [one for one in log.after(0, 9) if one in found] == found
        assert [one.entry.event_id for one in log.since(["customer:1"], 2, after=seen)] == [
            "a", "c",
        ]  # fmt: skip
        assert log.since(["customer:3"], 9, after=0) == []

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

    def test_events_are_found_by_every_identifier_that_they_carry(self, open_log: Open) -> None:
        log = open_log()
        log.append(
            [[entry("a", "session:s", session="s"), entry("b", email="email:h")]], received=1
        )
        log.append([[entry("c", "customer:2", None, "s"), entry("d", "email:h")]], received=1)
        assert [one.entry.event_id for one in log.of(["session:s"])] == ["a", "c"]
        assert [one.entry.event_id for one in log.of(["email:h"])] == ["b", "d"]
        (last,) = log.of(["email:h"], after=next(iter(log.of(["email:h"]))).position)
        assert (last.received, last.entry) == (1, entry("d", "email:h"))
        assert log.of([]) == log.of(["nobody:1"]) == []
        assert log.sessions(["customer:2", "customer:3"]) == ["s"]
        assert log.sessions(["customer:3"]) == []

    def test_an_erased_persons_events_and_joins_are_gone_and_no_others(
        self, open_log: Open
    ) -> None:
        log = open_log()
        log.append([[entry("a"), entry("b", "session:s", "rice", "s")]], received=1)
        log.append([[entry("c", "customer:1", "milk", "s"), entry("d", "customer:2")]], received=1)
        log.append([[entry("e", "customer:3", session="t", email="email:h")]], received=1)
        assert log.erase(["customer:1", "session:s", "email:h"]) == 4
        assert ids(log) == ids(open_log()) == ["d"]
        assert log.sessions(["customer:1", "customer:3"]) == ["t"]
        assert log.erase(["customer:1", "session:s"]) == 0
        log.append([[entry("f", "session:s", "rice", "s")]], received=1)
        assert items(log.history(["customer:1"], 9)) == []

    def test_who_may_not_be_kept_is_not_and_joins_nothing(self, open_log: Open) -> None:
        def admit(entries: Sequence[Entry]) -> Sequence[Entry]:
            return [one for one in entries if one.visitor != "customer:1"]

        log = open_log(admit=admit)
        given = [entry("a", session="s"), entry("b", "customer:2")]
        assert log.append([given, [entry("c")]], received=1) == [1, 0]
        assert ids(log) == ["b"]
        assert log.sessions(["customer:1"]) == []

    def test_old_events_leave_up_to_a_position_and_no_further(self, open_log: Open) -> None:
        log = open_log()
        for at in range(6):
            log.append([[entry(f"a{at}", session=f"s{at}")]], received=at)
        places = [kept.position for kept in log.after(0, 9)]
        assert log.drop(places[1], before=1) == 1
        assert ids(log) == ["a1", "a2", "a3", "a4", "a5"]
        assert log.drop(places[4], most=2) == 2
        assert ids(log) == ["a3", "a4", "a5"]
        assert log.drop(places[4]) == 2
        assert ids(log) == ["a5"]
        assert log.sessions(["customer:1"]) == ["s5"], "a session goes with its last event"
        assert log.last() == places[5]
        log.append([[entry("a9")]], received=9)
        assert log.last() > places[5]

    def test_it_says_what_it_holds(self, open_log: Open) -> None:
        log = open_log()
        assert (log.held().events, log.held().oldest) == (0, None)
        log.append([[entry(f"a{at}", item="i" * 100) for at in range(500)]], received=7)
        full = log.held()
        assert (full.events, full.oldest) == (500, 7)
        assert full.bytes > 50_000
        log.drop(log.last(), most=400)
        assert log.held().bytes < full.bytes / 2

    def test_a_probe_keeps_nothing(self, open_log: Open) -> None:
        log = open_log()
        log.append([[entry("a")]], received=1)
        log.probe()
        assert ids(log) == ids(open_log()) == ["a"]

    def test_the_latest_word_on_each_purpose_is_kept_of_each_visitor(self, open_log: Open) -> None:
        log = open_log()
        log.append([[word("a", "customer:1", 10, training=True, marketing=False)]], received=100)
        log.append([[word("b", "customer:1", 20, training=False)], [entry("c")]], received=100)
        log.append([[word("d", "customer:1", 15, training=True)]], received=100)  # came late
        log.append([[word("e", "customer:2", 5, training=True)]], received=100)
        expected = {("customer:1", "training", False), ("customer:1", "marketing", False)}
        assert heard(log, "customer:1") == expected
        log.close()
        again = open_log()
        assert heard(again, "customer:1", "customer:9") == expected
        every = [(one.visitor, one.word.purpose) for one in again.every_consent()]
        assert every == [
            ("customer:1", "marketing"), ("customer:1", "training"), ("customer:2", "training"),
        ]  # fmt: skip

    def test_a_word_sent_again_does_not_undo_a_later_one(self, open_log: Open) -> None:
        log = open_log()
        log.append([[word("a", "customer:1", 10, training=True)]], received=10)
        log.append([[word("b", "customer:1", 20, training=False)]], received=20)
        log.append([[word("a", "customer:1", 30, training=True)]], received=30)
        assert heard(log, "customer:1") == {("customer:1", "training", False)}

    def test_words_of_a_session_are_those_of_who_logs_in(self, open_log: Open) -> None:
        log = open_log()
        log.append([[word("a", "session:s", 10, "s", training=False)]], received=10)
        assert heard(log, "customer:1") == set()
        assert log.owner("s") is None
        log.append([[entry("b", session="s")]], received=20)
        assert heard(log, "customer:1") == {("session:s", "training", False)}
        assert log.owner("s") == "customer:1"

    def test_words_outlive_their_events_and_leave_with_the_person(self, open_log: Open) -> None:
        log = open_log()
        log.append([[word("a", "customer:1", 10, training=False)]], received=10)
        log.append([[word("b", "session:s", 10, "s", training=False)]], received=10)
        assert log.drop(log.last(), before=50) == 2
        assert heard(log, "customer:1", "session:s") == {("customer:1", "training", False)}
        log.erase(["customer:1"])
        assert log.every_consent() == []
