"""A password in bespeak.toml is in no other file, no answer and no message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from bespeak import collect, shop
from bespeak.cli import app
from bespeak.config import Source
from bespeak.kafka import Kafka
from bespeak.serve import create_app
from bespeak.workspace import Workspace
from searching import files_with
from serve.asking import ask_of

PASSWORD = "wonder-land-7741"
CONFIG = """
[workspace]
name = "Small shop"
[segments]
bootstrap = 2
k_max = 3
[live]
database = "{database}"
schema = "secrets_log"
[[sources]]
name = "orders"
database = "{database}"
query = "SELECT * FROM secret_orders ORDER BY id"
identifiers = {{ customer = "who" }}
columns = {{ type = {{ constant = "purchase" }}, item_id = "what", time = "at" }}
"""
ASKED = ("/v1/data", "/v1/overview", "/v1/features", "/health/ready", "/v1/customers/c1",
         "/openapi.json")  # fmt: skip


def said(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


@pytest.fixture
def database(postgres: Any) -> str:
    """The server's address, for one who has a password."""
    pytest.importorskip("adbc_driver_postgresql", reason="needs the extra `postgres`")
    postgres.psql(
        "CREATE TABLE secret_orders AS SELECT n AS id, 'c' || n % 12 AS who, 'i' || n % 5 AS what,"
        " timestamptz '2026-02-01 10:00Z' + n * interval '5 hours' AS at"
        " FROM generate_series(1, 80) AS n;"
        f"CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{PASSWORD}';"
    )
    _, _, place = postgres.get_uri().rpartition("@")
    return f"postgresql://keeper:{quote(PASSWORD)}@{place}"


def test_a_databases_password_is_nowhere_but_in_bespeak_toml(database: str, tmp_path: Path) -> None:
    config = tmp_path / "bespeak.toml"
    config.write_text(CONFIG.format(database=database), encoding="utf-8")
    code, out = said("run", "-w", str(tmp_path), "--json")
    assert code == 0, out
    (source,) = json.loads(out)["found"]["account"]
    assert source["kept"] == 80
    manifest = Workspace(tmp_path).get("record/sources/orders").manifest
    assert manifest["inputs"]["source"]["database"].startswith("postgresql://keeper@")
    out += "".join(said(*words, "-w", str(tmp_path))[1] for words in (
        ["status", "--json"], ["status"], ["doctor", "--json"], ["run"],
    ))  # fmt: skip
    ask = ask_of(create_app(shop.open_shop(Workspace(tmp_path))))
    answers = [ask(target) for target in ASKED]
    assert [answer.status for answer in answers] == [200] * len(ASKED)
    out += "".join(answer.body.decode() for answer in answers)
    wrong = database.replace("/postgres", "/nowhere").replace("keeper:", "nobody:")
    config.write_text(CONFIG.format(database=wrong), encoding="utf-8")
    code, failed = said("run", "-w", str(tmp_path))
    assert code != 0 and "nobody" in failed
    assert PASSWORD not in out + failed
    assert files_with({PASSWORD}, tmp_path, but={config}) == {}


def test_what_manifests_keep_of_a_topic_names_its_settings_and_no_value() -> None:
    topic = Kafka(topic="t", brokers=["h:9092"], settings={"sasl.password": PASSWORD})
    kept = collect.settings(Source(name="visits", kafka=topic))
    assert kept["kafka"]["settings"] == ["sasl.password"]
    assert PASSWORD not in str(kept)


def test_a_source_without_a_password_is_kept_whole() -> None:
    source = Source(name="till", database="sqlite:///till.db", query="SELECT 1")
    assert collect.settings(source)["database"] == source.database
    assert collect.reading(source)["database"] == source.database
