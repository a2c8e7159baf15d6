"""A customer's token: the shop's server says, for a while, that a page speaks for that customer.

A JSON Web Token (RFC 7519, HS256), so that any language's library makes one: `kid` in the header is
the secret key's id, `sub` the customer_id, `exp` when it ends.
"""

from __future__ import annotations

import time

import jwt

from bespeak.access.keys import KEY, Keyring, signing_key
from bespeak.errors import BadRequest

LONGEST_S = 86_400
"""A token that holds for longer than a day is refused: it would outlive what it stands for."""
LEEWAY_S = 30
"""How far the clocks of shop and server may be apart."""
ALGORITHM = "HS256"


def sign(customer_id: str, key: str, *, ttl_s: int = 3_600) -> str:
    """A token for one customer, to be made where the secret key is: on the shop's own server.

    ttl_s  : seconds it holds, at most a day
    raises : BadRequest if `key` is no secret key, or `ttl_s` is not 1 to 86,400
    """
    named = KEY.fullmatch(key)
    if named is None or not key.startswith("bsp_secret_"):
        raise BadRequest(
            "a token is signed with a secret key",
            expected="bsp_secret_…",
            next_step="Make one with `bespeak key create --secret`.",
        )
    if not 0 < ttl_s <= LONGEST_S:
        raise BadRequest("ttl_s", found=str(ttl_s), expected=f"1 to {LONGEST_S}")
    said = {"sub": customer_id, "exp": int(time.time()) + ttl_s}
    return jwt.encode(said, signing_key(key), ALGORITHM, headers={"kid": named[1]})


def whose(token: str, keyring: Keyring) -> str | None:
    """The customer a token speaks for; None if it is not to be believed, for whatever reason."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = keyring.get(str(kid))
        if key is None or key.signing is None:
            return None
        said = jwt.decode(
            token, key.signing, [ALGORITHM], leeway=LEEWAY_S,
            options={"require": ["sub", "exp"], "verify_aud": False},
        )  # fmt: skip
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None
    if said["exp"] > time.time() + LONGEST_S + LEEWAY_S:
        return None
    return str(said["sub"]) or None
