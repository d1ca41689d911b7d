"""A stretch of the content in memory, which the hasher reads as if it were files."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from outpour.making.hasher import Source

Part = tuple["int | None", int, int]
"""Which file, from which byte of it, and how many bytes; None is padding of zeros."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole pieces of the torrent, the last ones perhaps shorter.

    Attributes:
        parts: What they are made of, in order.
    """

    parts: tuple[Part, ...]

    @property
    def length(self) -> int:
        """Bytes to read; padding is none."""
        return sum(count for file, _, count in self.parts if file is not None)


def stretches(
    slots: Sequence[tuple[int | None, int]], piece_length: int, length: int, parts_max: int
) -> list[Stretch]:
    """Cut a torrent at borders of its pieces.

    Args:
        slots: Its files by number with their bytes, and None with those of the padding.
        piece_length: Bytes.
        length: About how many bytes a stretch has, at least a piece.
        parts_max: A stretch ends at the first border after so many parts.
    """
    step = max(1, length // piece_length) * piece_length
    found: list[Stretch] = []
    parts: list[Part] = []
    at = 0  # in the stretch
    for file, bytes_of_slot in slots:
        done = 0
        while done < bytes_of_slot or bytes_of_slot == 0:
            room = step - at
            if len(parts) >= parts_max:
                room = -at % piece_length or room
            count = min(room, bytes_of_slot - done)
            parts.append((file, done, count))
            at += count
            done += count
            is_border = at % piece_length == 0 and at > 0
            if at == step or (is_border and len(parts) >= parts_max):
                found.append(Stretch(tuple(parts)))
                parts, at = [], 0
            if bytes_of_slot == 0:
                break
    if parts:
        found.append(Stretch(tuple(parts)))
    return found


class Memories:
    """Memory of windows that are over, for the next ones.

    Fresh memory is cleared by the system and mapped page by page, which costs more than to receive
    what goes into it.

    Args:
        bytes_max: How much of it is kept.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._free: dict[int, list[_Memory]] = {}
        self._bytes = 0

    def take(self, count: int) -> _Memory:
        """Memory of so many bytes, with anything in it."""
        free = self._free.get(count)
        if not free:
            return _Memory(count)
        self._bytes -= count
        return free.pop()

    def give(self, memory: _Memory) -> None:
        """Take it back."""
        count = len(memory.bytes)
        if self._bytes + count > self._bytes_max:
            memory.close()
            return
        self._bytes += count
        self._free.setdefault(count, []).append(memory)

    def close(self) -> None:
        """Give the memory back to the system."""
        for free in self._free.values():
            for memory in free:
                memory.close()
        self._free.clear()
        self._bytes = 0


class Window:
    """Memory that holds the parts of one stretch, each as a file that goes with this process.

    Args:
        stretch: What it is to hold.
        memories: Where its memory comes from and goes.
    """

    def __init__(self, stretch: Stretch, memories: Memories) -> None:
        self.stretch = stretch
        self._memories = memories
        self._parts: list[_Memory | None] = []
        try:
            for file, _, count in stretch.parts:
                self._parts.append(None if file is None or count == 0 else memories.take(count))
        except BaseException:
            self.close()
            raise

    def view(self, part: int) -> memoryview:
        """The bytes of a part that is neither padding nor empty, to be filled."""
        held = self._parts[part]
        assert held is not None
        return memoryview(held.bytes)

    def sources(self) -> list[Source]:
        """The parts as the hasher takes them; those that are empty are none."""
        return [
            (None if held is None else held.path, count)
            for (_, _, count), held in zip(self.stretch.parts, self._parts, strict=True)
            if count
        ]

    def close(self) -> None:
        """Give the memory back."""
        for held in self._parts:
            if held is not None:
                self._memories.give(held)
        self._parts.clear()


class _Memory:
    def __init__(self, count: int) -> None:
        self._file: IO[bytes]
        if hasattr(os, "memfd_create"):
            self._file = os.fdopen(os.memfd_create("outpour-window", os.MFD_CLOEXEC), "r+b")
            self.path = f"/proc/self/fd/{self._file.fileno()}"
        else:
            # Elsewhere memory has no names; this file is short and goes with its window.
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - `close` closes it
                prefix="outpour-window-"
            )
            self.path = self._file.name
        try:
            self._file.truncate(count)
            self.bytes = mmap.mmap(self._file.fileno(), count)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        self.bytes.close()
        self._file.close()
