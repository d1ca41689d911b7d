"""What every test may ask for: the command line in this process, and commands as real processes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about what else the machine does than about the example.
settings.register_profile("outpour", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("outpour")

# A shell's background jobs begin with Ctrl-C ignored, and so would every command begin here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The peer engine has no wheels for the newest Pythons; without it these can speak to nobody.
collect_ignore = [] if find_spec("libtorrent") else ["peers", "live", "test_create_oracle.py"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each of several workers begin with its share of what takes long.

    A worker gets an even part of the list, in its order, and takes from others when it is done:
    what takes a minute and begins last would have all others wait for it.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    others = iter([item for item in items if not item.get_closest_marker("long")])
    shares, left = [long[number::workers] for number in range(workers)], len(items)
    for number, share in enumerate(shares):
        size = left // (workers - number)
        share.extend(islice(others, max(size - len(share), 0)))
        left -= len(share)
    items[:] = [item for share in shares for item in share] + list(others)


ROOT = Path(__file__).resolve().parent.parent
VECTORS = Path(__file__).resolve().parent / "vectors"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str
    raw: bytes


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(monkeypatch) -> Callable[..., Result]:
    """Run a command in this process: `run("show", path)`, or `run(..., tool=btrename)`."""

    def call(
        *words: object,
        stdin: bytes = b"",
        tool: Callable[[Sequence[str]], int] | None = None,
        terminal: bool = False,
    ) -> Result:
        from outpour.cli import main

        kind = Terminal if terminal else io.TextIOWrapper
        streams = {
            "stdin": io.TextIOWrapper(io.BytesIO(stdin)),
            "stdout": io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True),
            "stderr": kind(io.BytesIO(), encoding="utf-8", write_through=True),
        }
        with monkeypatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            code = (tool or main)([str(word) for word in words])
        raw = streams["stdout"].buffer.getvalue()  # type: ignore[attr-defined]
        err = streams["stderr"].buffer.getvalue()  # type: ignore[attr-defined]
        return Result(code, raw.decode("utf-8", "replace"), err.decode(), raw)

    return call


@pytest.fixture
def spawn() -> Callable[..., Result]:
    """Run an installed command as a process of its own: `spawn("outpour", "show", path)`."""

    def call(name: str, *words: object, stdin: bytes = b"", cwd: Path | None = None) -> Result:
        program = BIN / name
        if not program.exists():
            pytest.skip(f"{name} is not installed")
        done = subprocess.run(
            [program, *map(os.fspath, map(str, words))],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            timeout=200,
            check=False,
        )
        return Result(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode(),
            done.stdout,
        )  # fmt: skip

    return call


@pytest.fixture
def outpour() -> Path:
    """The installed command."""
    program = BIN / "outpour"
    if not program.exists():
        pytest.skip("outpour is not installed")
    return program


@pytest.fixture
def classic() -> Path:
    """Torrents made by BitTorrent 3.4.2: `hello.torrent`, `dir.torrent` and `big.torrent`."""
    return VECTORS / "classic"
