"""The body of a request that sends many things: bounded, unpacked, and taken apart one by one."""

from __future__ import annotations

import zlib
from types import MappingProxyType

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from bespeak.errors import BadRequest

UNPACKED = 8_388_608
"""Bytes that a packed body may unpack to."""
TOGETHER = 1_000
"""Events, or items, of one request."""

_split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_each = msgspec.json.Decoder(list[msgspec.Raw]).decode
_EXAMPLES = MappingProxyType(
    {
        "events": '{"events": [{"type": "view", "session_id": "s1", "item_id": "123"}]}',
        "items": '{"items": [{"item_id": "123", "title": "Tea", "price": "2.50"}]}',
    }
)


async def events(request: Request) -> list[bytes]:
    """Each event's own JSON, unchecked; a body that is one event is a batch of it.

    raises : as `_batch`
    """
    return await _batch(request, "events")


async def items(request: Request) -> list[bytes]:
    """Each item's own JSON, as `events`."""
    return await _batch(request, "items")


async def _batch(request: Request, name: str) -> list[bytes]:
    """The list that the body's one key holds, or the body itself.

    raises : BadRequest unless it is one, or {name: [1 to 1000 of them]};
             HTTPException 413 where it unpacks to too much, 415 where it is packed otherwise
    """
    content = _unpacked(await request.body(), request.headers.get("content-encoding", ""))
    try:
        given = _split(content)
        several = given.keys() == {name}
        found = [bytes(one) for one in _each(given[name])] if several else [content]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(
            f"the body is not one of {name}, nor a list of them: {str(error)[:200]}",
            next_step=f"Send {_EXAMPLES[name]}.",
        ) from error
    if not 0 < len(found) <= TOGETHER:
        raise BadRequest(
            "a batch of this size can't be taken",
            found=f"{len(found)} {name}",
            expected=f"1 to {TOGETHER}",
        )
    return found


def _unpacked(content: bytes, packing: str) -> bytes:
    if packing.lower() in {"", "identity"}:
        return content
    if packing.lower() != "gzip":
        raise HTTPException(415, "The body may be packed with gzip, and no otherwise")
    unpack = zlib.decompressobj(wbits=31)
    try:
        found = unpack.decompress(content, UNPACKED)
    except zlib.error as error:
        raise BadRequest("the body is not packed with gzip, though it says so") from error
    if unpack.unconsumed_tail:
        raise HTTPException(413, f"The body unpacks to more than {UNPACKED} bytes")
    if not unpack.eof:
        raise BadRequest("the body, packed with gzip, breaks off")
    return found
