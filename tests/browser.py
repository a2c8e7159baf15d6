"""Find a Chromium for the page tests; run as a script, also fetch one where none is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The browser's path: `BESPEAK_BROWSER`, one on the PATH, or Playwright's own; None if none."""
    named = os.environ.get("BESPEAK_BROWSER")
    if named:
        return named
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    return _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def _fetch() -> None:
    """Playwright's download first, since it needs no rights; then Debian's package, as root."""
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    if subprocess.run(command, check=False).returncode == 0 and find():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-cjk"], check=False
        )


def main() -> int:
    if find() is None:
        print("No Chromium here; fetching one for the page tests.", file=sys.stderr)
        _fetch()
    found = find()
    if found is None:
        print(
            "The page tests need a Chromium and none could be fetched. Install `chromium` with your"
            " system's package manager, or name one in BESPEAK_BROWSER, and run again.",
            file=sys.stderr,
        )
        return 1
    print(f"Page tests use {found}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
