"""Who asks, and whether they may: decided once for each request, before anything is read.

A workspace without keys answers everybody, since it listens on this machine only. With the first
key, each address wants one: a secret key with the right scope, or the public key for what a visitor
may do in a session of their own; a known customer, besides, a token that the shop's server signed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import jwt
from starlette.requests import HTTPConnection

from bespeak.access import SCOPES, Key, Keyring, Limits, Scope, whose
from bespeak.errors import Busy, KeyMissing, NotAllowed

Opens = Literal["anybody", "visitor", "customer", "secret"]
"""The least that opens an address: nothing, a public key, the customer's token, a secret key."""

CUSTOMER = "x-bespeak-customer"
"""The header with a customer's token."""
COOKIE = "bespeak-console"
SIGNED_IN_S = 12 * 3_600
WRONG_PER_SECOND = 20.0
"""Wrong keys from one address; beyond it, not even the right one is looked at."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ALGORITHM = "HS256"


@dataclass(frozen=True)
class Grant:
    """What a request may do.

    key      : id of the key; None where none was asked for
    scopes   : of the secret key; empty for a visitor
    visitor  : it speaks for one visitor only: a session of theirs, and `customer` if there is one
    customer : whom the token speaks for
    """

    key: str | None
    scopes: frozenset[Scope] = frozenset()
    visitor: bool = False
    customer: str | None = None

    def session(self, session_id: str) -> None:
        """raises : NotAllowed where a visitor names a session that somebody could guess"""
        if self.visitor and not unguessable(session_id):
            raise NotAllowed(
                "with a public key, a session_id can be guessed by nobody",
                expected="a random UUID, as crypto.randomUUID() makes it",
                next_step="Other session ids go with the secret key, from your own server.",
            )


EVERYBODY = Grant(None, frozenset(SCOPES))
NOBODY = Grant(None)


@dataclass(frozen=True)
class Admission:
    """The door of one server.

    keyring : the workspace's keys
    secret  : what sign-ins to the console are signed with
    open    : whether everybody is let in while there is no key: on this machine only
    origins : pages of other servers that may ask, like `https://shop.example`
    """

    keyring: Keyring
    secret: bytes
    open: bool
    origins: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def wanted(self) -> bool:
        """Whether keys are asked for."""
        return not self.open or self.keyring.any()

    def admit(
        self, asked: HTTPConnection, opens: Opens, scope: Scope, customer_id: str | None = None
    ) -> Grant:
        """What the request may do, where that is enough for `opens` and `scope`.

        raises : KeyMissing, NotAllowed, Busy
        """
        if not self.wanted:
            return EVERYBODY
        if opens == "anybody":
            return NOBODY
        key = self.key_of(asked)
        if key.per_second is not None and self.limits.wait_s(key.id, key.per_second) > 0:
            raise Busy(
                "this key asks more often than it may",
                expected=f"{key.per_second:g} requests a second",
                next_step="Wait as long as Retry-After says.",
            )
        if key.kind == "secret":
            return _with_secret(key, scope)
        return self._with_public(asked, key, opens, customer_id)

    def holds(self, asked: HTTPConnection) -> bool:
        """Whether the request carries a key of ours, or a sign-in with one; refuses nobody."""
        given = asked.headers.get("authorization", "")
        if given:
            return self.keyring.find(_bearer(given)) is not None
        cookie = asked.cookies.get(COOKIE)
        return cookie is not None and self._signed_in(cookie) is not None

    def key_of(self, asked: HTTPConnection) -> Key:
        """The key that came with a request, or with the sign-in that its cookie tells of.

        raises : KeyMissing; Busy after too many wrong ones
        """
        given = asked.headers.get("authorization", "")
        if given:
            return self.key_named(asked, _bearer(given))
        cookie = asked.cookies.get(COOKIE)
        key = None if cookie is None else self._signed_in(cookie)
        if key is None:
            raise _no_key()
        if asked.scope["method"] not in SAFE and not _same_origin(asked.headers):
            raise NotAllowed(
                "a page of another origin asked for this in your name",
                next_step="Ask from the console itself, or with a key.",
            )
        return key

    def key_named(self, asked: HTTPConnection, text: str) -> Key:
        """The key whose text was given.

        raises : as `key_of`
        """
        key = self.keyring.find(text)
        if key is None:
            address = asked.client.host if asked.client is not None else ""
            if self.limits.wait_s(f"wrong {address}", WRONG_PER_SECOND) > 0:
                raise Busy("too many wrong keys came from this address")
            raise _no_key()
        return key

    def sign_in(self, key: Key) -> str:
        """The cookie's value for who has shown a key."""
        said = {"sub": key.id, "exp": int(time.time()) + SIGNED_IN_S}
        return jwt.encode(said, self.secret, ALGORITHM)

    def _signed_in(self, cookie: str) -> Key | None:
        try:
            said = jwt.decode(cookie, self.secret, [ALGORITHM], options={"require": ["sub", "exp"]})
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            return None
        return self.keyring.get(str(said["sub"]))

    def _with_public(
        self, asked: HTTPConnection, key: Key, opens: Opens, customer_id: str | None
    ) -> Grant:
        if opens == "secret":
            raise NotAllowed(
                "a public key does not open this",
                expected="a secret key",
                next_step="Ask from your own server: a secret key never goes into a page.",
            )
        token = asked.headers.get(CUSTOMER)
        customer = None if token is None else whose(token, self.keyring)
        if token is not None and customer is None:
            raise KeyMissing(
                f"the token in {CUSTOMER} does not hold",
                expected="one that a secret key of this workspace signed, and that has not ended",
                next_step="Let your server sign a new one.",
            )
        # the same words whether or not there is such a customer
        if opens == "customer" and (customer is None or customer != customer_id):
            raise NotAllowed(
                "this is for that customer only",
                expected=f"their token in the header {CUSTOMER}, or a secret key",
                next_step="Let your server sign one when they have signed in.",
            )
        return Grant(key.id, visitor=True, customer=customer)


def _bearer(header: str) -> str:
    """The key in an Authorization header; nothing where it holds none."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def unguessable(session_id: str) -> bool:
    """Whether a session id is a random UUID (version 4, RFC 9562): 122 bits."""
    try:
        found = UUID(session_id)
    except ValueError:
        return False
    return found.version == 4 and str(found) == session_id.lower()


def _with_secret(key: Key, scope: Scope) -> Grant:
    if scope not in key.scopes:
        raise NotAllowed(
            "this key's scopes do not open this",
            found=", ".join(key.scopes),
            expected=scope,
            next_step=f"Use a key with the scope: bespeak key create --secret --scope {scope}.",
        )
    return Grant(key.id, frozenset(key.scopes))


def _same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that the page which asks came from this server."""
    return urlsplit(headers.get("origin", "")).netloc == headers.get("host", " ")


def _no_key() -> KeyMissing:
    return KeyMissing(
        "this needs a key, and none that holds came with it",
        expected="the header `Authorization: Bearer bsp_…`",
        next_step="Make one with `bespeak key create`, or sign in to the console.",
    )
