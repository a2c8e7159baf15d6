"""Serve the little shop with its log and its storefront; with a folder of keys, by keys only.

Run as a script: FOLDER of the world and of its keys, then the origins of pages that may ask.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SERVE = HERE.parent / "serve"
sys.path[:0] = [path for path in (str(SERVE), str(HERE)) if path not in sys.path]

import little_shop  # noqa: E402 - it lives beside the server's tests

from bespeak import live, privacy, storefront  # noqa: E402
from bespeak.access import Keyring  # noqa: E402
from bespeak.serve import Admission, Intake, serve  # noqa: E402

Open = Callable[..., Any]
"""Opens a page as a fresh visitor."""
ABOUT = storefront.About("Little tea shop", "EUR", "customer")


def _intake(folder: Path) -> Intake:
    identify = partial(privacy.identifier, secret=b"of the shop")
    return Intake.over(live.SQLiteLog(folder / "live.db"), identify)


@contextmanager
def running(folder: Path, *origins: str) -> Iterator[str]:
    """The server's address; keys that `folder` has are asked for."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, str(folder), *origins],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://"), "the server did not start"
    yield address
    process.terminate()
    process.wait(timeout=15)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    snapshot = little_shop.published(folder / "snapshot")
    serve(
        partial(little_shop.shop, snapshot), port=0, open_intake=partial(_intake, folder),
        make_store=partial(storefront.create_app, ABOUT),
        admission=Admission(Keyring(folder), b"s" * 32, open=True, origins=sys.argv[2:]),
        tell=lambda address: print(address, flush=True),  # noqa: T201 - it is how it says it is up
    )  # fmt: skip
