"""Hashes what lies on HTTP servers while it is read: nothing is kept, and memory stays constant."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
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
WINDOW = 32 * MIB
"""Read at once and hashed at once; three of them are in memory."""
AHEAD = 2
"""Windows that are read while another one is hashed."""
CHUNK = 8 * MIB
"""Asked for at once, by one connection."""
PARTS_MAX = 256
"""In a window: each is an open file."""
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
        self._threads = threads
        self._route = route
        self._cut = _cut(slots, piece_length, format)
        self._total = sum(count for file, count in slots if file is not None)
        self._slots = slots
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._done = 0
        self._memories = Memories(WINDOW)
        self._local = threading.local()
        self._readers: list[RangeReader] = []
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="outpour-fetch")
        # One that gives no ranges is read from its beginning to its end, by one connection.
        self._in_order = ThreadPoolExecutor(1, thread_name_prefix="outpour-fetch-whole")
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
        for pool in (self._pool, self._in_order, self._summing):
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
        reading: deque[tuple[Window, list[Future[None]]]] = deque()
        left = iter(self._cut)
        try:
            for stretch in left:
                reading.append(self._read(Window(stretch, self._memories)))
                if len(reading) > AHEAD:
                    self._hash(*reading.popleft(), progress)
            while reading:
                self._hash(*reading.popleft(), progress)
        except BaseException:
            self._ended.set()
            for window, futures in reading:
                wait(futures)
                window.close()
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

    def _read(self, window: Window) -> tuple[Window, list[Future[None]]]:
        futures = []
        for part, (number, start, count) in enumerate(window.stretch.parts):
            if number is None or not count:
                continue
            has_ranges = self._files[number].file.has_ranges
            pool, step = (self._pool, CHUNK) if has_ranges else (self._in_order, count)
            for at in range(0, count, step):
                span = (at, min(at + step, count))
                futures.append(pool.submit(self._fetch, window, part, number, start, span))
        return window, futures

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

    def _hash(self, window: Window, futures: list[Future[None]], progress: Progress | None) -> None:
        try:
            pending: set[Future[None]] = set(futures)
            while pending:
                done, pending = wait(pending, POLL_S, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if progress is not None:
                    progress(self._done, self._total)
            summed = self._summing.submit(self._sum, window)
            with hasher.Work(
                window.sources(),
                self._piece_length,
                v1=self._format != "v2",
                v2=self._format != "v1",
                threads=self._threads,
            ) as work:
                work.wait()
                if self._format != "v2":
                    self._pieces.append(work.pieces())
                if self._format != "v1":
                    self._take(window.stretch, work.trees())
            summed.result()
        except BaseException:
            self._ended.set()
            wait(futures)
            raise
        finally:
            window.close()

    def _take(self, stretch: Stretch, trees: Sequence[Merkle]) -> None:
        parts = [part for part in stretch.parts if part[2]]
        for (number, _, count), tree in zip(parts, trees, strict=True):
            if number is not None:
                self._parts.setdefault(number, []).append((tree, count))

    def _sum(self, window: Window) -> None:
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


def _cut(
    slots: Sequence[tuple[int | None, int]], piece_length: int, format: Version
) -> Iterator[Stretch] | list[Stretch]:
    if format != "v2":
        return stretches(slots, piece_length, WINDOW, PARTS_MAX)
    # Every file of v2 begins with a piece of its own, although nothing stands between them.
    padded: list[tuple[int | None, int]] = []
    for file, count in slots:
        padded += [(file, count), (None, -count % piece_length)]
    padded = [slot for slot in padded if slot != (None, 0)]
    cut = stretches(padded, piece_length, WINDOW, PARTS_MAX)
    return [Stretch(tuple(part for part in one.parts if part[0] is not None)) for one in cut]
