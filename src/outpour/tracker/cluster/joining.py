"""How far a node is with taking in what the others hold."""

from __future__ import annotations

import time
from collections.abc import Sequence

WAIT_S = 15.0
"""So long a node that was asked for its swarms may take to say where they are."""

PATIENCE_S = 3.0
"""So long a node waits for others that have only just begun as well."""

HOPE_S = 60.0
"""So long a node that found nobody to ask looks out for those that were there just before: one that
is short of time says nothing for some seconds."""


class Joining:
    """The state of joining over one server.

    Attributes:
        is_done: Nothing is waited for any more.
        is_hoping: Nothing is waited for, and a node that comes back is asked all the same.
        is_reading: No node gives anything; what the stream holds is being read.
        was_tried: A node was asked and has not given its swarms.
        missed_since_s: When it was last known that all was read, by `time.monotonic`; None if it
            never was, or nothing was missed since.
    """

    def __init__(self) -> None:
        self.is_done = self.is_reading = self.is_hoping = False
        self.missed_since_s: float | None = None
        self._tried: set[bytes] = set()
        self._asked: bytes | None = None
        self._due_s = 0.0
        self._began_s = time.monotonic()

    @property
    def was_tried(self) -> bool:
        """Whether a node was asked."""
        return bool(self._tried)

    def is_waiting(self, nodes: Sequence[bytes]) -> bool:
        """Whether one of these nodes was asked and may still answer."""
        return self._asked in nodes and time.monotonic() < self._due_s

    def begin(self, silent_s: float | None) -> None:
        """Something may lack from now on; `silent_s` says for how long nobody was heard."""
        if silent_s is not None:
            since_s = time.monotonic() - silent_s
            known_s = self.missed_since_s
            self.missed_since_s = since_s if known_s is None else min(known_s, since_s)
        self.is_done = self.is_reading = self.is_hoping = False
        self._tried = set()
        self._asked = None
        self._began_s = time.monotonic()

    @property
    def is_patient(self) -> bool:
        """Whether others that are joining too may still come to hold all that there is."""
        return time.monotonic() < self._began_s + PATIENCE_S

    @property
    def is_open(self) -> bool:
        """Whether the swarms of another node are still of use."""
        return self.is_hoping or not self.is_done

    @property
    def may_hope(self) -> bool:
        """Whether somebody who was there just before may still come back."""
        return time.monotonic() < self._began_s + HOPE_S

    def hope(self) -> None:
        """Nobody could be asked, and somebody was there just before."""
        self.is_done = self.is_hoping = True
        self.is_reading = False

    def next_of(self, nodes: Sequence[bytes]) -> bytes | None:
        """The node to ask next, None if all were asked."""
        target = next((node for node in nodes if node not in self._tried), None)
        if target is not None:
            self._tried.add(target)
            self._asked = target
            self._due_s = time.monotonic() + WAIT_S
        return target

    def end(self) -> None:
        """All is taken in, or there is nobody to ask."""
        self.is_done = True
        self.is_hoping = False
        self.missed_since_s = None
