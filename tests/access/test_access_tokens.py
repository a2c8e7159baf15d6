"""Customers' tokens: one customer, for a while, by a secret key that still holds."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from bespeak.access import Keyring, sign, whose
from bespeak.errors import BadRequest


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path)


def test_a_token_speaks_for_its_customer(ring: Keyring) -> None:
    _, text = ring.create("secret")
    assert whose(sign("900", text), ring) == "900"


def test_any_library_makes_one(ring: Keyring) -> None:
    key, text = ring.create("secret")
    signing = hashlib.sha256(f"token:{text}".encode()).hexdigest()
    said = {"sub": "ü/1", "exp": int(time.time()) + 60, "iss": "shop", "aud": "any"}
    assert whose(jwt.encode(said, signing, "HS256", headers={"kid": key.id}), ring) == "ü/1"


def test_none_is_believed_that_ended_or_was_signed_by_another_or_by_nobody(
    ring: Keyring,
) -> None:
    key, text = ring.create("secret")
    signing = hashlib.sha256(f"token:{text}".encode()).hexdigest()
    elsewhere = text[:-4] + ("0000" if text[-4:] != "0000" else "1111")
    now = int(time.time())

    def made(secret: str, algorithm: str = "HS256", **said: Any) -> str:
        claims = {"sub": "900", "exp": now + 60, **said}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, secret, algorithm, headers={"kid": key.id})

    good = made(signing)
    assert whose(good, ring) == "900"
    for token in (
        made(signing, exp=now - 60), made(signing, exp=None), made(signing, sub=None),
        made(signing, sub=""), made(signing, exp=now + 10**6), made(signing, "HS512"),
        made("", "none"), made(sha(elsewhere)), good[:-2], good + ".x", "", "a.b.c", "é.é.é",
        jwt.encode({"sub": "900", "exp": now + 60}, signing, "HS256"),
    ):  # fmt: skip
        assert whose(token, ring) is None, token


def sha(key: str) -> str:
    return hashlib.sha256(f"token:{key}".encode()).hexdigest()


def test_a_revoked_key_takes_its_tokens_along(ring: Keyring) -> None:
    key, text = ring.create("secret")
    token = sign("900", text)
    ring.revoke(key.id)
    assert whose(token, ring) is None


def test_only_a_secret_key_signs_and_for_a_day_at_most(ring: Keyring) -> None:
    _, public = ring.create("public")
    with pytest.raises(BadRequest, match="secret"):
        sign("900", public)
    _, text = ring.create("secret")
    for ttl_s in (0, -1, 86_401):
        with pytest.raises(BadRequest, match="ttl_s"):
            sign("900", text, ttl_s=ttl_s)
