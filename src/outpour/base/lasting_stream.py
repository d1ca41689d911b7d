"""A stream for a service: nobody who writes to it ever waits or fails, whatever becomes of it.

A log on a full disk, a pipe that nobody reads or whose reader has gone away must not end what is
told about there, nor hold it up. What cannot be written is left out, and how much that was is said
as soon as it can be.
"""

from __future__ import annotations

import atexit
import io
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from outpour.base.errors import reason

WAITING_MAX = 10_000
"""Texts that wait while nobody reads; more are left out."""
CLOSE_S = 2.0
"""How long the end of the process waits for a reader."""
SLOW = "nobody reads fast enough"

Missing = Callable[[int, str], str]
"""Makes the line that says how many are missing and why."""


class LastingStream(io.TextIOBase):
    """Writes to a descriptor, on a thread of its own.

    Args:
        descriptor: Belongs to the caller.
        missing: Makes the line for what was left out.
        is_terminal: What `isatty` says.
        encoding: Of the text; what it lacks is escaped.
    """

    def __init__(
        self,
        descriptor: int,
        missing: Missing,
        *,
        is_terminal: bool = False,
        encoding: str = "utf-8",
    ) -> None:
        self._descriptor = descriptor
        self._missing = missing
        self._is_terminal = is_terminal
        self._encoding = encoding
        self._texts: deque[str] = deque()
        self._lost = 0
        self._why = ""
        self._is_cut = False
        self._is_ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="outpour-log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Of what is written."""
        return self._encoding

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self._is_terminal

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Let a text be written; returns at once."""
        with self._changed:
            if len(self._texts) >= WAITING_MAX:
                self._lose(text, SLOW)
            else:
                self._texts.append(text)
                self._changed.notify()
        return len(text)

    def flush(self) -> None:
        """Nothing: who waits for the reader waits for ever."""

    def close(self) -> None:
        """Wait a moment for what is still to be written, and end."""
        self.end()

    def end(self) -> bool:
        """Close, and say whether all could be written, so that nobody uses the descriptor."""
        atexit.unregister(self.close)
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._texts or self._is_ending)
                if not self._texts:
                    break
                text = self._texts.popleft()
                lost, why = self._lost, self._why
            try:
                self._tell_lost(lost, why)
                self._put(text)
            except OSError as error:
                with self._changed:
                    self._lose(text, reason(error))
        with suppress(OSError):
            self._tell_lost(self._lost, self._why)

    def _tell_lost(self, lost: int, why: str) -> None:
        if lost:
            self._put(("\n" if self._is_cut else "") + self._missing(lost, why))
            self._is_cut = False
            with self._changed:
                self._lost -= lost

    def _lose(self, text: str, why: str) -> None:
        self._lost += max(1, text.count("\n"))
        self._why = why

    def _put(self, text: str) -> None:
        rest = memoryview(text.encode(self._encoding, "backslashreplace"))
        is_begun = False
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except BlockingIOError:
                # Whoever shares the descriptor has chosen that it does not block.
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll(1000)
                continue
            except OSError:
                self._is_cut |= is_begun
                raise
            is_begun = True
            rest = rest[written:]


def lasting(stream: TextIO, missing: Missing) -> LastingStream | None:
    """Take the place of a stream of this process; None if it is none of the system's."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
    # The disk may be full already.
    with suppress(OSError):
        stream.flush()
    encoding = stream.encoding or "utf-8"
    return LastingStream(descriptor, missing, is_terminal=stream.isatty(), encoding=encoding)


def lines_missing(count: int, why: str) -> str:
    """Say how many lines are missing, for people."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"{at} warning {count} lines are missing here: {why}\n"
