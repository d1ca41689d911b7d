"""Downloads and seeds go on whatever becomes of what they are talking to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.free_ports import free_port
from tests.waiting import wait_for

from .conftest import make_torrent, same_files

CLASSIC = "import sys; from outpour.cli.classic.{0} import {1}; sys.exit({1}())"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(params=["full", "gone", "closed"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., object]]:
    """Start programs that cannot say anything."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*words: object) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, *map(str, words)]
        full = os.open("/dev/full", os.O_WRONLY)
        reader, writer = os.pipe()
        streams = {"stdout": writer if request.param == "gone" else full}
        streams["stderr"] = streams["stdout"]
        if request.param == "closed":
            arguments = ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', *arguments]
        environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
        process = subprocess.Popen(arguments, cwd=tmp_path, env=environ, **streams)  # type: ignore[call-overload]
        running.append(process)
        for number in (full, reader, writer):
            os.close(number)
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, process.returncode
    try:
        socket.create_connection(("127.0.0.1", port), timeout=20).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("seeder", ["seed", "btdownloadheadless", "btlaunchmany"])
def test_content_goes_from_a_seed_to_a_download_though_neither_can_say_a_word(
    seeder: str, start: Callable[..., subprocess.Popen[bytes]], content: Path, tmp_path: Path,
    port: int,
) -> None:  # fmt: skip
    torrent = content.with_suffix(".torrent")
    make_torrent(content).write(torrent)
    headless = CLASSIC.format("download", "btdownloadheadless")
    many = CLASSIC.format("launchmany", "btlaunchmany")
    bound = ("--bind", "127.0.0.1")
    ports = (*bound, "--minport", port, "--maxport", port, "--display_interval", "0.1")
    words = {
        "seed": ("-m", "outpour", "seed", torrent, *bound, "--port", port),
        "btdownloadheadless": ("-c", headless, torrent, "--saveas", content, *ports),
        "btlaunchmany": ("-c", many, content.parent, *ports),
    }
    seed = start(*words[seeder])
    wait_for(lambda: answers(port, seed), what="seed")
    got = tmp_path / "got"
    peer = ("--peer", f"127.0.0.1:{port}")
    download = start("-m", "outpour", "download", torrent, "-o", got, *bound, *peer)
    assert download.wait(60) == 0
    assert same_files(content, got / content.name)
    assert seed.poll() is None
    seed.terminate()
    assert seed.wait(60) == 0


@pytest.mark.parametrize(("start", "code"), [("full", 5), ("gone", 141)], indirect=["start"])
def test_a_program_that_reads_events_gets_every_one_or_the_command_ends(
    start: Callable[..., subprocess.Popen[bytes]], content: Path, code: int
) -> None:
    torrent = content.with_suffix(".torrent")
    make_torrent(content).write(torrent)
    seed = start("-m", "outpour", "seed", "--json", torrent, "--bind", "127.0.0.1")
    assert seed.wait(60) == code
