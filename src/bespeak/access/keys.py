"""The keys of one workspace: made, listed, rotated, revoked; what is kept gives none of them away.

A key is `bsp_KIND_ID_SECRET`, its secret 192 random bits, so that a plain SHA-256 is all the
hashing that it needs: there is no guessing one, however fast the guesses.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import msgspec

from bespeak.errors import ArtifactCorrupt, BadRequest, NotFound
from bespeak.workspace import write_atomically

Kind = Literal["public", "secret"]
Scope = Literal["send", "read", "manage"]
"""What a secret key may do: tell events and items of anybody; read lists, customers and data;
erase, export, train."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
FILE = "keys.json"
FRESH_S = 0.5
"""How long a key that was revoked elsewhere may go on opening doors here."""
KEY = re.compile(r"bsp_(?:public|secret)_([0-9a-f]{8})_[0-9a-f]{48}")


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key, as it is kept.

    id         : part of the key, and no secret
    digest     : SHA-256 of the whole key, hex
    signing    : what customers' tokens are signed with (see `signing_key`); secret keys only
    per_second : requests it may make; None for no bound
    """

    id: str
    kind: Kind
    name: str
    digest: str
    created: datetime
    scopes: tuple[Scope, ...] = ()
    signing: str | None = None
    expires: datetime | None = None
    per_second: float | None = None

    def holds(self, now: datetime) -> bool:
        return self.expires is None or now < self.expires


class Keyring:
    """The keys in a workspace's folder; what another process changes is seen within half a second.

    raises : ArtifactCorrupt, from any method, if keys.json is not what was written
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._keys: dict[str, Key] = {}
        self._mark: tuple[int, int] | None = None
        self._looked = -FRESH_S

    def all(self) -> list[Key]:
        """Oldest first; those that have ended too."""
        return sorted(self._known().values(), key=lambda key: (key.created, key.id))

    def any(self) -> bool:
        """Whether a key was ever made: without one, there is nobody to keep out."""
        return bool(self._known())

    def get(self, key_id: str) -> Key | None:
        """The key of that id, while it holds."""
        found = self._known().get(key_id)
        if found is None or found.expires is None:
            return found
        return found if found.holds(datetime.now(UTC)) else None

    def find(self, given: str) -> Key | None:
        """The key that was given, while it holds; how long this takes tells nothing."""
        named = KEY.fullmatch(given)
        found = self.get(named[1]) if named else None
        right = found is not None and hmac.compare_digest(found.digest, _digest(given))
        return found if right else None

    def create(
        self,
        kind: Kind,
        *,
        name: str = "",
        scopes: Sequence[str] = SCOPES,
        per_second: float | None = None,
    ) -> tuple[Key, str]:
        """A new key, and its text, which can't be had again."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise BadRequest(
                "a key's scopes", found=", ".join(unknown) or "none", expected=", ".join(SCOPES)
            )
        if per_second is not None and per_second <= 0:
            raise BadRequest("a key's rate", found=f"{per_second:g}", expected="more than 0")
        chosen = tuple(scope for scope in SCOPES if scope in scopes) if kind == "secret" else ()
        with self._changing() as keys:
            made, text = _made(kind, name, chosen, per_second)
            keys[made.id] = made
        return made, text

    def rotate(self, key_id: str, *, grace: timedelta) -> tuple[Key, str]:
        """A key that may do the same; the old one holds for `grace` more.

        raises : NotFound
        """
        with self._changing() as keys:
            old = _named(keys, key_id)
            made, text = _made(old.kind, old.name, old.scopes, old.per_second)
            keys |= {made.id: made, key_id: _ended(old, datetime.now(UTC) + grace)}
        return made, text

    def revoke(self, key_id: str) -> Key:
        """The key holds no longer, nor does what it has signed.

        raises : NotFound
        """
        with self._changing() as keys:
            keys[key_id] = _ended(_named(keys, key_id), datetime.now(UTC))
            return keys[key_id]

    def _known(self) -> dict[str, Key]:
        now = time.monotonic()
        if now - self._looked >= FRESH_S:
            self._read()
            self._looked = now
        return self._keys

    def _read(self) -> None:
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            self._keys, self._mark = {}, None
            return
        mark = (seen.st_ino, seen.st_mtime_ns)
        if mark == self._mark:
            return
        try:
            keys = msgspec.json.decode(self._path.read_bytes(), type=list[Key])
        except msgspec.MsgspecError as error:
            raise ArtifactCorrupt(
                f"{self._path}: can't be read as keys",
                next_step="Put back a copy, or delete it and make new keys.",
            ) from error
        self._keys, self._mark = {key.id: key for key in keys}, mark

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys as they are now; they are kept as they are left."""
        lock = self._path.with_name(".keys.lock")
        with lock.open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            self._read()
            keys = dict(self._keys)
            yield keys
            content = msgspec.json.format(msgspec.json.encode(list(keys.values())), indent=1)
            write_atomically(self._path, content, mode=0o600)
            self._read()


def signing_key(key: str) -> str:
    """What tokens are signed with: SHA-256 of `token:` and the secret key, in hex.

    So a shop's server signs with what it has, in any language, and what is kept here does not give
    the key away.
    """
    return _digest(f"token:{key}")


def _made(
    kind: Kind, name: str, scopes: tuple[Scope, ...], per_second: float | None
) -> tuple[Key, str]:
    key_id = secrets.token_hex(4)
    text = f"bsp_{kind}_{key_id}_{secrets.token_hex(24)}"
    signing = signing_key(text) if kind == "secret" else None
    made = Key(
        key_id, kind, name, _digest(text), datetime.now(UTC), scopes, signing,
        per_second=per_second,
    )  # fmt: skip
    return made, text


def _ended(key: Key, at: datetime) -> Key:
    """The key, ending then unless it ends before."""
    return msgspec.structs.replace(key, expires=min(at, key.expires or at))


def _named(keys: dict[str, Key], key_id: str) -> Key:
    if key_id not in keys:
        raise NotFound(
            f"there is no key `{key_id[:20]}`", next_step="See their ids with `bespeak key list`."
        )
    return keys[key_id]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
