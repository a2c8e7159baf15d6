"""Read a request's query and body into typed values; say exactly what is wrong with them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect
from starlette.requests import Request

from bespeak.errors import BadRequest

Asked = TypeVar("Asked", bound=msgspec.Struct)

Count = Annotated[int, msgspec.Meta(ge=1, le=1000, description="How many, 1 to 1000.")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200, description="At most so many, 1 to 200.")]
Search = Annotated[str, msgspec.Meta(max_length=200, description="What to look for.")]

InStock = Annotated[
    Literal["yes", "any"],
    msgspec.Meta(
        description="`any` lets a list hold what is out of stock as well; what the shop has given"
        " up is on none."
    ),
]

SHOWN = 80
"""Characters of a wrong value that are quoted back."""
_NUMBER = re.compile(r"[-+.\deE_]+")


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Takes no parameters."""


def query(request: Request, kind: type[Asked]) -> Asked:
    """The query string as `kind`.

    raises : BadRequest naming the parameter, what was found and what was expected
    """
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = dict(pairs)
    for name, value in given.items():
        if name not in kind.__struct_fields__:
            raise _unknown(name, kind, "parameter")
        if len(given) < len(pairs) and sum(key == name for key, _ in pairs) > 1:
            raise BadRequest(f"parameter `{name}` is given twice", expected="it once")
        if name in _times(kind) and _NUMBER.fullmatch(value):
            raise BadRequest(
                f"parameter `{name}` can't be that", found=repr(value)[:SHOWN],
                expected="a time like 2026-01-31T10:00:00Z",
            )  # fmt: skip
    check_nul(given, "parameter")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), given, kind, "parameter") from error


async def body(request: Request, kind: type[Asked]) -> Asked:
    """The JSON body as `kind`.

    raises : BadRequest saying where it is no JSON, or which key is wrong
    """
    content = await request.body()
    try:
        given = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(
            f"the body is not valid JSON: {str(error)[:200]}",
            next_step='Send, for instance, {"items": ["123"], "k": 10}.',
        ) from error
    if not isinstance(given, dict):
        raise BadRequest("the body is not a JSON object", found=type(given).__name__)
    for name in given:
        if name not in kind.__struct_fields__:
            raise _unknown(str(name), kind, "key")
    check_nul(given, "key")
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), given, kind, "key") from error


def check_nul(given: Mapping[str, Any], what: str) -> None:
    """A NUL is nothing that anybody means, and nothing that every event log can look for.

    raises : BadRequest, naming the parameter or key that it is in
    """
    for name, value in given.items():
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise BadRequest(
                f"{what} `{name}` can't be that",
                found="a NUL character", expected="text without one",
            )  # fmt: skip


@cache
def _times(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The parameters that are times; a bare number would be read as seconds since 1970."""
    fields = msgspec.structs.fields(kind)
    return frozenset(one.name for one in fields if "datetime" in str(one.type))


def _unknown(name: str, kind: type[msgspec.Struct], what: str) -> BadRequest:
    known = list(kind.__struct_fields__)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else "See /docs."
    expected = ", ".join(known) if known else f"no {what}s"
    return BadRequest(
        f"{what} `{name[:SHOWN]}` is not known here", expected=expected, next_step=hint
    )


def _wrong(
    message: str, given: dict[str, Any], kind: type[msgspec.Struct], what: str
) -> BadRequest:
    """msgspec's complaint in our words; its path is like `$.items[3]`."""
    place = re.search(r" - at `\$\.?(\w*)(.*)`$", message)
    name, inner = (place.group(1), place.group(2)) if place else ("", "")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", message)
    if missing:
        return BadRequest(f"{what} `{missing.group(1)}` is missing", expected="it to be there")
    core = message[: place.start()] if place else message
    value = given.get(name)
    found = repr(value)[:SHOWN] if not inner else None
    return BadRequest(
        f"{what} `{name}{inner}` can't be that",
        found=found,
        expected=_expectation(kind, name) or _plain(core),
    )


def _expectation(kind: type[msgspec.Struct], name: str) -> str | None:
    """`a whole number from 1 to 1000` where the type says so."""
    shape = inspect.type_info(kind)
    fields = shape.fields if isinstance(shape, inspect.StructType) else ()
    inner = next((field.type for field in fields if field.name == name), None)
    if isinstance(inner, inspect.Metadata):
        inner = inner.type
    if isinstance(inner, inspect.IntType):
        return f"a whole number from {inner.ge} to {inner.le}"
    if isinstance(inner, inspect.LiteralType):
        return " or ".join(f"`{value}`" for value in inner.values)
    return None


def _plain(core: str) -> str:
    """msgspec's own words, as a person would say them."""
    wanted = core.removeprefix("Expected ").split(", got")[0].replace("`", "")
    return {"str": "text", "array": "a list"}.get(wanted, wanted)
