"""A stretch of the content in memory, which is hashed where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from outpour._core import Memory
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


class Window:
    """Memory that holds the parts of one stretch, one behind the other.

    Args:
        number: Of the stretch in the torrent.
        stretch: What it is to hold.
        memory: At least so much.
    """

    def __init__(self, number: int, stretch: Stretch, memory: Memory) -> None:
        self.number = number
        self.stretch = stretch
        self._memory = memory
        # Padding is nowhere.
        counts = [0 if file is None else count for file, _, count in stretch.parts]
        self._starts = [0, *accumulate(counts)]

    def view(self, part: int) -> memoryview:
        """The bytes of a part that is neither padding nor empty, to be filled."""
        with self._memory.view() as view:
            return view[self._starts[part] : self._starts[part + 1]]

    def sources(self) -> list[Source]:
        """The parts as the hasher takes them; those that are empty are none."""
        return [
            (None if file is None else self._memory.part(start), count)
            for (file, _, count), start in zip(self.stretch.parts, self._starts, strict=False)
            if count
        ]
