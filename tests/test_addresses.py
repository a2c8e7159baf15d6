"""Of a database's address nobody sees what lets one in, and an address without it is as it was."""

from __future__ import annotations

import pytest

from bespeak.addresses import address, without_secrets
from bespeak.config import parse
from bespeak.errors import ConfigInvalid

SECRET = "pw-7741"


@pytest.mark.parametrize(
    "plain",
    [
        "sqlite:///shop.db", "sqlite:////var/data/a@b.db", "postgresql://shop@h/db",
        "postgresql://h1:5432,h2:5433/db?target_session_attrs=primary&sslmode=require",
        "postgresql://[::1]:5432/db", "postgresql:///db?host=/tmp/pg", "postgresql://shop:@/db",
    ],
)  # fmt: skip
def test_an_address_without_secrets_stays_as_it_is(plain: str) -> None:
    assert without_secrets(plain) == address(plain, "database").shown == plain


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (f"postgresql://shop:{SECRET}@h:5432/db?sslmode=require",
         "postgresql://shop@h:5432/db?sslmode=require"),
        (f"postgres://shop:{SECRET}:?#@h/db", "postgres://shop@h/db"),
        (f"postgresql://h/db?user=shop&password={SECRET}", "postgresql://h/db?user=shop"),
        (f"postgresql://shop@h/db?sslpassword={SECRET}&sslkey=k", "postgresql://shop@h/db"),
        (f"postgresql://:{SECRET}@h/db", "postgresql://h/db"),
        (f"sqlite:///shop.db?key={SECRET}&mode=ro", "sqlite:///shop.db?mode=ro"),
        (f"mysql://shop:{SECRET}@h/db", "mysql://shop@h/db"),
    ],
)  # fmt: skip
def test_what_lets_one_in_is_left_out(given: str, shown: str) -> None:
    assert without_secrets(given) == shown
    assert SECRET not in address(given, "database").clean(f'the server said "{given}"')


@pytest.mark.parametrize(
    "given",
    [
        f"postgresql://shop:{SECRET}/x@h/db", f"postgresql://shop:{SECRET}@x@h/db",
        f"postgresql://shop:{SECRET}/db", f"postgresql://h?password={SECRET}@h", SECRET,
        f"shop:{SECRET}@h",
    ],
)  # fmt: skip
def test_where_the_password_ends_is_never_guessed(given: str) -> None:
    assert SECRET not in without_secrets(given)
    with pytest.raises(ConfigInvalid, match="can't be read") as refused:
        address(given, "live.database")
    assert SECRET not in str(refused.value)


def test_a_secret_is_hidden_as_it_was_written_and_as_it_is_meant() -> None:
    found = address("postgresql://shop:p%40ss@h/db", "database")
    assert found.clean('tried "p@ss", given as p%40ss') == 'tried "…", given as …'


@pytest.mark.parametrize(
    "part",
    [
        {"sources": [{"name": "a", "database": 7741, "query": "SELECT 1"}]},
        {"live": {"database": 7741}},
        {"sources": [{"name": "a", "kafka": {"topic": "t", "brokers": "u:7741@h"}}]},
        {"spark": {"settings": {"spark.some.password": 7741}}},
    ],
)
def test_a_key_that_may_hold_a_secret_is_named_without_its_value(part: dict[str, object]) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        parse({"workspace": {"name": "Shop"}, **part})
    assert "7741" not in str(refused.value)
