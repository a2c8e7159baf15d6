"""bespeak.toml is checked whole, and every complaint teaches."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bespeak import config, kafka
from bespeak.consent import Privacy
from bespeak.errors import ConfigInvalid
from bespeak.schedule import Train

DOCS = Path(__file__).parents[1] / "docs" / "configuration.md"
PARTS = (
    config.Workspace, config.Source, config.Identity, config.Prepare, config.Policy,
    config.Features, config.Segments, config.Recommend, config.Serve, config.Live, Train,
    Privacy,    kafka.Kafka,
)  # fmt: skip


def minimal(**more: Any) -> dict[str, Any]:
    return {"workspace": {"name": "shop"}, **more}


def source(**more: Any) -> dict[str, Any]:
    return {"name": "orders", "files": ["orders.csv"], **more}


def test_the_smallest_config_has_sound_defaults() -> None:
    made = config.parse(minimal())
    assert made.workspace.engine == "duckdb"
    assert made.serve.host == "127.0.0.1"
    assert made.recommend.weights["purchase"] == 1.0


def test_a_misspelt_key_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigInvalid, match=r"`workspace.currencey` is not known.*`currency`"):
        config.parse({"workspace": {"name": "shop", "currencey": "EUR"}})


def test_a_wrong_type_names_the_key_what_was_found_and_what_was_expected() -> None:
    with pytest.raises(ConfigInvalid, match=r"`segments.k_min`.*expected `int`, got `str`.*'few'"):
        config.parse(minimal(segments={"k_min": "few"}))


def test_an_unknown_record_column_is_named_with_the_nearest_one() -> None:
    wrong = source(columns={"item": "sku", "quantety": "n"})
    with pytest.raises(ConfigInvalid, match=r"columns.quantety.*did you mean `quantity`") as caught:
        config.parse(minimal(sources=[wrong]))
    assert "columns.item" in str(caught.value), "all problems are told at once"


def test_two_sources_may_not_share_a_name() -> None:
    with pytest.raises(ConfigInvalid, match="two sources are called `orders`"):
        config.parse(minimal(sources=[source(), source()]))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (source(table="event"), "table `event` is not one of"),
        (source(files=[]), "give `files`"),
        (source(timezone="Mars/Base"), "not a zone"),
        (source(name="My Orders"), "lower-case"),
        ({"name": "db", "database": "sqlite:///x.db"}, "needs a `query`"),
    ],
)
def test_an_impossible_source_is_told_what_is_wrong(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        config.parse(minimal(sources=[table]))


def test_an_origin_is_a_scheme_and_a_host() -> None:
    config.parse(minimal(serve={"origins": ["https://shop.example", "http://127.0.0.1:3000"]}))
    for wrong in ("*", "shop.example", "https://shop.example/", "https://*.example"):
        with pytest.raises(ConfigInvalid, match=r"serve\.origins"):
            config.parse(minimal(serve={"origins": [wrong]}))


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ({"earliest": "last week"}, "prepare.earliest: `last week` is no ISO time"),
        ({"earliest": "2024-02-01", "latest": "2024-01-01T00:00:00+08:00"}, "before `latest`"),
    ],
)
def test_bounds_of_time_must_make_sense(prepare: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        config.parse(minimal(prepare=prepare))


@pytest.mark.parametrize(
    ("memory", "size"),
    [("2GB", 2 * 10**9), ("512 MiB", 512 * 2**20), ("1.5g", 15 * 10**8), ("4096", 4096)],
)
def test_memory_is_a_size(memory: str, size: int) -> None:
    made = config.parse(minimal(workspace={"name": "shop", "memory": memory}))
    assert made.workspace.memory_bytes == size


@pytest.mark.parametrize("memory", ["", "lots", "80%", "-1GB"])
def test_memory_that_is_no_size_is_refused(memory: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"workspace\.memory"):
        config.parse(minimal(workspace={"name": "shop", "memory": memory}))


def test_a_setting_that_spark_would_pass_over_is_refused() -> None:
    config.parse(minimal(spark={"settings": {"spark.executor.memory": "8g"}}))
    with pytest.raises(ConfigInvalid, match=r"spark\.settings: found `executor\.memory`"):
        config.parse(minimal(spark={"settings": {"executor.memory": "8g"}}))


@pytest.mark.parametrize("name", ["keep_days", "keep_mb", "keep_copies_days"])
def test_a_log_that_keeps_nothing_is_refused(name: str) -> None:
    assert config.parse(minimal(live={name: 1})).live
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ConfigInvalid, match=rf"live\.{name}: found"):
            config.parse(minimal(live={name: wrong}))


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="bespeak init"):
        config.load(tmp_path / "bespeak.toml")


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "bespeak.toml"
    path.write_text("[workspace]\nname = \n")
    with pytest.raises(ConfigInvalid, match="line 2"):
        config.load(path)


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    known = {field.name for part in PARTS for field in msgspec.structs.fields(part)}
    undocumented = sorted(name for name in known if f"`{name}`" not in text)
    assert undocumented == []


def test_a_config_is_frozen() -> None:
    made = config.parse(minimal())
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        made.workspace.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ({"topic": "a b", "brokers": ["k:9092"]}, "kafka.topic: found `a b`"),
        ({"topic": "visits", "brokers": ["k"]}, "kafka.brokers: expected addresses"),
        ({"topic": "visits", "brokers": []}, "kafka.brokers: expected addresses"),
        (
            {"topic": "visits", "brokers": ["k:9092"], "settings": {"enable.auto.commit": True}},
            "`enable.auto.commit` is bespeak's to set",
        ),
    ],
)
def test_a_topic_says_where_it_is_and_leaves_offsets_alone(
    topic: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        config.parse(minimal(sources=[{"name": "visits", "kafka": topic}]))
    assert said in str(caught.value)


def test_a_topic_stands_alone() -> None:
    topic = {"topic": "visits", "brokers": ["k:9092"]}
    with pytest.raises(ConfigInvalid, match="`kafka` stands alone"):
        config.parse(minimal(sources=[source(kafka=topic)]))


def test_a_setting_of_a_topic_is_never_shown() -> None:
    topic = {"topic": "visits", "brokers": ["k:9092"], "settings": {"sasl.password": ["hunter2"]}}
    with pytest.raises(ConfigInvalid) as caught:
        config.parse(minimal(sources=[{"name": "visits", "kafka": topic}]))
    assert "hunter2" not in str(caught.value)
