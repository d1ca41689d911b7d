"""A moment by which something must be over, however many steps it takes."""

from __future__ import annotations

import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import Protocol

SocketAddress = tuple[str, int]


class TimeLimit(Protocol):
    """Says how long something may still take."""

    def rest(self) -> float:
        """Return the seconds that are left, more than 0.

        Raises:
            TimeoutError: None are.
        """


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock.

    Attributes:
        at: In seconds, as `time.monotonic` counts.
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the moment so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() >= self.at

    def rest(self) -> float:
        """Return the seconds that are left, more than 0.

        Raises:
            TimeoutError: None are.
        """
        rest = self.at - time.monotonic()
        if rest <= 0:
            raise TimeoutError("timed out")
        return rest


@dataclass(frozen=True, slots=True)
class Silence(Deadline):
    """The same for each step by itself: `at` is the length of the longest, in seconds."""

    @property
    def is_over(self) -> bool:
        """Never: there is always another step."""
        return False

    def rest(self) -> float:
        """Return how long a step may take."""
        return self.at


def look_up(
    host: str,
    port: int,
    deadline: TimeLimit,
    *,
    family: socket.AddressFamily = socket.AF_UNSPEC,
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> list[tuple[socket.AddressFamily, SocketAddress]]:
    """Turn a name into addresses; the system's resolver knows no time limit of its own.

    Raises:
        socket.gaierror: The name is not known.
        TimeoutError: The resolver does not answer.
    """
    answers: queue.SimpleQueue[list[tuple[socket.AddressFamily, SocketAddress]] | OSError]
    answers = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, family, kind)
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))
        else:
            answers.put([(one, address) for one, _, _, _, address in found])  # type: ignore[misc]

    threading.Thread(target=ask, name="outpour-lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.rest())
    except queue.Empty:
        raise TimeoutError("timed out") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
