"""A text file as a stream of UTF-8, whatever it was written in and whether it is packed."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from bespeak.errors import ConfigInvalid, SourceMissing, SourceUnreadable

CHUNK = 1 * 1024 * 1024
GZIP = b"\x1f\x8b"
_KEEP = "bespeak.keep"


def chunks(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """The file's bytes, unpacked where it is gzip.

    raises : SourceMissing; SourceUnreadable if the system refuses it or the packing is damaged
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if packed else raw
            while chunk := stream.read(size):
                yield chunk
    except FileNotFoundError as error:
        raise SourceMissing(
            f"{path}: there is no such file", next_step="Check the path in `files`."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceUnreadable(
            f"{path.name}: its gzip packing is damaged or ends early",
            next_step="Copy the file again; `gzip -t` says whether it is whole.",
        ) from error
    except OSError as error:
        raise SourceUnreadable(
            f"{path}: the system does not let it be read: {error.strerror or error}",
            next_step="Check that it is a file and who may read it.",
        ) from error


def utf8(path: Path, encoding: str) -> Iterator[bytes]:
    """The file as UTF-8, without a byte order mark.

    Bytes that `encoding` can't read stay visible as bytes that no UTF-8 has, so that only the
    rows they stand in are refused (see `damage`).
    """
    pieces = chunks(path) if encoding == "utf-8" else _recoded(path, encoding)
    first = next(pieces, b"")
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from pieces


def damage(encoding: str) -> str:
    """The error handler under which text from `utf8` shows its damage as lone surrogates."""
    return "surrogateescape" if encoding == "utf-8" else "surrogatepass"


def codec_of(name: str) -> str:
    """Python's name of an encoding; cousins are read as the widest of the family.

    raises : ConfigInvalid if there is no such encoding
    """
    widest = {
        "ascii": "utf-8", "utf-8-sig": "utf-8", "gb2312": "gb18030", "gbk": "gb18030",
        "big5": "big5hkscs", "shift_jis": "cp932", "euc_kr": "cp949", "iso8859-1": "cp1252",
        "latin-1": "cp1252",
    }  # fmt: skip
    try:
        found = codecs.lookup(name)
    except LookupError as error:
        raise ConfigInvalid(
            f"key `encoding`: `{name}` is no encoding that Python knows",
            expected="a name like utf-8, gb18030, big5, cp1252",
            next_step="Correct it, or remove the key to have it found out.",
        ) from error
    return widest.get(found.name, found.name)


def lines(path: Path, encoding: str, limit: int) -> Iterator[tuple[int, bytes]]:
    """Physical lines of UTF-8 and their numbers, from 1.

    raises : SourceUnreadable if a line has more than `limit` bytes
    """
    number, rest = 0, b""
    for block in utf8(path, encoding):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            number += 1
            yield number, line
        if len(rest) > limit:
            raise too_long(path, number + 1, limit)
    if rest:
        yield number + 1, rest


def too_long(path: Path, row: int, limit: int) -> SourceUnreadable:
    """The error of a row that has no end."""
    return SourceUnreadable(
        f"{path.name}, row {row}",
        found=f"more than {limit // 1024:,} KiB without a line break",
        expected="one row per line",
        next_step="Check that the file is what its name says and that its line breaks are there.",
    )


def _recoded(path: Path, encoding: str) -> Iterator[bytes]:
    codecs.register_error(_KEEP, _kept)
    decoder = codecs.getincrementaldecoder(encoding)(_KEEP)
    for chunk in chunks(path):
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _kept(error: UnicodeError) -> tuple[str, int]:
    """Each unreadable byte as a lone surrogate, which no text can hold."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    unreadable = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in unreadable), error.end
