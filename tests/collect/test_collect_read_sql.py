"""Rows of a query, from SQLite and from a real PostgreSQL server."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from staging import stage

from bespeak import collect
from bespeak.errors import ConfigInvalid, EngineUnavailable, SourceMissing, SourceUnreadable


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "my shop.db"
    with sqlite3.connect(path) as database:
        database.executescript(
            """
            CREATE TABLE orders (id INTEGER, price REAL, note TEXT, big TEXT, code BLOB);
            INSERT INTO orders VALUES
              (1, 2.5, 'café', '12345678901234567890', x'ff00'),
              (2, NULL, NULL, 9007199254740993, NULL);
            CREATE TABLE broken (id INTEGER, note TEXT);
            INSERT INTO broken VALUES (1, 'good'), (2, CAST(x'ff41' AS TEXT)), (3, 'fine');
            """
        )
    database.close()
    return path


def test_values_become_text_and_null_stays_null(shop: Path, tmp_path: Path) -> None:
    found = stage(shop, tmp_path / "out", format="sql", query="SELECT * FROM orders ORDER BY id")
    assert found.rows == [
        {"id": "1", "price": "2.5", "note": "café", "big": "12345678901234567890", "code": "ff00",
         "_row": 1},
        {"id": "2", "price": None, "note": None, "big": "9007199254740993", "code": None,
         "_row": 2},
    ]  # fmt: skip


def test_the_address_of_a_file_is_relative_to_the_workspace(shop: Path, tmp_path: Path) -> None:
    from bespeak.config import Source

    source = Source(name="s", database="sqlite:///my%20shop.db", query="SELECT id FROM orders")
    assert collect.find(source, shop.parent) == [shop]
    assert collect.format_of(source, shop) == "sql"
    with pytest.raises(SourceMissing, match="no database"):
        collect.find(source, tmp_path / "elsewhere")
    absolute = stage(None, tmp_path / "out", database=f"sqlite:///{shop}", query=source.query)
    assert absolute.numbers == [1, 2]


def test_text_that_is_broken_in_the_database_is_refused_by_row(shop: Path, tmp_path: Path) -> None:
    found = stage(shop, tmp_path / "out", format="sql", query="SELECT * FROM broken ORDER BY id")
    assert found.numbers == [1, 3] and found.reasons == [(2, "undecodable_text")]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT nope FROM orders", "no such column: nope"),
        ("DELETE FROM orders", "readonly"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1; SELECT 2", "one statement"),
    ],
)
def test_a_query_that_fails_is_named_and_none_can_write(
    shop: Path, tmp_path: Path, query: str, words: str
) -> None:
    with pytest.raises(SourceUnreadable, match=words) as caught:
        stage(shop, tmp_path / "out", format="sql", query=query)
    assert "my shop.db" in str(caught.value) and "query" in str(caught.value)


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    fake = tmp_path / "fake.db"
    fake.write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(SourceUnreadable, match=r"fake\.db"):
        stage(fake, tmp_path / "out", format="sql", query="SELECT 1 FROM t")
    with pytest.raises(SourceMissing, match=r"gone\.db"):
        stage(tmp_path / "gone.db", tmp_path / "out2", format="sql", query="SELECT 1")
    with pytest.raises(ConfigInvalid, match="sqlite:///path or postgresql"):
        stage(None, tmp_path / "out3", database="mysql://h/db", query="SELECT 1")


def test_a_result_without_rows_keeps_its_columns(shop: Path, tmp_path: Path) -> None:
    found = stage(shop, tmp_path / "out", format="sql", query="SELECT id, note FROM orders LIMIT 0")
    assert found.facts["columns"] == ["id", "note"] and found.rows == []


def test_columns_of_one_name_are_numbered(shop: Path, tmp_path: Path) -> None:
    found = stage(shop, tmp_path / "out", format="sql", query="SELECT id, price AS id FROM orders")
    assert found.facts["columns"] == ["id_1", "id_2"]


# -- PostgreSQL ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(postgres: Any) -> Any:
    pytest.importorskip("adbc_driver_postgresql", reason="needs the extra `postgres`")
    postgres.psql(
        "CREATE TABLE orders (id int, price numeric(16, 4), at timestamptz, note text,"
        " tags text[], facts jsonb, ok boolean);"
        "INSERT INTO orders VALUES (1, 12345678901.23, '2024-01-02 03:04:05.678+02', '茶',"
        """ '{a,b}', '{"k": 1.50}', true), (2, null, null, null, null, null, null);"""
    )
    return postgres


def test_postgres_gives_exact_text_and_times_in_utc(server: Any, tmp_path: Path) -> None:
    query = "SELECT * FROM orders ORDER BY id;"
    found = stage(None, tmp_path / "out", database=server.get_uri(), query=query)
    assert found.facts["format"] == "sql"
    assert found.rows == [
        {"id": "1", "price": "12345678901.2300", "at": "2024-01-02 01:04:05.678+00", "note": "茶",
         "tags": "{a,b}", "facts": '{"k": 1.50}', "ok": "true", "_row": 1},
        {"id": "2", "price": None, "at": None, "note": None, "tags": None, "facts": None,
         "ok": None, "_row": 2},
    ]  # fmt: skip


def test_postgres_columns_of_one_name_are_numbered(server: Any, tmp_path: Path) -> None:
    query = "SELECT id, price AS id FROM orders"
    found = stage(None, tmp_path / "out", database=server.get_uri(), query=query)
    assert found.facts["columns"] == ["id_1", "id_2"] and len(found.rows) == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT nope FROM orders", 'column "nope" does not exist'),
        ("DROP TABLE orders", "syntax error"),
        ("SELECT pg_catalog.lo_create(0)", "read-only"),
    ],
)
def test_a_postgres_query_that_fails_is_named_and_none_can_write(
    server: Any, tmp_path: Path, query: str, words: str
) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        stage(None, tmp_path / "out", database=server.get_uri(), query=query)


def test_a_value_that_postgres_could_not_compute_with_is_not_shown(
    server: Any, tmp_path: Path
) -> None:
    query = "SELECT ('ann@example.org' || id)::int AS n FROM orders"
    with pytest.raises(SourceUnreadable, match="invalid input syntax") as caught:
        stage(None, tmp_path / "out", database=server.get_uri(), query=query)
    assert "ann@" not in str(caught.value)


def test_no_server_is_said_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("adbc_driver_postgresql", reason="needs the extra `postgres`")
    address = "postgresql://me:s3cret@127.0.0.1:1/shop?sslmode=disable"
    with pytest.raises(SourceMissing, match=r"127\.0\.0\.1:1/shop") as caught:
        stage(None, tmp_path / "out", database=address, query="SELECT 1")
    assert "s3cret" not in str(caught.value)


def test_without_the_driver_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(EngineUnavailable, match=r"bespeak\[postgres\]"):
        stage(None, tmp_path / "out", database="postgresql://h/db", query="SELECT 1")
