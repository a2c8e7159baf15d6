"""A folder on disk: bespeak.toml, and what runs make of it, in versions named by their inputs.

Everything a step publishes stands in `KIND/NAME/VERSION/`, where VERSION is a digest of the step's
inputs, parameters and code. So a version that is there is up to date, a killed run leaves no half
version, and running again does only what changed. `current.json` names the versions that belong
together; it is replaced, whole, when a run has ended well.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from bespeak import config as configuration
from bespeak.errors import ArtifactCorrupt, NotReady, WorkspaceBusy

MANIFEST = "manifest.json"
CURRENT = "current.json"
PACKAGE = Path(__file__).parent


def digest(*parts: Any) -> str:
    """Twelve hex digits that stand for `parts` (anything JSON can say, keys in any order)."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_digest(path: Path) -> str:
    """Sixteen hex digits of the file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


class Digests:
    """Digests of input files, remembered while size and time of change stay the same.

    Reading a hundred gigabytes to learn that nothing has changed would cost more than most runs.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / ".digests.json"
        known = self._path.read_text(encoding="utf-8") if self._path.is_file() else "{}"
        self._known: dict[str, list[Any]] = json.loads(known)
        self._used: dict[str, list[Any]] = {}

    def of(self, path: Path) -> str:
        """Sixteen hex digits of the file's content."""
        seen = path.stat()
        stamp = [seen.st_size, seen.st_mtime_ns]
        known = self._known.get(str(path))
        content = known[2] if known and known[:2] == stamp else file_digest(path)
        self._used[str(path)] = [*stamp, content]
        return str(content)

    def remembered(self, path: Path) -> str | None:
        """The digest, if the file's size and time of change are as they were; reads nothing."""
        known, seen = self._known.get(str(path)), path.stat()
        return str(known[2]) if known and known[:2] == [seen.st_size, seen.st_mtime_ns] else None

    def sizes(self) -> dict[str, int]:
        """Digest -> bytes, of the files of the last run."""
        return {str(content): int(size) for size, _, content in self._known.values()}

    def save(self) -> None:
        """Remember the files asked for, and forget the others."""
        if self._used != self._known:
            write_atomically(self._path, json.dumps(self._used).encode())


def code_digest(*stages: str) -> str:
    """Digest of the named parts of this package: a changed rule makes a new version."""
    found = hashlib.sha256()
    for stage in (*stages, "columns.py", "engines"):
        place = PACKAGE / stage
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in {".py", ".toml"}:
                found.update(path.read_bytes())
    return found.hexdigest()[:12]


@dataclass(frozen=True)
class Version:
    """One published directory and its manifest."""

    kind: str
    name: str
    version: str
    path: Path
    manifest: Mapping[str, Any]
    fresh: bool = False
    """Whether this run made it, rather than found it."""

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"


class Workspace:
    """One tenant's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def config(self) -> configuration.Config:
        """The checked bespeak.toml."""
        return configuration.load(self.root / configuration.FILE_NAME)

    def secret(self) -> bytes:
        """The key under which personal identifiers are hashed; made once, readable by its owner."""
        path = self.root / ".secret"
        if not path.is_file():
            aside = path.with_name(f".secret-{secrets.token_hex(4)}")
            aside.touch(mode=0o600)
            aside.write_bytes(secrets.token_bytes(32))
            aside.replace(path)
        return path.read_bytes()

    # -- versions ------------------------------------------------------------------------------

    def build(
        self,
        kind: str,
        name: str,
        *,
        inputs: Mapping[str, Any],
        code: str,
        make: Callable[[Path], Mapping[str, Any]],
    ) -> Version:
        """The version of `kind/name` that follows from `inputs` and `code`; made if not there.

        make : fills an empty directory and returns what the manifest should say beyond inputs
        """
        found = self.held(kind, name, inputs=inputs, code=code)
        if found is not None:
            return found
        version = digest(kind, name, inputs, code)
        path = self.root / kind / name / version
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".aside-", dir=path.parent))
        started = time.perf_counter()
        try:
            made = make(aside)
            manifest = {
                **made,
                "kind": kind,
                "name": name,
                "version": version,
                "inputs": dict(inputs),
                "code": {"bespeak": _own_version(), "digest": code},
                "seconds": round(time.perf_counter() - started, 3),
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            _publish(aside, path, manifest)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return Version(kind, name, version, path, manifest, fresh=True)

    def held(self, kind: str, name: str, *, inputs: Mapping[str, Any], code: str) -> Version | None:
        """The version of `kind/name` that follows from `inputs` and `code`, if it is there."""
        version = digest(kind, name, inputs, code)
        path = self.root / kind / name / version
        if not (path / MANIFEST).is_file():
            return None
        return Version(kind, name, version, path, read_manifest(path))

    def current(self) -> dict[str, str]:
        """`kind/name` -> version, as the last good run left it; empty before the first."""
        path = self.root / CURRENT
        if not path.is_file():
            return {}
        versions: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["versions"]
        return versions

    def find(self, key: str) -> Version | None:
        """The current version of `kind/name`, or None."""
        version = self.current().get(key)
        if version is None:
            return None
        kind, _, name = key.rpartition("/")
        path = self.root / kind / name / version
        return Version(kind, name, version, path, read_manifest(path))

    def get(self, key: str) -> Version:
        """The current version of `kind/name`.

        raises : NotReady if no run has made it
        """
        found = self.find(key)
        if found is None:
            raise NotReady(
                f"{self.root}: there is no `{key}` yet", next_step="Run `bespeak run` first."
            )
        return found

    def under(self, kind: str) -> list[Version]:
        """Every current version whose key begins with `kind/`, by name."""
        keys = sorted(key for key in self.current() if key.startswith(f"{kind}/"))
        return [self.get(key) for key in keys]

    def publish(self, versions: Mapping[str, str]) -> bool:
        """Make `versions` current, at once; False if they were."""
        if self.current() == dict(versions):
            return False
        text = json.dumps(
            {"versions": dict(versions), "at": datetime.now(UTC).isoformat()}, indent=1
        )
        write_atomically(self.root / CURRENT, text.encode())
        return True

    def sweep(self, keep: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Remove versions unused by this run and the one before, and what killed runs left."""
        wanted = {f"{key}/{v}" for used in (keep, before) for key, v in used.items()}
        for kind in ("stage", "record", "features", "artifacts"):
            made = [found.parent for found in (self.root / kind).rglob(MANIFEST)]
            left = [found for found in (self.root / kind).rglob(".aside-*") if found.is_dir()]
            for path in [*left, *made]:
                if str(path.relative_to(self.root)) not in wanted:
                    shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace against a second run; the system lets go when the process dies."""
        with (self.root / ".lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WorkspaceBusy(
                    f"{self.root}: another run is at work here", next_step="Wait for it to end."
                ) from error
            yield


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a version's directory.

    raises : ArtifactCorrupt if it is missing or is no JSON
    """
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ArtifactCorrupt(
            f"{path / MANIFEST}: can't be read",
            next_step="Delete that folder and run `bespeak run` again.",
        ) from error
    return manifest


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put `content` at `path`: a reader sees the old bytes or the new ones, never a part."""
    descriptor, aside = tempfile.mkstemp(prefix=".aside-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(aside).chmod(mode)
    Path(aside).replace(path)
    _sync(path.parent)


def _publish(aside: Path, path: Path, manifest: Mapping[str, Any]) -> None:
    """Sync what `aside` holds, write its manifest last, and give it its name."""
    for file in sorted(aside.rglob("*")):
        _sync(file)
    write_atomically(aside / MANIFEST, json.dumps(manifest, indent=1, default=str).encode())
    aside.chmod(0o755)
    if path.exists():  # a folder without a manifest: not a version, so not in use
        shutil.rmtree(path)
    aside.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _own_version() -> str:
    return metadata.version("bespeak")
