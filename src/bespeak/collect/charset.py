"""Which encoding a text file is in: its mark, else UTF-8 if it can be, else what its bytes say."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from bespeak.collect.options import ROW_LIMIT
from bespeak.collect.text import chunks, codec_of
from bespeak.errors import SourceUnreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {
    "utf-8": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32", "gb18030": "GB18030 (GBK)",
    "big5hkscs": "Big5", "cp932": "Shift JIS", "cp949": "Korean (cp949)",
    "cp1252": "Western European (Windows-1252)",
}  # fmt: skip
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "cp1258")
_OTHER_ALPHABETS = ("cp1251", "cp1253", "cp1255", "cp1256", "koi8_r", "cp874")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_PIECE, _EVIDENCE, _HEAD = 4096, 65_536, 65_536
_UNLIKELY = frozenset("\ufffdÿþÞðÐ×÷¤¦¬¯¸¨´ˆ˜†‡‰ƒ\xad")
"""Characters of Windows-1252 that hardly any text has: bytes that read so are mere damage."""

_CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x19\x1c-\x1f\x7f]")


@dataclass(frozen=True)
class Encoding:
    """A codec of Python's, and how it was found out."""

    name: str
    said: str


def find_encoding(
    path: Path, configured: str | None = None, *, within: int | None = None
) -> Encoding:
    """The encoding of a text file.

    within : bytes to look at; by default as many as it takes to meet letters outside ASCII
    raises : ConfigInvalid for an unknown name; SourceUnreadable for what is no text or is empty
    """
    pieces = chunks(path)
    head = next(pieces, b"")
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        _refuse_blank(path, head)
    if configured is not None:
        return Encoding(codec_of(configured), f"The encoding is {configured}, as configured.")
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is not None:
        return Encoding(marked, f"The encoding is {_NAMES[marked]}, by its byte order mark.")
    wide = _wide(head[:_HEAD])
    if wide is not None:
        return Encoding(wide, f"The encoding is {wide.upper()}, by the places of its zero bytes.")
    _refuse_binary(path, head[:_HEAD])
    return _by_letters(_evidence(head, pieces, within))


def _refuse_blank(path: Path, head: bytes) -> None:
    if head and not head.strip(b"\0"):
        raise SourceUnreadable(
            f"{path.name}, row 1",
            found="nothing but zero bytes",
            expected="text",
            next_step="The file was not written to its end: copy or export it again.",
        )
    raise SourceUnreadable(
        f"{path.name}: the file is empty",
        expected="a header and rows",
        next_step="Export it again, or take it out of `files`.",
    )


def _refuse_binary(path: Path, head: bytes) -> None:
    """Bytes of a program or a picture: one in nine is a control character, in text hardly any."""
    odd = len(_CONTROL.findall(head))
    if odd > 4 and odd > len(head) / 50:
        raise SourceUnreadable(
            f"{path.name}: this is no text",
            found=f"{odd} control characters in the first {len(head):,} bytes",
            expected="a text file",
            next_step="Unpack or export it as CSV, or set `format` and `encoding`.",
        )


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: ASCII letters leave every other byte zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half and odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if half and even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _evidence(head: bytes, pieces: Iterator[bytes], within: int | None) -> list[bytes]:
    """Parts of lines that start where a line leaves ASCII, so that no character is cut before."""
    found: list[bytes] = []
    size, seen, unbroken, block = 0, 0, 0, head
    while True:
        broken = block.rfind(b"\n") + 1
        end = broken or len(block)
        for piece in _pieces(block[:end]):
            found.append(piece)
            size += len(piece)
            if size > _EVIDENCE:
                return found
        seen, unbroken = seen + end, 0 if broken else unbroken + end
        # what has no line breaks is no table: its reader says so, and need not wait for it
        go_on = unbroken <= ROW_LIMIT and (within is None or seen < within)
        following = next(pieces, b"") if go_on else b""
        if not following:
            return [*found, *_pieces(block[end:] + b"\n")]
        block = block[end:] + following


def _pieces(block: bytes) -> Iterator[bytes]:
    at = len(block) if block.isascii() else 0
    while letter := _NOT_ASCII.search(block, at):
        before = max(letter.start() - 40, block.rfind(b"\n", 0, letter.start()) + 1)
        end = block.find(b"\n", letter.start()) + 1 or len(block)
        yield block[before : min(end, letter.start() + _PIECE)]
        at = end


def _by_letters(evidence: list[bytes]) -> Encoding:
    if not evidence:
        return Encoding("utf-8", "The encoding is UTF-8 (it holds ASCII only).")
    good, bad = _as_utf8(evidence)
    if bad == 0:
        return Encoding("utf-8", "The encoding is UTF-8.")
    if good >= bad:
        return Encoding("utf-8", "The encoding is UTF-8, but some of its bytes are damaged.")
    name = _east_asian(evidence) or _alphabet(evidence)
    if name is None:
        return Encoding(
            "utf-8", "The encoding is taken for UTF-8, but some bytes are none; set `encoding`."
        )
    shown = _NAMES.get(name, name)
    return Encoding(name, f"The encoding is {shown}, by its letters; set `encoding` if it is not.")


def _as_utf8(evidence: list[bytes]) -> tuple[int, int]:
    """Characters beyond ASCII that are UTF-8, and bytes that can't be."""
    good = bad = 0
    for piece in evidence:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        beyond = [c for c in decoder.decode(piece) if c > "\x7f"]
        broken = sum("\udc80" <= c <= "\udcff" for c in beyond)
        good, bad = good + len(beyond) - broken, bad + broken
    return good, bad


def _decoded(evidence: list[bytes], name: str) -> list[str]:
    """Characters beyond ASCII as `name` reads them; U+FFFD where it can't."""
    found: list[str] = []
    for piece in evidence:
        # not the final bytes: a piece may end within a character
        text = codecs.getincrementaldecoder(name)("replace").decode(piece)
        found += [c for c in text if c > "\x7f"]
    return found


def _east_asian(evidence: list[bytes]) -> str | None:
    """The double-byte encoding in whose everyday part nearly all the characters stand.

    Text read in the wrong one falls on rare characters. Among those that fit, the order decides;
    Korean fits GB18030 too, but Chinese of some length does not fit Korean.
    """
    shares = {}
    for name, everyday in _EVERYDAY:
        characters = _decoded(evidence, name)
        readable = [c for c in characters if c != "\ufffd"]
        if not readable or len(readable) < 0.75 * len(characters):
            continue
        shares[name] = sum(map(everyday, readable)) / len(readable)
        if name == "cp949" and len(readable) >= 12 and shares[name] == 1.0:
            return name
    return next((name for name, share in shares.items() if share >= 0.85), None)


def _in_gb(c: str) -> bool:
    code = c.encode("gb18030")
    return (
        len(code) == 2 and code[1] >= 0xA1 and (0xB0 <= code[0] <= 0xD7 or code[0] in {0xA1, 0xA3})
    )


def _in_big5(c: str) -> bool:
    code = c.encode("big5hkscs")
    return len(code) == 2 and 0xA1 <= code[0] <= 0xC6 and code[0] != 0xA3


def _in_korean(c: str) -> bool:
    code = c.encode("cp949")
    return len(code) == 2 and code[1] >= 0xA1 and 0xB0 <= code[0] <= 0xC8


def _in_japanese(c: str) -> bool:
    code = c.encode("cp932")
    return "\u3000" <= c <= "\u30ff" or (len(code) == 2 and 0x88 <= code[0] <= 0x97)


def _in_unix_japanese(c: str) -> bool:
    code = c.encode("euc_jp")
    return "\u3000" <= c <= "\u30ff" or (len(code) == 2 and 0xB0 <= code[0] <= 0xCF)


_EVERYDAY: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("gb18030", _in_gb),
    ("big5hkscs", _in_big5),
    ("cp949", _in_korean),
    ("cp932", _in_japanese),
    ("euc_jp", _in_unix_japanese),
)


def _alphabet(evidence: list[bytes]) -> str | None:
    """The encoding of an alphabet; None where its bytes are few and look like mere damage.

    Latin scripts leave ASCII for a letter or two at a time, the others for whole words.
    """
    runs = [len(run) for piece in evidence for run in re.findall(rb"[\x80-\xff]+", piece)]
    if sum(runs) > 2.5 * len(runs):
        return _by_language(evidence, _OTHER_ALPHABETS)
    letters = _decoded(evidence, "cp1252")
    western = bool(letters) and sum(c in _UNLIKELY for c in letters) <= len(letters) / 10
    if western and len(set(letters)) < 3:
        return "cp1252"
    other = _by_language(evidence, _LATIN, certain=western)
    if western:
        return other or "cp1252"
    return None if other in {"cp1252", "cp1254"} else other


def _by_language(
    evidence: list[bytes], names: tuple[str, ...], *, certain: bool = False
) -> str | None:
    """The encoding in which the text looks most like a language; the first of those alike.

    certain : only if it does look like one, and the first of `names` does not look as good
    """
    matches = list(from_bytes(b"".join(evidence), cp_isolation=list(names)))
    if not matches:
        return None
    best = matches[0]
    alike = {
        codec_of(name)
        for match in matches
        if (match.chaos, match.coherence) == (best.chaos, best.coherence)
        for name in match.could_be_from_charset
    }
    possible = {codec_of(name) for match in matches for name in match.could_be_from_charset}
    if certain and best.coherence == 0 and names[0] in possible:
        return None
    return next((name for name in names if name in alike), None)
