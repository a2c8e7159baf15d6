"""Keys: made once, kept so that nobody can turn them back, ended at once or after a while."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from bespeak.access import SCOPES, Keyring
from bespeak.errors import ArtifactCorrupt, BadRequest, NotFound


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path)


def test_a_key_is_found_by_its_text_and_by_nothing_near_it(ring: Keyring) -> None:
    key, text = ring.create("secret", name="till")
    found = Keyring(ring._path.parent).find(text)
    assert found == key and found.scopes == SCOPES
    other = "0" if text[-1] != "0" else "1"
    for wrong in (
        text[:-1] + other,
        text[:-1],
        text + "0",
        text.upper(),
        key.id,
        "",
        "bsp_secret_",
    ):
        assert ring.find(wrong) is None


def test_what_is_kept_does_not_hold_the_key_and_is_its_owners_alone(
    ring: Keyring, tmp_path: Path
) -> None:
    _, text = ring.create("public")
    path = tmp_path / "keys.json"
    assert text.rpartition("_")[2] not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_rotated_key_holds_for_its_grace_and_the_new_one_may_do_the_same(ring: Keyring) -> None:
    key, text = ring.create("secret", scopes=["read"], per_second=5.0)
    made, new = ring.rotate(key.id, grace=timedelta(hours=1))
    assert ring.find(text) is not None and ring.find(new) == made
    assert (made.scopes, made.per_second) == (key.scopes, key.per_second)
    ring.rotate(made.id, grace=timedelta(0))
    assert ring.find(new) is None


def test_a_revoked_key_ends_at_once_and_no_rotation_revives_it(ring: Keyring) -> None:
    key, text = ring.create("secret")
    ring.revoke(key.id)
    assert ring.find(text) is None and ring.any()
    ring.rotate(key.id, grace=timedelta(hours=1))
    assert ring.find(text) is None


def test_what_another_process_changes_is_seen(ring: Keyring, tmp_path: Path) -> None:
    key, text = ring.create("secret")
    elsewhere = Keyring(tmp_path)
    assert elsewhere.find(text) is not None
    ring.revoke(key.id)
    elsewhere._looked -= 1  # half a second later
    assert elsewhere.find(text) is None


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    one, other = Keyring(tmp_path), Keyring(tmp_path)
    assert not one.any() and not other.any()
    one.create("public")
    other.create("secret")
    assert {key.kind for key in Keyring(tmp_path).all()} == {"public", "secret"}


def test_unknown_scopes_ids_and_rates_are_refused(ring: Keyring) -> None:
    for scopes in ([], ["everything"]):
        with pytest.raises(BadRequest):
            ring.create("secret", scopes=scopes)
    with pytest.raises(BadRequest):
        ring.create("secret", per_second=0)
    with pytest.raises(NotFound):
        ring.revoke("12345678")


def test_a_file_of_keys_that_was_altered_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('[{"id": "12345678", "kind": "master"}]')
    with pytest.raises(ArtifactCorrupt, match=r"keys\.json"):
        Keyring(tmp_path).find("bsp_secret_12345678_" + "0" * 48)
