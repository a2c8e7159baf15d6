"""What a published folder holds, file by file, so that a lost, short or altered one is found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bespeak.errors import ArtifactCorrupt

KEY = "contents"
"""In a manifest: file -> its bytes and its digest, as they were when it was published."""
_NEXT = "Run `bespeak run`: it makes that version again."


def file_digest(path: Path) -> str:
    """Sixteen hex digits of the file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file below `folder`: its size in bytes and its digest."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, file_digest(path))
        for path in files
    }


def check(folder: Path, manifest: Mapping[str, Any], *, digests: bool) -> None:
    """Compare the files with what the manifest says; one that says nothing is taken as it is.

    digests : read them (about a second for 1.5 GB), not only ask for their sizes
    raises  : ArtifactCorrupt, naming the first file that is gone, or not as it was
    """
    for name, (size, content) in manifest.get(KEY, {}).items():
        path = folder / name
        try:
            found = path.stat().st_size
            if found != size:
                raise ArtifactCorrupt(
                    f"{path}: the file is not as long as when it was published",
                    found=f"{found} bytes", expected=f"{size} bytes", next_step=_NEXT,
                )  # fmt: skip
            if digests and file_digest(path) != content:
                raise ArtifactCorrupt(
                    f"{path}: the file holds other bytes than when it was published",
                    next_step=_NEXT,
                )
        except OSError as error:
            raise ArtifactCorrupt(
                f"{path}: the file can't be read: {error.strerror}", next_step=_NEXT
            ) from error
