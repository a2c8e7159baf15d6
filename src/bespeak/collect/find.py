"""Which files a source means, what format they are in, and what to call them in a message."""

from __future__ import annotations

import glob
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from bespeak.collect.access_log import parse as parse_log_line
from bespeak.collect.charset import find_encoding
from bespeak.collect.sql import sqlite_path
from bespeak.collect.text import damage, utf8
from bespeak.config import Source
from bespeak.errors import SourceMissing, SourceUnreadable

_BY_SUFFIX: Mapping[str, str] = MappingProxyType(
    {
        ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".psv": "csv",
        ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
        ".parquet": "parquet", ".pq": "parquet", ".xlsx": "excel", ".xlsm": "excel",
        ".db": "sql", ".sqlite": "sql", ".sqlite3": "sql",
    }
)  # fmt: skip
_BY_MARK: Mapping[bytes, str] = MappingProxyType({b"PAR1": "parquet", b"SQLite format 3\0": "sql"})
_UNREAD: Mapping[bytes, tuple[str, str]] = MappingProxyType(
    {
        b"\xd0\xcf\x11\xe0": (
            "an old Excel workbook (.xls) or one with a password", "Save it as .xlsx or CSV."
        ),
        b"BZh": ("packed with bzip2", "Unpack it, or pack it with gzip."),
        b"\xfd7zXZ": ("packed with xz", "Unpack it, or pack it with gzip."),
        b"\x28\xb5\x2f\xfd": ("packed with zstd", "Unpack it, or pack it with gzip."),
        b"7z\xbc\xaf": ("a 7z archive", "Unpack it."),
        b"Rar!": ("a RAR archive", "Unpack it."),
        b"%PDF": ("a PDF", "Export the table behind it as CSV or Excel."),
        b"ORC": ("an ORC file", "Export it as Parquet."),
        b"Obj\x01": ("an Avro file", "Export it as Parquet or JSON lines."),
    }
)  # fmt: skip


def find(source: Source, root: Path) -> list[Path]:
    """The source's files, sorted: its patterns relative to `root`, folders with all they hold.

    For SQLite it is the database's file; for a server there is none.
    raises : SourceMissing, naming the pattern that fits no file
    """
    if source.database is not None:
        path = sqlite_path(source.database, root)
        if path is not None and not path.is_file():
            raise SourceMissing(
                f"source `{source.name}`: there is no database {path}",
                next_step="Check `database`; its path is relative to the workspace.",
            )
        return [] if path is None else [path]
    found: set[Path] = set()
    for pattern in source.files:
        files = list(_expanded(pattern, root))
        if not files:
            raise SourceMissing(
                f"source `{source.name}`: no file fits `{pattern}`",
                expected=f"at least one, looked for from {root}",
                next_step="Check `files`; paths are relative to the workspace.",
            )
        found.update(files)
    return sorted(found)


def _expanded(pattern: str, root: Path) -> Iterator[Path]:
    literal = root / Path(pattern).expanduser()
    if literal.is_file():
        yield literal
    elif literal.is_dir():
        inside = (path for path in literal.rglob("*") if path.is_file())
        # `_SUCCESS` and the like are notes of the program that wrote the folder
        yield from (
            path
            for path in inside
            if not any(part[0] in "._" for part in path.relative_to(literal).parts)
        )
    else:
        wanted = str(Path(pattern).expanduser())
        for name in glob.glob(wanted, root_dir=root, recursive=True):  # noqa: PTH207 (no absolute)
            if (root / name).is_file():
                yield root / name


def short_names(paths: Sequence[Path]) -> list[str]:
    """For each path its file name, with as many folders before it as tell it from the others."""
    parts = {path: path.parts for path in paths}
    names = {path: path.name for path in paths}
    for length in range(2, max((len(each) for each in parts.values()), default=1) + 1):
        often = Counter(names.values())
        if len(often) == len(names):
            break
        names = {
            path: "/".join(parts[path][-length:]) if often[name] > 1 else name
            for path, name in names.items()
        }
    return [names[path] for path in paths]


def format_of(source: Source, path: Path) -> str:
    """The format of one of the source's files: as configured, or found out."""
    if source.database is not None:
        return "sql"
    return find_format(path) if source.format == "auto" else source.format


def find_format(path: Path) -> str:
    """A file's format: by its first bytes, else by its name, else by its first lines.

    returns : csv, jsonl, parquet, excel, sql or access_log
    raises  : SourceMissing; SourceUnreadable for a format that can't be read
    """
    head = _first_bytes(path)
    for mark, (what, step) in _UNREAD.items():
        if head.startswith(mark):
            raise SourceUnreadable(
                f"{path.name}: the file is {what}",
                expected="CSV, JSON lines, Parquet, Excel (.xlsx), SQLite or an access log",
                next_step=step,
            )
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    by_mark = next((name for mark, name in _BY_MARK.items() if head.startswith(mark)), None)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    by_suffix = _BY_SUFFIX.get(suffixes[-1]) if suffixes else None
    return by_mark or by_suffix or _by_lines(path)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(64)
    except FileNotFoundError as error:
        raise SourceMissing(
            f"{path}: there is no such file", next_step="Check the path in `files`."
        ) from error
    except OSError as error:
        raise SourceUnreadable(
            f"{path}: the system does not let it be read: {error.strerror or error}",
            next_step="Check that it is a file and who may read it.",
        ) from error


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            if "xl/workbook.xml" in archive.namelist():
                return "excel"
    except zipfile.BadZipFile:
        if path.suffix.lower() in {".xlsx", ".xlsm"}:
            return "excel"  # its reader says what is wrong
    raise SourceUnreadable(
        f"{path.name}: the file is a ZIP archive",
        expected="the table itself",
        next_step="Unpack it and name the files inside.",
    )


def _by_lines(path: Path) -> str:
    """A text file of another name: JSON, a log, or else separated values."""
    encoding = find_encoding(path, within=2**21)
    text = next(utf8(path, encoding.name), b"")[:65_536].decode("utf-8", damage(encoding.name))
    lines = [line.strip() for line in text.split("\n") if line.strip()][:20]
    if text.lstrip().startswith(("[{", "[\n", "[\r")) or _is_object(lines[0]):
        return "jsonl"
    logged = sum(parse_log_line(line) is not None for line in lines)
    return "access_log" if logged * 2 > len(lines) else "csv"


def _is_object(line: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeError):
        return False
