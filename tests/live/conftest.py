"""Real processes on loopback: a publisher, and the clients of strangers."""

from __future__ import annotations

import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

BIN = Path(sys.executable).parent
BROWSER_MS = 60_000
BROWSER_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
IN_CI = os.environ.get("CI") == "true"


def peer(name: str) -> str:
    """Find a real client, or skip; in continuous integration its absence is a failure."""
    found = shutil.which(name)
    if found is None:
        if IN_CI:
            pytest.fail(f"{name} is missing, and continuous integration must have it")
        pytest.skip(f"{name} is not installed")
    return found


class Running:
    """A process whose lines are collected while it runs."""

    def __init__(self, arguments: list[str], **options: object) -> None:
        self.lines: list[str] = []
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", **options,  # type: ignore[call-overload]
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
        self.process.stdout.close()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def line_with(self, text: str, *, seconds: float = 60) -> str:
        """Wait for a line that holds `text`."""

        def look() -> str | None:
            # Whether it has ended is asked first: its last lines count.
            ended = self.process.poll() is not None and not self._reader.is_alive()
            found = next((line for line in list(self.lines) if text in line), None)
            assert found or not ended, f"ended with {self.process.returncode}:\n{self.output}"
            return found

        line = wait_for(look, seconds=seconds, what=repr(text), still=lambda: self.output)
        assert line is not None
        return line

    def wait(self, *, seconds: float = 100) -> int:
        try:
            code: int = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.output}") from None
        self._reader.join(30)
        return code

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 60) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(seconds=seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        self._reader.join(5)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process; whatever still runs at the end of the test is ended."""
    running: list[Running] = []
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OUTPOUR_")},
        "HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "xdg-state"),
    }
    (tmp_path / "home").mkdir(exist_ok=True)

    def begin(*arguments: str | Path, cwd: Path | None = None) -> Running:
        words = [str(argument) for argument in arguments]
        if (BIN / words[0]).exists():
            words[0] = str(BIN / words[0])
        process = Running(words, env=environment, cwd=cwd)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.close()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A folder as publishers have it: a large file, a tree with odd names, an empty file."""
    source = random.Random(20041107)
    folder = tmp_path / "releases"
    tree = folder / "Sammlung größer 音楽"
    tree.mkdir(parents=True)
    (folder / "large image.iso").write_bytes(source.randbytes(12 * 2**20 + 12_345))
    for number in range(60):
        inner = tree / f"Ünterordner {number % 7}" / ("naïve ☃" if number % 2 else "plain")
        inner.mkdir(parents=True, exist_ok=True)
        (inner / f"файл {number:03}.txt").write_bytes(source.randbytes(source.randrange(1, 9_000)))
    (tree / "empty within").write_bytes(b"")
    (folder / "empty.txt").write_bytes(b"")
    return folder


def same_bytes(source: Path, copy: Path, *, makes_empty_files: bool = True) -> bool:
    """Tell whether two files or trees hold the same bytes under the same names."""
    if source.is_file():
        try:
            return source.read_bytes() == copy.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            # Perhaps just now: whoever writes it puts another one into its place.
            return False
    return all(
        same_bytes(path, copy / path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and (makes_empty_files or path.stat().st_size)
    )


def get(url: str, *, seconds: float = 60) -> bytes:
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        return bytes(answer.read())


def get_json(url: str) -> dict[str, object]:
    answer = json.loads(get(url))
    assert isinstance(answer, dict)
    return answer


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a real browser."""
    from playwright.sync_api import expect, sync_playwright

    executable = peer("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=BROWSER_FLAGS, timeout=BROWSER_MS
        )
        expect.set_options(timeout=BROWSER_MS)
        page = browser.new_page()
        page.set_default_timeout(BROWSER_MS)
        yield page
        browser.close()
