"""Programs under measurement: run to their end, or started, watched and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


class BenchError(Exception):
    """A program did not do what the measurement needs."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run of a program took, its start and its children included."""

    wall_s: float
    cpu_s: float
    rss_bytes: int


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    until: Path | None = None,
) -> Usage:
    """Run a program to its end, or until it has made a file.

    Args:
        command: Its arguments.
        cwd: Where it starts.
        timeout_s: How long it may take.
        env: Its environment.
        until: The file whose appearance counts as its end; it is stopped then.

    Raises:
        BenchError: It failed, or took longer than `timeout_s`.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        status, usage = _wait(process, started + timeout_s, until)
        wall_s = time.perf_counter() - started
        if until is not None and until.exists() and status is None:
            process.terminate()
            status, usage = _wait(process, time.perf_counter() + STOP_TIMEOUT_S)
            if usage is not None:
                return Usage(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
        if status is None or usage is None:
            raise BenchError(f"`{name}`: not done after {timeout_s:.0f} s")
        if status != 0:
            raise BenchError(f"`{name}`: exit status {status}: {_tail(log)}")
    return Usage(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _wait(
    process: subprocess.Popen[bytes], deadline: float, until: Path | None = None
) -> tuple[int | None, Any]:
    """Reap with `wait4`, which alone gives the peak memory of this one child."""
    pause_s = 0.001
    while time.perf_counter() < deadline:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage
        if until is not None and until.exists():
            return None, None
        time.sleep(pause_s)
    process.kill()
    process.wait()
    return None, None


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read()[-500:].decode(errors="replace").strip()


def go_first() -> None:
    """Let what is measured go before all else on the machine, where that is allowed.

    Real-time priority would do so as well, but the kernel halts it for up to 50 ms a second. The
    niceness of a process counts within its session only, that of the session against all others.
    """
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("-20")
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)


def pinned(cores: str, command: Sequence[str | os.PathLike[str]]) -> list[str | os.PathLike[str]]:
    """Return the command bound to cores, such as `0` or `0,1`, if there are two and a way to."""
    if (os.cpu_count() or 1) < 2 or shutil.which("taskset") is None:
        return list(command)
    return ["taskset", "-c", cores, *command]


def free_port() -> int:
    """Return a port that is free on loopback for TCP and UDP both, at this moment."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


class Server:
    """A program that serves until it is stopped; a context manager."""

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        self._process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    @property
    def pid(self) -> int:
        """The process; `taskset` and the like have become the program itself."""
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The processes that it has work for it, as nginx does."""
        found = subprocess.run(["pgrep", "-P", str(self.pid)], stdout=subprocess.PIPE, check=True)
        return [int(pid) for pid in found.stdout.split()]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_listening(self, port: int) -> None:
        """Wait until the program takes TCP connections.

        Raises:
            BenchError: It ended, or did not within 20 seconds.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            self.check()
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.02)
        raise BenchError(f"does not listen after {READY_TIMEOUT_S:.0f} s: {_tail(self._log)}")

    def check(self) -> None:
        """Raise `BenchError` when the program has ended by itself."""
        if self._process.poll() is not None:
            raise BenchError(f"ended, status {self._process.returncode}: {_tail(self._log)}")

    def rss_bytes(self) -> int:
        """Return the resident memory of the process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise BenchError("has no resident memory: it ended")

    def stop_timed(self, kind: int) -> float:
        """Send a signal, and return how many seconds the program took to end.

        Raises:
            BenchError: It did not end within a minute.
        """
        began = time.perf_counter()
        self._process.send_signal(kind)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"did not end on signal {kind}") from error
        return time.perf_counter() - began

    def stop(self) -> None:
        """End the program: politely, then by force."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
