"""Runs a person's command for each torrent that has become complete."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from outpour.base.errors import OutpourError
from outpour.downloader.outcome import CommandFailed, Completed

AT_ONCE_MAX = 4
COMMAND_S = 3600.0
"""A command that takes longer is ended, so that the download can end."""
ERROR_BYTES_MAX = 500


@dataclass(slots=True)
class _Running:
    outcome: Completed
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    until: float = field(default_factory=lambda: time.monotonic() + COMMAND_S)


class CompletionCommands:
    """Gives a command to the shell; what it is about stands in the environment.

    No name of a file can become a command there.

    Args:
        command: What to run.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._waiting: deque[Completed] = deque()
        self._running: list[_Running] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._waiting and not self._running

    def start(self, outcome: Completed) -> None:
        """Run it for a torrent, as soon as fewer than some run."""
        self._waiting.append(outcome)

    def turn(self) -> list[CommandFailed]:
        """Go on; returns those that failed."""
        failed: list[CommandFailed] = []
        for one in [*self._running]:
            status = one.process.poll()
            if status is None and time.monotonic() < one.until:
                continue
            self._running.remove(one)
            if status is None:
                self._kill(one)
                failed.append(self._failure(one, f"ended after {COMMAND_S:.0f} s"))
            elif status:
                one.said.seek(0)
                text = one.said.read(ERROR_BYTES_MAX).decode("utf-8", "replace").strip()
                why = f": {text}" if text else ""
                failed.append(self._failure(one, f"failed with {status}{why}"))
            one.said.close()
        while self._waiting and len(self._running) < AT_ONCE_MAX:
            outcome = self._waiting.popleft()
            try:
                self._running.append(self._start(outcome))
            except (OSError, ValueError) as error:
                fault = OutpourError(f"`{self._command}`: cannot be run: {error}")
                failed.append(CommandFailed(outcome.infohash, outcome.name, fault))
        return failed

    def close(self) -> None:
        """End what still runs."""
        self._waiting.clear()
        for one in self._running:
            self._kill(one)
        self._running.clear()

    def _start(self, outcome: Completed) -> _Running:
        values = {
            "OUTPOUR_EVENT": "completed",
            "OUTPOUR_NAME": outcome.name,
            "OUTPOUR_PATH": str(outcome.path.absolute()),
            "OUTPOUR_INFOHASH": outcome.infohash.hex(),
            "OUTPOUR_LENGTH": str(outcome.length),
        }
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the command
        process = subprocess.Popen(  # noqa: S602 - a person's own, with nothing of a torrent in it
            self._command,
            shell=True,
            env=os.environ | values,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            # What the shell starts is to end with it, and not by the Ctrl-C that is for us.
            start_new_session=True,
        )
        return _Running(outcome, process, said)

    def _failure(self, one: _Running, why: str) -> CommandFailed:
        fault = OutpourError(f"`{self._command}`: {why}, for `{one.outcome.name}`")
        return CommandFailed(one.outcome.infohash, one.outcome.name, fault)

    def _kill(self, one: _Running) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
