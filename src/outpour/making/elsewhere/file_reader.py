"""Reads parts of several remote files, over a connection that is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from outpour.base.http_probe import RemoteFile
from outpour.base.http_ranges import RangeReader
from outpour.base.http_route import Route
from outpour.making.elsewhere.window import Stretch, Window


class FileReader:
    """Fills windows; the connection is kept as long as they are of one server.

    Args:
        files: By number.
        route: By which way.
        ended: Set by whoever wants it to stop.
        told: Called with the number of bytes that came, again and again.
    """

    def __init__(
        self,
        files: Sequence[RemoteFile],
        route: Route,
        ended: threading.Event,
        told: Callable[[int], None],
    ) -> None:
        self._files = files
        self._route = route
        self._ended = ended
        self._told = told
        self._number: int | None = None
        self._reader: RangeReader | None = None

    def fill(self, window: Window, stops: dict[int, int]) -> None:
        """Read what a window is to hold.

        Args:
            window: An empty one.
            stops: By the number of a file where what follows in the next windows ends.

        Raises:
            NetworkError, ReadError: As for `RangeReader.read_into`.
        """
        for part, (number, start, count) in enumerate(window.stretch.parts):
            if number is None or not count:
                continue
            with window.view(part) as view:
                self._of(number).read_into(start, view, self._told, stops[number])

    def close(self) -> None:
        """Give the connection up."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._number = None

    def _of(self, number: int) -> RangeReader:
        file = self._files[number]
        if self._reader is None:
            self._reader = RangeReader(file, route=self._route, ended=self._ended)
        elif self._number != number:
            self._reader.turn_to(file)
        self._number = number
        return self._reader


def stops_of(stretches: Sequence[Stretch]) -> dict[int, int]:
    """Where each file ends in stretches that follow each other."""
    return {
        number: start + count
        for stretch in stretches
        for number, start, count in stretch.parts
        if number is not None
    }
