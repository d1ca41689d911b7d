"""The API against its description, by a program that tries what a person would not think of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_administration import TOKEN
from tests.trackers import HELLO, Process

CONFIG = f"""
[[operations]]
include-operation-id = "showTorrent"
parameters = {{ "path.infohash" = "{HELLO.hex()}" }}

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
"""
"""What is made up leads to nothing here; and what is too long is not looked into."""


@pytest.fixture
def tracker(tmp_path: Path, classic: Path) -> Iterator[Process]:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "keys").write_text("first-key\n")
    folder = tmp_path / "torrents"
    folder.mkdir()
    for name in ("hello", "big", "dir"):
        (folder / f"{name}.torrent").write_bytes((classic / f"{name}.torrent").read_bytes())
    words = ("track", "--listen", "127.0.0.1:0", "--workers", "1", "--allowed-dir", folder)
    more = ("--key-list", tmp_path / "keys", "--admin-token-file", tmp_path / "token")
    rooms = ("--api", "open", "--page", "open", "--content", "open")
    process = Process([*words, *more, *rooms], tmp_path)
    yield process
    process.close()


@pytest.mark.long
@pytest.mark.timeout(600)  # it asks some fifteen hundred times
def test_no_request_that_a_program_makes_up_is_answered_otherwise_than_described(
    tracker: Process, tmp_path: Path
):
    host, port = tracker.address
    base = f"http://{host}:{port}/api/v1"
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{base}/openapi.json",
            "--url", base, "--checks", "all", "--max-examples", "10", "--continue-on-failure",
            "--header", f"Authorization: Bearer {TOKEN}", "--no-color",
            # An event stream does not end by itself.
            "--exclude-operation-id", "followNumbers",
            # Made-up infohashes lead to nothing, and it would rather have others.
            "--warnings", "off",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
