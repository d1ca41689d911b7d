"""docs/api.md: its commands do what they say, and each kind of problem has its heading."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from outpour.web.api.api_table import ENDPOINTS
from outpour.web.api.problem import KINDS
from tests.test_administration import TOKEN
from tests.trackers import Process

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text()


@pytest.fixture
def tracker(tmp_path: Path, classic: Path) -> Iterator[Process]:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "keys").write_text("")
    folder = tmp_path / "torrents"
    folder.mkdir()
    for name in ("hello", "big", "dir"):
        shutil.copy(classic / f"{name}.torrent", folder)
    shutil.copy(classic / "hello.torrent", tmp_path)
    words = ("track", "--listen", "127.0.0.1:0", "--workers", "1", "--allowed-dir", folder)
    more = ("--key-list", tmp_path / "keys", "--admin-token-file", tmp_path / "token")
    process = Process([*words, *more, "--api", "open", "--content", "open"], tmp_path)
    yield process
    process.close()


def test_every_command_of_the_page_is_answered_without_a_problem(tracker: Process, tmp_path: Path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    host, port = tracker.address
    environment = {**os.environ, "URL": f"http://{host}:{port}", "TOKEN": TOKEN}
    commands = [
        line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()
    ]
    assert len(commands) == 15
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=True
        )
        if "/events" in command:
            assert b"event: numbers" in done.stdout
        else:
            assert "status" not in json.loads(done.stdout), (command, done.stdout)


def test_every_kind_of_problem_has_a_heading_with_its_status():
    headings = dict(re.findall(r"^### ([a-z-]+)\n\n(\d+)", PAGE, re.M))
    assert headings == {kind.name: str(kind.status) for kind in KINDS.values()}


def test_every_problem_that_an_endpoint_has_is_a_kind():
    assert {name for endpoint in ENDPOINTS for name in endpoint.problems} <= KINDS.keys()
