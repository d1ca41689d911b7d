"""Hashes what lies on HTTP servers while it is read: nothing is kept, and memory stays constant."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from outpour.base.errors import VerificationError
from outpour.base.http_probe import RemoteFile
from outpour.base.http_ranges import RangeReader
from outpour.base.http_route import DIRECT, Route
from outpour.base.units import MIB
from outpour.making import hasher
from outpour.making.elsewhere.layers import joined
from outpour.making.elsewhere.window import Memories, Stretch, Window, stretches
from outpour.making.hasher import Merkle, Progress
from outpour.torrent.info import Version

CONNECTIONS = 4
WINDOW = 16 * MIB
"""Read at once and hashed at once, by one thread, whose kernels take up to 16 pieces at a time."""
AHEAD = 5
"""Windows in memory besides the first of those that are not done."""
CHUNK = 16 * MIB
"""Asked for at once, by one connection."""
PARTS_MAX = 256
"""In a window: each is asked for."""
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of the torrent that lies elsewhere.

    Attributes:
        file: As it was found.
        sha256: What its bytes have to give, 32 bytes; None where nobody said.
    """

    file: RemoteFile
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Begun:
    window: Window
    hashed: Future[tuple[bytes, tuple[Merkle, ...]]]
    summed: Future[None] | None


class RemoteWork:
    """Files being read and hashed; stands where `hasher.Work` stands for files on disk.

    Leaving its `with` block stops what still runs.
    """

    def __init__(
        self,
        files: Sequence[Remote],
        slots: Sequence[tuple[int | None, int]],
        piece_length: int,
        format: Version,
        *,
        threads: int | None = None,
        route: Route = DIRECT,
        sha256: bool = False,
    ) -> None:
        """Prepare it; reading begins with `wait`.

        Args:
            files: By number.
            slots: In the order of the torrent: the number of a file and its bytes, None and the
                bytes of padding.
            piece_length: Bytes.
            format: Which hashes to make.
            threads: How many hash; one a core by default.
            route: By which way.
            sha256: Make the SHA-256 of each file, not only of those that have one to be compared.
        """
        self._files = files
        self._piece_length = piece_length
        self._format = format
        self._route = route
        self._cut = _cut(slots, piece_length, format)
        self._total = sum(count for file, count in slots if file is not None)
        self._slots = slots
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._done = 0
        room = max((stretch.length for stretch in self._cut), default=0)
        self._memories = Memories(room, AHEAD + 1)
        self._local = threading.local()
        self._readers: list[RangeReader] = []
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="outpour-fetch")
        # One that gives no ranges is read from its beginning to its end, by one connection.
        self._in_order = ThreadPoolExecutor(1, thread_name_prefix="outpour-fetch-whole")
        hashing = min(threads or os.cpu_count() or 1, AHEAD + 1)
        self._hashing = ThreadPoolExecutor(hashing, thread_name_prefix="outpour-hash")
        # One after the other: the sum of a file is that of its bytes in order.
        self._summing = ThreadPoolExecutor(1, thread_name_prefix="outpour-sum")
        self._hashers = {
            number: hashlib.sha256()
            for number, file in enumerate(files)
            if sha256 or file.sha256 is not None
        }
        self._pieces: list[bytes] = []
        self._parts: dict[int, list[tuple[Merkle, int]]] = {}

    def __enter__(self) -> RemoteWork:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for pool in (self._pool, self._in_order, self._hashing, self._summing):
            pool.shutdown(wait=True, cancel_futures=True)
        for reader in self._readers:
            reader.close()
        self._memories.close()

    def wait(self, progress: Progress | None = None) -> None:
        """Read and hash everything.

        Args:
            progress: Called some 20 times a second, and once at the end.

        Raises:
            NetworkError: A server does not give what it said it had.
            ReadError: A file was replaced meanwhile.
            VerificationError: A file is not the one that its SHA-256 was given for.
        """
        begun: deque[_Begun] = deque()
        try:
            for stretch in self._cut:
                begun.append(self._begin(Window(stretch, self._memories)))
                if len(begun) > AHEAD:
                    self._finish(begun[0], progress)
                    begun.popleft()
            for one in begun:
                self._finish(one, progress)
        except BaseException:
            self._ended.set()
            wait([one.hashed for one in begun])
            raise
        if progress is not None:
            progress(self._total, self._total)
        self._compare()

    def pieces(self) -> bytes:
        """Return the v1 piece list: 20 bytes of SHA-1 a piece; after `wait`."""
        return b"".join(self._pieces)

    def trees(self) -> tuple[Merkle, ...]:
        """Return the v2 tree of each slot; after `wait`."""
        none = Merkle(b"", b"")
        return tuple(
            none
            if file is None or not count
            else joined(self._parts[file], count, self._piece_length)
            for file, count in self._slots
        )

    def checksums(self) -> tuple[bytes, ...]:
        """Return the SHA-256 of each slot, empty for padding; after `wait`."""
        return tuple(
            b"" if file is None else self._hashers[file].digest() for file, _ in self._slots
        )

    def _begin(self, window: Window) -> _Begun:
        reading = self._read(window)
        summed = self._summing.submit(self._sum, window, reading) if self._hashers else None
        return _Begun(window, self._hashing.submit(self._hash, window, reading), summed)

    def _finish(self, begun: _Begun, progress: Progress | None) -> None:
        while not wait([begun.hashed], POLL_S).done:
            if progress is not None:
                progress(self._done, self._total)
        pieces, trees = begun.hashed.result()
        self._pieces.append(pieces)
        self._take(begun.window.stretch, trees)
        if begun.summed is not None:
            begun.summed.result()
        begun.window.close()

    def _read(self, window: Window) -> list[Future[None]]:
        futures = []
        for part, (number, start, count) in enumerate(window.stretch.parts):
            if number is None or not count:
                continue
            has_ranges = self._files[number].file.has_ranges
            pool, step = (self._pool, CHUNK) if has_ranges else (self._in_order, count)
            for at in range(0, count, step):
                span = (at, min(at + step, count))
                futures.append(pool.submit(self._fetch, window, part, number, start, span))
        return futures

    def _fetch(
        self, window: Window, part: int, number: int, start: int, span: tuple[int, int]
    ) -> None:
        with window.view(part) as view, view[span[0] : span[1]] as buffer:
            self._reader(number).read_into(start + span[0], buffer, self._told)

    def _reader(self, number: int) -> RangeReader:
        # A thread goes on with its connection as long as it reads the same file.
        if getattr(self._local, "number", None) != number:
            if hasattr(self._local, "reader"):
                self._local.reader.close()
            file = self._files[number].file
            self._local.reader = RangeReader(file, route=self._route, ended=self._ended)
            self._local.number = number
            with self._lock:
                self._readers.append(self._local.reader)
        reader: RangeReader = self._local.reader
        return reader

    def _told(self, count: int) -> None:
        with self._lock:
            self._done += count

    def _hash(
        self, window: Window, reading: Sequence[Future[None]]
    ) -> tuple[bytes, tuple[Merkle, ...]]:
        _wait_for(reading)
        v1, v2 = self._format != "v2", self._format != "v1"
        work = hasher.Work(window.sources(), self._piece_length, v1=v1, v2=v2, threads=1)
        with work:
            work.wait()
            return work.pieces() if v1 else b"", work.trees() if v2 else ()

    def _take(self, stretch: Stretch, trees: Sequence[Merkle]) -> None:
        parts = [part for part in stretch.parts if part[2]]
        for (number, _, count), tree in zip(parts, trees, strict=False):
            if number is not None:
                self._parts.setdefault(number, []).append((tree, count))

    def _sum(self, window: Window, reading: Sequence[Future[None]]) -> None:
        _wait_for(reading)
        for part, (number, _, count) in enumerate(window.stretch.parts):
            if number in self._hashers and count:
                with window.view(part) as view:
                    self._hashers[number].update(view)

    def _compare(self) -> None:
        for number, hashed in self._hashers.items():
            digest = hashed.digest()
            expected = self._files[number].sha256
            if expected is not None and digest != expected:
                raise VerificationError(
                    f"`{self._files[number].file.url}`: its SHA-256 is {digest.hex()}, and "
                    f"{expected.hex()} was given",
                    hint="the server has another file than the one the checksum was made of",
                )


def _wait_for(reading: Sequence[Future[None]]) -> None:
    done, _ = wait(reading, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _cut(
    slots: Sequence[tuple[int | None, int]], piece_length: int, format: Version
) -> list[Stretch]:
    if format != "v2":
        return stretches(slots, piece_length, WINDOW, PARTS_MAX)
    # Every file of v2 begins with a piece of its own, although nothing stands between them.
    padded: list[tuple[int | None, int]] = []
    for file, count in slots:
        padded += [(file, count), (None, -count % piece_length)]
    padded = [slot for slot in padded if slot != (None, 0)]
    cut = stretches(padded, piece_length, WINDOW, PARTS_MAX)
    return [Stretch(tuple(part for part in one.parts if part[0] is not None)) for one in cut]
