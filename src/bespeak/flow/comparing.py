"""Two workspaces side by side: whatever their current versions hold, but for clocks and versions.

Both sides are read by one engine, whichever made them: what one wrote, the other can read.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
from rich.console import RenderableType

from bespeak import ledger
from bespeak.columns import LINEAGE, PERSONAL_NAMESPACES, RECORD
from bespeak.compare import (
    FLOAT_TOLERANCE,
    Compared,
    Kind,
    Side,
    compare_arrays,
    compare_documents,
    compare_ordered,
    compare_rows,
    shown,
)
from bespeak.engines import DuckDB, Engine
from bespeak.errors import ArtifactCorrupt, BadRequest, BespeakError, NotReady
from bespeak.flow.running import SOURCES
from bespeak.workspace import MANIFEST, Version, Workspace

TIMED = frozenset(
    {
        "seconds",
        "made_at",
        "fit_s",
        "score_s",
        "search_s",
        "lists_per_s",
        "peak_rss_mb",
        "peak_rss_of",
        "list_ms",
        "served_ms",
        "by_lists",
        "answers_by",
        "machine",
    }
)
MADE_BY = frozenset(
    {"engine", "counted_in", "version", "code", "inputs", "said", "contents", "updated"}
)
"""What a manifest says of its making; `inputs` names versions, and files that may lie elsewhere."""
TOLD = "about"
"""What a manifest says of its contents: the account, the columns, the parameters."""
NOT_COMPARED = "stage/"
"""Raw files as Parquet, which no engine makes; what follows from them is compared."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "record/identities": ("actor",),
    "record/items": ("item_id",),
    "record/customers": ("customer_id",),
    "record/consent": ("customer_id", "purpose"),
    "links": ("source", "left", "right"),
    "interactions": ("customer_id", "item_id"),
    "identities.arrow": ("actor",),
    "memberships.arrow": ("customer_id", "kind"),
    "consent.arrow": ("customer_id", "purpose"),
    "actors.arrow": ("actor",),
    "members.arrow": ("key", "rank"),
}
"""What names a row where the record's vocabulary does not say."""
PERSONAL_COLUMNS = frozenset(
    {name for grain in RECORD.values() for name in grain.personal} | {"search"}
)
"""Never shown; `search` is what the console finds a customer by, names too."""
VERSIONED = frozenset({"rule"})
"""Columns that say which version made a row: the rule that turned it away."""
ROWS = "rows"
ORDER = ("record", "features", "artifacts")

__all__ = ["FLOAT_TOLERANCE", "Comparison", "compare_workspaces"]

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """Two workspaces, and each thing that either of them holds."""

    a: Side
    b: Side
    tolerance: float
    found: tuple[Compared, ...]

    @property
    def equal(self) -> bool:
        """Whether everything compared is the same."""
        return all(each.same for each in self.found)

    def shown(self) -> Iterator[RenderableType]:
        """The comparison for a terminal: lines and tables, from above to below."""
        return shown(self.a, self.b, self.found, self.tolerance)

    def json(self) -> dict[str, Any]:
        """The comparison as one JSON document."""
        things = [{**asdict(each), "same": each.same} for each in self.found]
        return {
            "equal": self.equal,
            "tolerance": self.tolerance,
            "a": asdict(self.a),
            "b": asdict(self.b),
            "things": things,
        }


def compare_workspaces(
    a: Workspace,
    b: Workspace,
    *,
    only: Sequence[str] = (),
    tolerance: float = FLOAT_TOLERANCE,
    tell: Tell = lambda name: None,
) -> Comparison:
    """Everything in the current versions of `a` and `b`, thing by thing.

    only   : names or their beginnings: `features`, `record/identities`, `artifacts/models`;
             `record/events` stands for that table of every source
    raises : ConfigInvalid where a folder is no workspace; NotReady before the first run, or where
             their secrets differ, so that no personal identifier could match; BadRequest where
             `only` names nothing; ArtifactCorrupt, SourceUnreadable where a file can't be read
    """
    if a.root == b.root:
        raise BadRequest(f"both are the same folder, {a.root}", next_step="Give two workspaces.")
    if not 0 <= tolerance < 1:
        raise BadRequest("the tolerance is no share", found=str(tolerance), expected="0 to 1")
    config = a.config().workspace
    left, right = _versions(a), _versions(b)
    _check_secrets(a, b, left, right)
    chosen = [thing for thing in _things(left, right) if _chosen(thing[0], only)]
    if not chosen:
        raise BadRequest(
            f"nothing here is called {', '.join(only)}",
            expected="the beginning of a name, such as record/events, features or artifacts/models",
        )
    found: list[Compared] = []
    with (
        DuckDB(memory=config.memory, threads=config.threads) as engine,
        tempfile.TemporaryDirectory(prefix="bespeak-") as scratch,
    ):
        for at, thing in enumerate(chosen):
            tell(thing[0])
            found += _compare(engine, thing, tolerance, Path(scratch) / str(at))
    sides = [_side(each, versions) for each, versions in ((a, left), (b, right))]
    return Comparison(sides[0], sides[1], tolerance, tuple(found))


def _versions(workspace: Workspace) -> dict[str, Version]:
    workspace.config()
    keys = [key for key in workspace.current() if not key.startswith(NOT_COMPARED)]
    if not keys:
        raise NotReady(
            f"{workspace.root}: no run yet",
            next_step=f"Run `bespeak run -w {workspace.root}` first.",
        )
    return {key: workspace.get(key) for key in keys}


def _side(workspace: Workspace, versions: Mapping[str, Version]) -> Side:
    runs = ledger.past_runs(workspace)
    # a step that is all mathematics names none
    engines = sorted({version.manifest.get("engine") or "" for version in versions.values()} - {""})
    name = workspace.config().workspace.name
    return Side(str(workspace.root), name, tuple(engines), runs[0]["at"] if runs else None)


# -- secrets ---------------------------------------------------------------------------------------


def _check_secrets(
    a: Workspace, b: Workspace, left: Mapping[str, Version], right: Mapping[str, Version]
) -> None:
    """Personal identifiers are hashed under a secret of each workspace: two make no two alike."""
    one, other = ({_inputs(v).get("secret") for v in _sources(side)} for side in (left, right))
    if one == other or not {*_personal(left), *_personal(right)}:
        return
    raise NotReady(
        f"{a.root} and {b.root} have different secrets, so their personal identifiers"
        f" ({', '.join(sorted({*_personal(left), *_personal(right)}))}) are hashed differently"
        " and no row with one could match",
        next_step=f"Give B the secret of A and run it again: `cp {a.root}/.secret"
        f" {b.root}/.secret && bespeak run -w {b.root}`.",
    )


def _sources(versions: Mapping[str, Version]) -> list[Version]:
    return [version for key, version in versions.items() if key.startswith(f"{SOURCES}/")]


def _inputs(version: Version) -> Mapping[str, Any]:
    found: Mapping[str, Any] = version.manifest["inputs"]
    return found


def _personal(versions: Mapping[str, Version]) -> set[str]:
    """The personal namespaces that the sources name."""
    named = {
        name
        for version in _sources(versions)
        for name in _inputs(version).get("source", {}).get("identifiers", {})
    }
    return named & set(PERSONAL_NAMESPACES)


# -- what there is ---------------------------------------------------------------------------------

Thing = tuple[str, Path | None, Path | None]
"""Its name, and its folder or file on each side."""


def _things(left: Mapping[str, Version], right: Mapping[str, Version]) -> Iterator[Thing]:
    """Every table, array and document that either side holds."""
    for key in sorted({*left, *right}, key=_in_order):
        one = _held(key, left[key].path) if key in left else {}
        other = _held(key, right[key].path) if key in right else {}
        for name in sorted({*one, *other}):
            yield name, one.get(name), other.get(name)


def _in_order(key: str) -> tuple[int, bool, str]:
    """As the flow goes: a difference upstream explains those below it."""
    first = key.partition("/")[0]
    place = ORDER.index(first) if first in ORDER else len(ORDER)
    return place, not key.startswith(f"{SOURCES}/"), key


def _held(key: str, folder: Path) -> dict[str, Path]:
    """Name -> folder of Parquet, or file, of one version."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            found[key if path.name == ROWS else f"{key}/{path.name}"] = path
        else:
            found[f"{key}/{TOLD if path.name == MANIFEST else path.name}"] = path
    return found


def _chosen(name: str, only: Sequence[str]) -> bool:
    """Whether a name begins as one of `only` says, by whole parts."""
    spoken = [name]
    if name.startswith(f"{SOURCES}/"):
        spoken.append(f"record/{name.rpartition('/')[2]}")
    wanted = [one.strip("/") for one in only]
    return not wanted or any(f"{each}/".startswith(f"{one}/") for one in wanted for each in spoken)


# -- one thing -------------------------------------------------------------------------------------


def _compare(engine: Engine, thing: Thing, tolerance: float, scratch: Path) -> list[Compared]:
    """One table, array or document of both sides; a .npz holds several arrays."""
    name, a, b = thing
    if a is None or b is None:
        return [_alone(name, a, b)]
    if a.is_dir():
        return [_tables(engine, name, a, b, tolerance)]
    if a.suffix in {".npy", ".npz"}:
        return compare_arrays(a, b, name=name, tolerance=tolerance)
    if a.suffix == ".arrow":
        key, hidden = _key(name), PERSONAL_COLUMNS
        return [
            compare_ordered(
                engine, a, b, scratch=scratch, name=name, key=key, tolerance=tolerance,
                hidden=hidden,
            )
        ]  # fmt: skip
    if a.suffix == ".json" or a.name == MANIFEST:
        but = {*TIMED, *MADE_BY} if a.name == MANIFEST else TIMED
        left, right = _document(a), _document(b)
        return [compare_documents(left, right, name=name, tolerance=tolerance, but=but)]
    same = a.read_bytes() == b.read_bytes()
    return [Compared(name, "document", 1, 1, equal=int(same), differing=int(not same))]


def _alone(name: str, a: Path | None, b: Path | None) -> Compared:
    """What only one side has."""
    sizes = [None if path is None else _rows(path) for path in (a, b)]
    there = a if a is not None else b
    kind: Kind = "table" if there is not None and there.is_dir() else "document"
    one, other = sizes
    return Compared(name, kind, one, other, only_a=one or 0, only_b=other or 0)


def _rows(path: Path) -> int:
    return ledger.rows_in(path) if path.is_dir() else 1


def _tables(engine: Engine, name: str, a: Path, b: Path, tolerance: float) -> Compared:
    """Two folders of Parquet; a folder without a file is a table without rows."""
    sizes = _rows(a), _rows(b)
    if not all(any(path.rglob("*.parquet")) for path in (a, b)):
        return Compared(name, "table", *sizes, 0, *sizes)
    try:
        return compare_rows(
            engine, _contents(engine, a), _contents(engine, b), name=name, key=_key(name),
            tolerance=tolerance, hidden=PERSONAL_COLUMNS,
        )  # fmt: skip
    except BespeakError as error:
        raise ArtifactCorrupt(
            f"`{name}` could not be compared, {error.what}",
            next_step=error.next_step or f"The files are in {a} and {b}: can both be read?",
        ) from error


def _contents(engine: Engine, folder: Path) -> ir.Table:
    """The rows without the columns that name versions."""
    rows = engine.read([folder])
    return rows.drop(*VERSIONED.intersection(rows.columns))


def _key(name: str) -> tuple[str, ...]:
    """The columns that name a row; lineage where the record knows no other, for each row has one.

    The comparison itself sees whether they do, and does without them where they don't.
    """
    table = name.rpartition("/")[2]
    named = KEYS.get(name) or KEYS.get(table)
    if named is not None:
        return named
    if name.startswith(f"{SOURCES}/"):
        return RECORD[table].key or tuple(LINEAGE)
    return ("item_id",) if table.startswith("items") else ("customer_id",)


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactCorrupt(
            f"{path}: not readable as JSON",
            next_step="Delete that folder and run `bespeak run` again.",
        ) from error
