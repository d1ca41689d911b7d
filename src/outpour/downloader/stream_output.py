"""Writes one file of a download to a stream, in order, as its pieces come and match their hashes.

A piece is asked for when there is room for it, so that memory is bound however slowly somebody
reads and however large the file is.
"""

from __future__ import annotations

import queue
import threading
from typing import BinaryIO

from outpour.base.errors import OutpourError, ReadError
from outpour.base.units import MIB
from outpour.engine import Engine, PieceRead
from outpour.torrent.info import File, Info

WINDOW_BYTES = 32 * MIB
"""Asked for or waiting to be written; two pieces at least."""
END_S = 0.2


class StreamOutput:
    """Reads pieces back and hands them to a thread, which may block.

    Args:
        engine: Downloads.
        infohash: The torrent.
        info: The same.
        file: Which of its files.
        stream: Takes the bytes.
    """

    def __init__(
        self, engine: Engine, infohash: bytes, info: Info, file: File, stream: BinaryIO
    ) -> None:
        self._engine = engine
        self._infohash = infohash
        self._length = info.piece_length
        self._file = file
        self._stream = stream
        end = file.offset + file.length
        first, self._end = file.offset // self._length, -(-end // self._length)
        self._asked = self._next = first
        if not file.length:
            self._end = first
        self._window = max(2, WINDOW_BYTES // self._length)
        self._held: dict[int, bytes] = {}
        self._ready: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._written = first
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="outpour-stream", daemon=True)
        self._thread.start()
        self._hand_over()

    @property
    def is_over(self) -> bool:
        """Whether every byte was written."""
        return self._next >= self._end and not self._thread.is_alive()

    def turn(self) -> None:
        """Ask for what there is room for.

        Raises:
            BrokenPipeError: Nobody reads any more.
            OSError: The stream cannot be written.
        """
        if self._fault is not None:
            raise self._fault
        while self._asked < min(self._end, self._written + self._window):
            self._engine.read_piece(self._infohash, self._asked)
            self._asked += 1

    def take(self, event: PieceRead) -> None:
        """Take a piece.

        Raises:
            ReadError: It cannot be read back.
        """
        if event.data is None:
            raise ReadError(f"`{self._file.path[-1]}`: cannot be read back: {event.message}")
        if self._next <= event.piece < self._end:
            self._held[event.piece] = event.data
        self._hand_over()

    def close(self) -> None:
        """Let the thread end, if nothing holds it up."""
        self._ready.put(None)
        self._thread.join(END_S)

    def _hand_over(self) -> None:
        while self._next in self._held:
            data = self._held.pop(self._next)
            start = self._next * self._length
            begin = max(0, self._file.offset - start)
            self._ready.put(data[begin : self._file.offset + self._file.length - start])
            self._next += 1
        if self._next >= self._end:
            self._ready.put(None)

    def _write(self) -> None:
        try:
            while (data := self._ready.get()) is not None:
                self._stream.write(data)
                self._stream.flush()
                self._written += 1
        except (OSError, ValueError, OutpourError) as error:
            self._fault = error
