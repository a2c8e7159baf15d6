"""The chart library, as a script: Vega comes out of a Python wheel, so none is kept here."""

from __future__ import annotations

import logging
import threading
from importlib import metadata
from pathlib import Path

SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""All that a page needs of the bundle."""


class Bundle:
    """Vega, Vega-Lite and vega-embed in one script, built when first asked for (a second or so).

    cache : a folder that keeps it from one start of the server to the next; None: memory only
    """

    def __init__(self, cache: Path | None = None) -> None:
        self.version = metadata.version("vl-convert-python")
        self._file = None if cache is None else cache / f"vega-{self.version}.js"
        self._lock = threading.Lock()
        self._script: bytes | None = None

    def script(self) -> bytes:
        """The script's bytes; safe to call from several threads."""
        with self._lock:
            if self._script is None:
                self._script = self._kept() or self._built()
            return self._script

    def _kept(self) -> bytes | None:
        if self._file is None or not self._file.is_file():
            return None
        return self._file.read_bytes()

    def _built(self) -> bytes:
        import vl_convert

        script: bytes = vl_convert.javascript_bundle(SNIPPET).encode()
        if self._file is not None:
            try:
                _keep(script, self._file)
            except OSError as error:  # it is built again at the next start, and shown now
                logging.getLogger("bespeak.console").warning(
                    "the chart library can't be kept: %s", error
                )
        return script


def _keep(script: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".aside")
    aside.write_bytes(script)
    aside.replace(path)
