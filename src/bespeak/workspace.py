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
import logging
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from bespeak import config as configuration
from bespeak.contents import KEY, check, contents, file_digest
from bespeak.errors import ArtifactCorrupt, NotFound, NotReady, WorkspaceBusy

MANIFEST = "manifest.json"
CURRENT = "current.json"
SNAPSHOT = "artifacts/snapshot"
"""What servers read; its version names a state of the workspace to people."""
READ_THROUGH = ("artifacts", "features")
"""Kinds whose files are read to see that they are as published; of the others, only the sizes."""
PACKAGE = Path(__file__).parent


def digest(*parts: Any) -> str:
    """Twelve hex digits that stand for `parts` (anything JSON can say, keys in any order)."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


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


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Versions that belong together, `kind/name` -> version; those before; those rolled back."""

    versions: dict[str, str]
    at: str = ""
    """When it became current: an ISO time."""
    before: dict[str, str] | None = None
    undone: dict[str, str] | None = None
    """The state that somebody went back from, as long as that stands."""


class Workspace:
    """One tenant's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._pinned: State | None = None

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
        """The version of `kind/name` that follows from `inputs` and `code`.

        Made if it is not there, or made again if its files are not as they were published.

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
                KEY: contents(aside),
                "seconds": round(time.perf_counter() - started, 3),
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            _publish(aside, path, manifest)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return Version(kind, name, version, path, manifest, fresh=True)

    def held(self, kind: str, name: str, *, inputs: Mapping[str, Any], code: str) -> Version | None:
        """The version that follows from `inputs` and `code`, if it is there, and whole."""
        version = digest(kind, name, inputs, code)
        path = self.root / kind / name / version
        if not self._whole(path):
            return None
        return Version(kind, name, version, path, read_manifest(path))

    def _whole(self, path: Path) -> bool:
        """Whether `path` is a version whose files are as they were published."""
        if not (path / MANIFEST).is_file():
            return False
        deep = path.relative_to(self.root).parts[0] in READ_THROUGH
        try:
            check(path, read_manifest(path), digests=deep)
        except ArtifactCorrupt as error:
            logging.getLogger("bespeak.workspace").warning("made again: %s", error)
            return False
        return True

    def state(self) -> State:
        """What is current, and what was before; nothing before the first run.

        raises : ArtifactCorrupt if current.json is not what a run wrote
        """
        path = self.root / CURRENT
        if self._pinned is not None:
            return self._pinned
        if not path.is_file():
            return State({})
        try:
            return msgspec.json.decode(path.read_bytes(), type=State)
        except msgspec.DecodeError as error:
            raise ArtifactCorrupt(
                f"{path}: can't be read", next_step="Delete it and run `bespeak run` again."
            ) from error

    def at(self, state: State) -> Workspace:
        """The workspace as if `state` were current, whatever a run makes so meanwhile."""
        found = Workspace(self.root)
        found._pinned = state
        return found

    def current(self) -> dict[str, str]:
        """`kind/name` -> version, as the last good run left it; empty before the first."""
        return dict(self.state().versions)

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

    def publish(self, versions: Mapping[str, str], *, fresh: Collection[str] = ()) -> bool:
        """Make `versions` current, at once; False if they were, or somebody went back from them.

        fresh : keys of what was made just now; under a name that was there before it is mended, so
                that readers should open it anew
        """
        now, wanted = self.state(), dict(versions)
        known = (now.versions, now.before or {})
        mended = any(wanted[key] == was.get(key) for key in fresh for was in known)
        if not mended and (wanted == now.versions or _same(wanted, now.undone)):
            return False
        before = now.before if _same(wanted, now.versions) else now.versions
        self._make_current(State(wanted, before=before))
        return True

    def rollback(self, to: str | None = None) -> State:
        """Make the state before current again, at once; once more undoes that.

        A run that comes to the very state that was rolled back leaves it aside; one that comes to
        another, because anything it rests on has changed, is published as ever.

        to      : the snapshot's version in that state, to be sure
        returns : the state that is current now
        raises  : NotReady where there is none; NotFound for another version; ArtifactCorrupt;
                  WorkspaceBusy
        """
        with self.lock():
            now = self.state()
            if not now.before or SNAPSHOT not in now.before:
                raise NotReady(
                    f"{self.root}: there is no state to go back to",
                    next_step="There is one after a second run that changed something.",
                )
            if to is not None and to != now.before[SNAPSHOT]:
                raise NotFound(
                    f"there is no state with version `{to[:40]}` to go back to",
                    expected=now.before[SNAPSHOT],
                )
            self.at(State(now.before)).verify(*now.before)
            undone = None if _same(now.before, now.undone) else now.versions
            self._make_current(State(now.before, before=now.versions, undone=undone))
            return self.state()

    def forget_before(self) -> None:
        """Let there be no state to go back to: what it holds must not come back."""
        now = self.state()
        if now.before is not None or now.undone is not None:
            self._make_current(State(now.versions))

    def _make_current(self, state: State) -> None:
        dated = msgspec.structs.replace(state, at=datetime.now(UTC).isoformat())
        text = msgspec.json.format(msgspec.json.encode(dated), indent=1)
        write_atomically(self.root / CURRENT, text)

    def verify(self, *keys: str) -> None:
        """Compare the files of current versions with their manifests.

        raises : NotReady if there is no such version; ArtifactCorrupt, naming the file
        """
        for key in keys:
            version = self.get(key)
            deep = version.kind.partition("/")[0] in READ_THROUGH
            check(version.path, version.manifest, digests=deep)

    def sweep(self, keep: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Remove versions that neither state uses, and what killed runs left."""
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


def _same(one: Mapping[str, str], other: Mapping[str, str] | None) -> bool:
    """Whether servers read the same in both states; before there is a snapshot: whether they are
    equal."""
    if other is None:
        return False
    if SNAPSHOT in one and SNAPSHOT in other:
        return one[SNAPSHOT] == other[SNAPSHOT]
    return dict(one) == dict(other)


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
    if path.exists():  # no version, or a spoilt one: who reads it has its files open
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
