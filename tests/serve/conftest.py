"""The little shop, published once."""

from __future__ import annotations

from pathlib import Path

import little_shop
import pytest
from asking import Ask, ask_of

from bespeak.serve import Shop, create_app


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little_shop.published(tmp_path_factory.mktemp("shop") / "snapshot")


@pytest.fixture(scope="session")
def shop(folder: Path) -> Shop:
    return little_shop.shop(folder)


@pytest.fixture(scope="session")
def ask(shop: Shop) -> Ask:
    return ask_of(create_app(shop))
