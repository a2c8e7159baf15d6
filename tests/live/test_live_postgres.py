"""The PostgreSQL log keeps the contract, on a real server, and comes back when that does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from bespeak.errors import LogUnavailable
from bespeak.live import Log, PostgresLog
from contracts.event_log import EventLogContract, Open, entry

NUMBERS = itertools.count()


@pytest.fixture
def open_log(postgres: Any) -> Iterator[Open]:
    opened: list[PostgresLog] = []
    schema = f"shop_{next(NUMBERS)}"

    def make(**settings: Any) -> Log:
        opened.append(PostgresLog(postgres.get_uri(), schema=schema, **settings))
        return opened[-1]

    yield make
    for log in opened:
        log.close()


class TestPostgresLog(EventLogContract):
    """Every promise of a log."""


def test_a_failed_append_keeps_none_of_its_events(postgres: Any) -> None:
    log = PostgresLog(postgres.get_uri(), schema="failing")
    postgres.psql("ALTER TABLE failing.events ADD CHECK (event_id <> 'bad')")
    with pytest.raises(LogUnavailable, match="check constraint"):
        log.append([[entry("good")], [entry("bad")]], received=1)
    assert log.last() == 0
    assert log.append([[entry("good")]], received=1) == [1]
    log.close()


def test_a_lost_connection_is_an_error_once_and_nothing_acknowledged_is_lost(postgres: Any) -> None:
    log = PostgresLog(postgres.get_uri(), schema="losing")
    assert log.append([[entry("a")]], received=1) == [1]
    postgres.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    with pytest.raises(LogUnavailable, match="nothing acknowledged is lost"):
        log.append([[entry("b")]], received=1)
    assert log.append([[entry("a"), entry("b")]], received=1) == [1]
    assert [kept.entry.event_id for kept in log.after(0, 9)] == ["a", "b"]
    log.close()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(LogUnavailable, match=r"PostgreSQL at 127\.0\.0\.1") as caught:
        PostgresLog("postgresql://shop:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
