"""Schemathesis against a real server with keys: what the OpenAPI document says holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.live_server import Server

from bespeak.access import Keyring

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance",
    "ignored_auth",
)  # fmt: skip
"""Not whether each sound request is taken: the document can't say which categories there are, and
a batch is taken without the bad ones in it."""

pytestmark = pytest.mark.slow


def test_no_request_made_from_the_document_is_answered_otherwise(
    shop: Path, tmp_path: Path
) -> None:
    pytest.importorskip("schemathesis", reason="needs the extra `test`")
    shutil.copytree(shop, tmp_path / "shop")
    shop = tmp_path / "shop"
    key = Keyring(shop).create("secret")[1]
    server = Server(shop, tmp_path / "serve.log")
    server.start()
    asked = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run",
            f"http://127.0.0.1:{server.port}/openapi.json", "-H", f"Authorization: Bearer {key}",
            "--phases", "coverage,fuzzing", "--checks", ",".join(CHECKS), "--max-examples", "10",
            "--seed", "1", "--generation-database", "none", "--warnings", "off", "--no-color",
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False,
    )  # fmt: skip
    server.stop()
    assert asked.returncode == 0, asked.stdout[-8_000:] + asked.stderr[-2_000:]
