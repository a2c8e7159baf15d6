"""bespeak.toml, typed: read whole, checked whole, before anything runs."""

from __future__ import annotations

import difflib
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from bespeak.columns import MAPPABLE, MONEY, NUMBER, RECORD, WHOLE
from bespeak.consent import Privacy
from bespeak.errors import ConfigInvalid
from bespeak.kafka import Kafka
from bespeak.kafka import problems as kafka_problems
from bespeak.schedule import Train
from bespeak.schedule import problems as schedule_problems

FILE_NAME = "bespeak.toml"

Format = Literal["auto", "csv", "jsonl", "parquet", "excel", "sql", "access_log", "messages"]
ORIGIN = re.compile(r"https?://[^/\s*]+")
SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
SECRET = re.compile(r"\b(database|settings|kafka)\b")
"""Keys whose values may let somebody in, and so are not quoted."""
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]?)(i?)B?", re.IGNORECASE)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of bespeak.toml: frozen, and strict about its keys."""


class Derived(_Part, frozen=True):
    """A mapped value that is no plain column: a constant, or an expression over the row."""

    constant: str | int | float | bool | None = None
    expression: str | None = None


Mapped = str | Derived
"""A column's name, or `{constant = …}`, or `{expression = "…"}`."""


class Source(_Part, frozen=True):
    """Files (or a query, or a topic) of one shape, and how they map to one table of the record."""

    name: str
    table: str = "events"
    channel: str = "unknown"
    files: list[str] = []
    format: Format = "auto"
    database: str | None = None
    """For `sql`: `sqlite:///path` or `postgresql://…` (extra `postgres`)."""
    query: str | None = None
    kafka: Kafka | None = None
    """A topic, copied into files at each run (extra `kafka`)."""
    encoding: str | None = None
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    header: bool | None = None
    """Whether the first row of a text file or sheet names the columns; found out by default."""
    sheet: str | None = None
    timezone: str | None = None
    """Zone of times that carry no offset; the workspace's by default."""
    time_formats: list[str] = []
    """strptime patterns, tried in order, before ISO 8601."""
    currency: str | None = None
    identifiers: dict[str, Mapped] = {}
    """namespace -> where its value stands; the first that is present names the actor."""
    columns: dict[str, Mapped] = {}
    items: dict[str, Mapped] = {}
    """What the same rows say of the item (title, category, price …)."""
    customers: dict[str, Mapped] = {}
    """What the same rows say of the customer."""
    texts: dict[str, Mapped] = {}
    """A text that the same rows carry (`text`, `rating` …)."""
    spelled: bool = False
    """Whether identifiers stand as the record spells them, `namespace:value`, personal ones hashed
    already: as in the copies of the event log."""
    held_out: bool = False
    """Prepared like any other, and kept from everything that learns: only to measure on."""


class Identity(_Part, frozen=True):
    """How identifiers become people."""

    primary: list[str] = msgspec.field(default_factory=lambda: ["customer"])
    """Namespaces whose value, alone, may serve as the customer_id; first wins."""
    max_links: int = 20
    """An identifier linked to more identifiers of one other namespace is shared by many people
    (a shop's tablet, a noreply address) and joins nobody."""
    max_customers: int = 3
    """One linked to more than so many identifiers of a primary namespace is shared too: accounts
    tell people apart, so a browser that five of them sign in with belongs to none."""
    apart: list[tuple[str, str]] = []
    """Pairs of identifiers (`namespace:value`) that no row may link directly: how a merge is
    undone. Other links may still join them."""


class Policy(_Part, frozen=True):
    """What to do with one column's missing values and outliers."""

    column: str
    table: str = "events"
    missing: Literal["leave", "mean", "median", "mode", "interpolate", "quarantine"] = "leave"
    within: str | None = None
    """Fill from rows that share this column's value (item_id, say) before all rows; an outlier is
    then what is far from the median of the rows that share it, as a ratio."""
    outliers: Literal["none", "iqr", "z", "mad"] = "none"
    action: Literal["flag", "clip", "quarantine"] = "flag"
    threshold: float | None = None
    """Fence in units of the method: 3 IQR, 4 standard deviations, 6 scaled MAD by default."""


class Prepare(_Part, frozen=True):
    """Cleaning rules that hold for all sources."""

    policies: list[Policy] = []
    session_gap_minutes: int = 30
    max_quantity: float = 1e9
    earliest: str | None = None
    """ISO time (UTC if it has no offset); nothing was before it: a clock that says so is wrong."""
    latest: str | None = None
    """ISO time, exclusive; nothing can have been at or after it."""


class Features(_Part, frozen=True):
    """Point in time and windows of the feature tables."""

    as_of: str | None = None
    """ISO time, exclusive; one microsecond after the latest event by default."""
    windows_days: list[int] = msgspec.field(default_factory=lambda: [28, 91])
    top_categories: int = 12
    scale: Literal["none", "minmax", "z", "robust"] = "none"
    """Also publish the customers' numbers on one scale, its parameters in the manifest."""


class Segments(_Part, frozen=True):
    """k-means search; RFM needs no settings."""

    k_min: int = 2
    k_max: int = 10
    sample: int = 20_000
    bootstrap: int = 20
    trainer: Literal["bespeak", "mllib"] = "bespeak"
    """Who finds the centres: bespeak on the sample, or Spark's MLlib on all customers."""


class Recommend(_Part, frozen=True):
    """Interactions and models."""

    weights: dict[str, float] = msgspec.field(
        default_factory=lambda: {
            "purchase": 1.0, "cart": 0.5, "wishlist": 0.4, "click": 0.2, "view": 0.1, "rate": 0.5,
        }
    )  # fmt: skip
    half_life_days: float = 90.0
    models: list[str] = msgspec.field(default_factory=lambda: ["popular", "frequency", "item_knn"])
    serve: str = "best"
    """The model that answers: a name from `models`, or `best` by validation NDCG@10."""
    budget_s: Annotated[float, msgspec.Meta(gt=0)] = 600.0
    """Where `models` names `auto`: seconds that its search may take."""
    repeat: Literal["auto", "yes", "no"] = "auto"
    """Whether a list may hold what its customer already has; `auto` asks how often people rebuy."""
    most_shown: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How often an item is shown to one customer without a click before it rests; None: always."""
    shown_hours: Annotated[float, msgspec.Meta(gt=0, le=720)] = 24.0
    """Within so many hours."""
    test_days: int = 28
    parameters: dict[str, dict[str, float | int | str | bool]] = {}
    """Model name -> its own settings, e.g. `{item_knn = {neighbours = 200}}`."""
    gram: Literal["auto", "memory", "engine"] = "auto"
    """Where item-kNN counts its pairs: in memory while the interactions fit, else in the engine.
    The lists are the same; the model's manifest says which it was."""


class Serve(_Part, frozen=True):
    """The HTTP server."""

    host: str = "127.0.0.1"
    """Where it listens; elsewhere than on this machine once there is a key (`bespeak key`)."""
    port: int = 8000
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    """Processes that answer; without it one a core, and two at most."""
    origins: list[str] = []
    """Pages of other servers that may ask (CORS), each like `https://shop.example`."""
    log: Literal["none", "text", "json"] = "none"
    """A line for each request on standard error."""


def size_bytes(text: str) -> int:
    """A size of memory as a number: 2GB is 2·10⁹, 2GiB is 2·2³⁰.

    raises : ConfigInvalid
    """
    found = SIZE.fullmatch(text.strip())
    if found is None:
        raise ConfigInvalid(
            "workspace.memory", found=repr(text), expected="a size like 2GB or 512MiB"
        )
    power = " KMGT".index(found[2].upper() or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


class Workspace(_Part, frozen=True):
    """What holds for the whole workspace."""

    name: str
    engine: Literal["duckdb", "spark"] = "duckdb"
    currency: str = "XXX"
    timezone: str = "UTC"
    seed: int = 7
    pack: str = "retail"
    """The trade whose vocabulary holds: what is a service and no product, and so on."""
    memory: str = "2GB"
    threads: int | None = None

    @property
    def memory_bytes(self) -> int:
        """`memory` as a number."""
        return size_bytes(self.memory)


class Live(_Part, frozen=True):
    """The event log: a SQLite file in the workspace, or a PostgreSQL database."""

    database: str | None = None
    """`postgresql://…` (extra `postgres`); without it, live.db in the workspace."""
    schema: str = "bespeak"
    """Where the tables are, in that database: one for each workspace."""
    keep_days: float = 30.0
    """Events that a run has read leave the log after so many days."""
    keep_mb: float = 500.0
    """And the oldest of them before that, while the log takes up more."""
    keep_copies_days: float | None = None
    """Copies whose events are all older leave, and with them the record; None: never."""


class Spark(_Part, frozen=True):
    """Where Spark runs, for `engine = "spark"`; a session that is there, or SPARK_REMOTE, wins."""

    master: str | None = None
    """`spark://host:7077`, `yarn` …; by default what spark-submit says, else this machine."""
    settings: dict[str, str] = {}
    """Spark's own (`"spark.executor.memory" = "8g"`), over those of bespeak."""


class Config(_Part, frozen=True):
    """The whole of bespeak.toml."""

    workspace: Workspace
    spark: Spark = Spark()
    sources: list[Source] = []
    identity: Identity = Identity()
    prepare: Prepare = Prepare()
    features: Features = Features()
    segments: Segments = Segments()
    recommend: Recommend = Recommend()
    serve: Serve = Serve()
    live: Live = Live()
    train: Train = Train()
    privacy: Privacy = Privacy()


def load(path: Path) -> Config:
    """The checked config in `path` (a bespeak.toml).

    raises : ConfigInvalid, naming the key, what was found and what was expected
    """
    if not path.is_file():
        raise ConfigInvalid(
            f"{path}: there is no such file",
            next_step="Make one with `bespeak init DIR --from FILES`, or give the folder with -w.",
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            f"{path}: not valid TOML: {error}", next_step="Mend that line."
        ) from error
    return parse(data, origin=path.name)


def parse(data: dict[str, Any], *, origin: str = FILE_NAME) -> Config:
    """`data` as a Config; every complaint names its key in `origin`."""
    try:
        config = msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        raise _teach(str(error), data, origin) from error
    problems = [problem for source in config.sources for problem in _source_problems(source)]
    problems += _repeated_names(config.sources) + _general_problems(config)
    if problems:
        raise ConfigInvalid(
            f"{origin}: " + "; ".join(problems), next_step="Mend these keys and run again."
        )
    return config


def _teach(message: str, data: dict[str, Any], origin: str) -> ConfigInvalid:
    """msgspec's message with the key's path, what stands there, and the nearest known key."""
    where = re.search(r" - at `\$(.*)`$", message)
    path = where.group(1).lstrip(".") if where else ""
    core = message[: where.start()] if where else message
    unknown = re.search(r"unknown field `(.+)`", core)
    if unknown:
        name = unknown.group(1)
        near = difflib.get_close_matches(name, _known_keys(), n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Remove it, or see docs/configuration.md."
        full = f"{path}.{name}" if path else name
        return ConfigInvalid(f"{origin}: key `{full}` is not known", next_step=hint)
    found = _value_at(data, path)
    return ConfigInvalid(
        f"{origin}: key `{path or 'the file'}`: {core[:1].lower()}{core[1:]}",
        found=None if found is None else repr(found)[:80],
    )


def _value_at(data: Any, path: str) -> Any:
    """What stands at a path like `sources[0].name`; None where a wildcard hides it, or a secret
    may stand."""
    if SECRET.search(path):
        return None
    for part in re.findall(r"[^.\[\]]+", path):
        if part == "...":
            return None
        try:
            data = data[int(part)] if isinstance(data, list) else data[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return None if isinstance(data, dict | list) else data


def _known_keys() -> list[str]:
    parts = (Config, Workspace, Source, Identity, Policy, Prepare, Features, Segments, Recommend,
             Serve, Live, Train, Privacy, Kafka, Derived)  # fmt: skip
    return sorted({name for part in parts for name in part.__struct_fields__})


def _source_problems(source: Source) -> list[str]:
    """What is wrong with one source that types can't say."""
    at = f"source `{source.name}`"
    problems = []
    if not NAME.fullmatch(source.name):
        problems.append(f"{at}: its name must be lower-case letters, digits, - or _")
    if source.table not in MAPPABLE:
        problems.append(f"{at}: table `{source.table}` is not one of {', '.join(MAPPABLE)}")
        return problems
    ways = [bool(source.files), source.database is not None, source.kafka is not None]
    if not any(ways):
        problems.append(f"{at}: give `files`, or `database` and `query`, or `kafka`")
    if source.kafka is not None:
        problems += [f"{at}: {problem}" for problem in kafka_problems(source.kafka)]
        if sum(ways) > 1 or source.format != "auto":
            problems.append(f"{at}: `kafka` stands alone, without `files`, `database` or `format`")
    if source.database is not None and not source.query:
        problems.append(f"{at}: `database` needs a `query`")
    for part, table in (("columns", source.table), ("items", "items"), ("customers", "customers"),
                        ("texts", "texts")):  # fmt: skip
        known = [name for name in RECORD[table].columns if name != "actor"]
        for name in getattr(source, part):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" (did you mean `{near[0]}`?)" if near else f" ({', '.join(known)})"
                problems.append(f"{at}: `{part}.{name}` is no column of {table}{hint}")
    if source.timezone is not None:
        problems += _zone_problems(f"{at}: timezone", source.timezone)
    return problems


def _zone_problems(at: str, zone: str) -> list[str]:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return [f"{at} `{zone}` is not a zone of the IANA list (like Europe/London)"]
    return []


def _repeated_names(sources: list[Source]) -> list[str]:
    names = [source.name for source in sources]
    return [
        f"two sources are called `{name}`" for name in sorted(set(names)) if names.count(name) > 1
    ]


def _general_problems(config: Config) -> list[str]:
    problems = _zone_problems("workspace.timezone", config.workspace.timezone)
    if config.segments.k_min < 2 or config.segments.k_max < config.segments.k_min:
        problems.append("segments: k_min must be at least 2 and at most k_max")
    if SIZE.fullmatch(config.workspace.memory.strip()) is None:
        problems.append(
            f"workspace.memory: found `{config.workspace.memory}`, expected a size like 2GB"
            " or 512MiB"
        )
    problems += [
        f"spark.settings: found `{key}`, expected one of Spark's settings, `spark.…`, in quotes"
        for key in config.spark.settings
        if not key.startswith("spark.")  # Spark itself would pass over it
    ]
    if SCHEMA.fullmatch(config.live.schema) is None:
        problems.append(
            f"live.schema: found `{config.live.schema}`, expected small letters, digits and _"
        )
    if not (config.live.database or "postgresql://").startswith("postgresql://"):
        problems.append("live.database: expected postgresql://…")  # it may hold a password
    problems += schedule_problems(config.train)
    problems += [
        f"live.{name}: found `{number:g}`, expected a number above 0"
        for name in ("keep_days", "keep_mb", "keep_copies_days")
        if (number := getattr(config.live, name)) is not None and not number > 0
    ]
    if config.recommend.half_life_days <= 0:
        problems.append("recommend.half_life_days must be more than 0")
    problems += [
        f"serve.origins: found `{origin}`, expected a scheme and a host, like https://shop.example"
        for origin in config.serve.origins
        if ORIGIN.fullmatch(origin) is None
    ]
    for one, other in config.identity.apart:
        if one == other or ":" not in one or ":" not in other:
            problems.append(
                f"identity.apart: `{one}` and `{other}` are not two identifiers (namespace:value)"
            )
    return problems + _bound_problems(config.prepare) + _policy_problems(config.prepare.policies)


def moment(shown: str) -> datetime:
    """An ISO time as UTC, without an offset; one that has none is UTC already.

    raises : ValueError
    """
    read = datetime.fromisoformat(shown)
    return read if read.tzinfo is None else read.astimezone(UTC).replace(tzinfo=None)


def _bound_problems(prepare: Prepare) -> list[str]:
    """What is wrong with the times between which events can lie."""
    problems: list[str] = []
    bounds: dict[str, datetime] = {}
    for name in ("earliest", "latest"):
        shown = getattr(prepare, name)
        try:
            bounds |= {name: moment(shown)} if shown is not None else {}
        except ValueError:
            problems.append(f"prepare.{name}: `{shown}` is no ISO time like 2024-01-31T00:00:00")
    first, last = bounds.get("earliest"), bounds.get("latest")
    if first is not None and last is not None and first >= last:
        problems.append("prepare: `earliest` must be before `latest`")
    return problems


def _policy_problems(policies: list[Policy]) -> list[str]:
    """What is wrong with column policies that types can't say."""
    problems = []
    seen = set()
    for policy in policies:
        name = f"{policy.table}.{policy.column}"
        columns = RECORD[policy.table].columns if policy.table in MAPPABLE else {}
        if policy.column not in columns:
            problems.append(f"prepare.policies: `{name}` is no column")
            continue
        if name in seen:
            problems.append(f"prepare.policies: `{name}` has two policies; make them one")
        seen.add(name)
        counts = columns[policy.column] in {NUMBER, WHOLE, MONEY}
        if not counts and policy.missing in {"mean", "median", "interpolate"}:
            problems.append(
                f"prepare.policies: `{name}` is no number, so it has no {policy.missing};"
                " use mode or leave"
            )
        if not counts and policy.outliers != "none":
            problems.append(f"prepare.policies: `{name}` is no number, so it has no outliers")
        if policy.within is not None and policy.within not in columns:
            problems.append(f"prepare.policies: `{name}`: within `{policy.within}` is no column")
        if policy.missing == "interpolate" and not {"time", "from_time"} & set(columns):
            problems.append(f"prepare.policies: `{name}`: {policy.table} have no time to follow")
    return problems
