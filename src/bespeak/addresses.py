"""Addresses of databases, and what of them nobody but their owner may see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from bespeak.errors import ConfigInvalid

HIDDEN = "…"
PLAIN = frozenset(
    {
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname",
        "gssencmode", "host", "hostaddr", "mode", "port", "sslmode", "target_session_attrs", "user",
    }
)  # fmt: skip
"""Parameters that let nobody in; any other may be a secret."""
_HOST = r"(?:[^\s:@/?#,\[\]]+|\[[0-9A-Fa-f:.%]+\])?(?::[0-9]+)?"
_SERVER = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/]*))?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<name>/[^@?#]*)?(?:\?(?P<parameters>[^@#]*))?"
)
_FILE = re.compile(r"(?P<scheme>[a-z]+:///)(?P<name>[^?]*)(?:\?(?P<parameters>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Address:
    """One database's address.

    shown   : without what lets one in; the address itself where it has no such thing
    hosts   : its servers; empty for this machine, or a file
    secrets : what was left out, as it was written and as it is meant
    """

    shown: str
    hosts: str
    secrets: frozenset[str]

    def clean(self, text: str) -> str:
        """What somebody else said, without any of the secrets."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def address(given: str, key: str) -> Address:
    """`given`, taken apart.

    key    : where it stands in bespeak.toml, for the error
    raises : ConfigInvalid where it can't be said which part of it is the password
    """
    found = _read(given)
    if found is None:
        raise ConfigInvalid(
            f"key `{key}`: the address can't be read",  # there may be a password in it
            expected="postgresql://user:password@host:port/name",
            next_step="Write signs like @ / # in a password as %40 %2F %23.",
        )
    return found


def without_secrets(given: str) -> str:
    """An address as manifests may keep it; one without secrets stays as it is."""
    found = _read(given)
    if found is not None:
        return found.shown
    scheme, sign, _ = given.partition("://")
    return f"{scheme}{sign}{HIDDEN}" if sign else HIDDEN


def _read(given: str) -> Address | None:
    read = _SERVER.fullmatch(given) or _FILE.fullmatch(given)
    if read is None:
        return None
    part = {"user": None, "password": None, "hosts": "", **read.groupdict()}
    pairs = [pair for pair in (part["parameters"] or "").split("&") if pair]
    plain = [pair for pair in pairs if pair.partition("=")[0] in PLAIN]
    secrets = [pair.partition("=")[2] for pair in pairs if pair not in plain]
    secrets += [part["password"] or ""]
    user = f"{part['user']}@" if part["user"] else ""
    bare = f"{part['scheme']}{user}{part['hosts']}{part['name'] or ''}"
    told = f"{bare}?{'&'.join(plain)}" if plain else bare
    both = frozenset({*secrets, *map(unquote, secrets)} - {""})
    return Address(told if both else given, part["hosts"] or "", both)
