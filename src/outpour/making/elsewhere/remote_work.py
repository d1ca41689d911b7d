"""Hashes what lies on HTTP servers while it is read: nothing is kept, and memory stays constant."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass

from outpour.base.errors import VerificationError
from outpour.base.http_probe import RemoteFile
from outpour.base.http_route import DIRECT, Route
from outpour.base.priority import be_batch
from outpour.base.units import MIB
from outpour.making import hasher
from outpour.making.elsewhere.file_reader import FileReader, stops_of
from outpour.making.elsewhere.layers import joined
from outpour.making.elsewhere.window import Stretch, stretches
from outpour.making.elsewhere.window_pool import PoolEndedError, WindowPool
from outpour.making.hasher import Merkle, Progress
from outpour.torrent.info import Version

CONNECTIONS = 4
WINDOW = 2 * MIB
"""Whole pieces that are received one behind the other, at least one piece."""
WINDOW_SUMMED = 8 * MIB
"""The same where whole files are summed, one behind the other: windows are asked for by themselves
then, so that whoever waits for one can be sure that it comes."""
REQUEST_MAX = 64 * MIB
"""Asked for at once, by one connection: each request costs a way there and back. The last ones are
shorter, so that all connections end at about the same time."""
REQUEST_MIN = 4 * MIB
PIECES = 16
"""Hashed at once, by one thread: the widest kernel takes so many."""
BATCH_MIN = 8 * MIB
"""Hashed at once where pieces are short."""
MEMORY = 96 * MIB
"""What all windows take at most, of which there are at least WINDOWS_MIN."""
WINDOWS_MIN = 6
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
        self._slots = slots
        self._piece_length = piece_length
        self._format = format
        self._route = route
        self._total = sum(count for file, count in slots if file is not None)
        self._hashers = {
            number: hashlib.sha256()
            for number, file in enumerate(files)
            if sha256 or file.sha256 is not None
        }
        window = WINDOW_SUMMED if self._hashers else WINDOW
        self._cut = _cut(slots, piece_length, format, window)
        # Where files are summed, each window is asked for by itself.
        limits = (1, 1) if self._hashers else (REQUEST_MIN, REQUEST_MAX)
        self._requests = _requests(self._cut, *limits)
        self._order = threading.Lock()
        self._hashing = threads or os.cpu_count() or 1
        self._pool = self._windows(window)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._done = 0
        # One that gives no ranges is read from its beginning to its end, by one connection.
        has_ranges = all(one.file.has_ranges for one in files)
        self._connections = CONNECTIONS if has_ranges else 1
        self._pieces: dict[int, bytes] = {}
        self._trees: dict[int, Sequence[Merkle]] = {}

    def __enter__(self) -> RemoteWork:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def wait(self, progress: Progress | None = None) -> None:
        """Read and hash everything.

        Args:
            progress: Called some 20 times a second, and once at the end.

        Raises:
            NetworkError: A server does not give what it said it had.
            ReadError: A file was replaced meanwhile.
            VerificationError: A file is not the one that its SHA-256 was given for.
        """
        threads = self._connections + self._hashing + 1
        with ThreadPoolExecutor(threads, "outpour-fetch", initializer=be_batch) as pool:
            try:
                reading = [pool.submit(self._read) for _ in range(self._connections)]
                others = [pool.submit(self._hash) for _ in range(self._hashing)]
                if self._hashers:
                    others.append(pool.submit(self._sum))
                self._follow({*reading}, {*others}, progress)
            finally:
                self._end()
        if progress is not None:
            progress(self._total, self._total)
        self._compare()

    def pieces(self) -> bytes:
        """Return the v1 piece list: 20 bytes of SHA-1 a piece; after `wait`."""
        return b"".join(self._pieces[number] for number in range(len(self._cut)))

    def trees(self) -> tuple[Merkle, ...]:
        """Return the v2 tree of each slot; after `wait`."""
        parts: dict[int, list[tuple[Merkle, int]]] = {}
        for number, stretch in enumerate(self._cut):
            whole = [part for part in stretch.parts if part[2]]
            for (file, _, count), tree in zip(whole, self._trees[number], strict=True):
                if file is not None:
                    parts.setdefault(file, []).append((tree, count))
        none = Merkle(b"", b"")
        return tuple(
            none if file is None or not count else joined(parts[file], count, self._piece_length)
            for file, count in self._slots
        )

    def checksums(self) -> tuple[bytes, ...]:
        """Return the SHA-256 of each slot, empty for padding; after `wait`."""
        return tuple(
            b"" if file is None else self._hashers[file].digest() for file, _ in self._slots
        )

    def _windows(self, length: int) -> WindowPool:
        room = max((stretch.length for stretch in self._cut), default=0) or 1
        most = min(max(WINDOWS_MIN, MEMORY // room), len(self._cut))
        pieces = PIECES // max(1, length // self._piece_length)
        batch = max(1, min(max(pieces, BATCH_MIN // room), most // 3))
        # While some are hashed, others are filled.
        count = min(most, batch * min(self._hashing, 2) + 2 * CONNECTIONS)
        if self._hashers:
            return WindowPool(room, most, batch, users=2)
        return WindowPool(room, count, batch)

    def _follow(
        self,
        reading: set[Future[None]],
        others: set[Future[None]],
        progress: Progress | None,
    ) -> None:
        pending = reading | others
        while pending:
            done, pending = wait(pending, POLL_S, FIRST_COMPLETED)
            for future in done:
                future.result()
            if not pending & reading:
                self._pool.finish()
            if progress is not None and not done:
                progress(self._done, self._total)

    def _end(self) -> None:
        self._ended.set()
        self._pool.end()

    def _read(self) -> None:
        files = [one.file for one in self._files]
        reader = FileReader(files, self._route, self._ended, self._told)
        with closing(reader), suppress(PoolEndedError):
            while True:
                # Memory goes to the request that comes first in the torrent: in the order of that
                # are windows given back where files are summed.
                with self._order:
                    request = next(self._requests, None)
                    if request is None:
                        return
                    window = self._pool.take(request[0], self._cut[request[0]])
                stops = stops_of([self._cut[number] for number in request])
                for number in request:
                    if number != request[0]:
                        window = self._pool.take(number, self._cut[number])
                    reader.fill(window, stops)
                    self._pool.fill(window)

    def _told(self, count: int) -> None:
        with self._lock:
            self._done += count

    def _hash(self) -> None:
        v1, v2 = self._format != "v2", self._format != "v1"
        while windows := self._pool.batch():
            sources = [source for window in windows for source in window.sources()]
            with hasher.Work(sources, self._piece_length, v1=v1, v2=v2, threads=1) as work:
                work.wait()
            pieces, trees = work.pieces() if v1 else b"", list(work.trees()) if v2 else []
            for window in windows:
                count = 20 * -(-sum(part[2] for part in window.stretch.parts) // self._piece_length)
                self._pieces[window.number], pieces = pieces[:count], pieces[count:]
                parts = len(window.sources())
                self._trees[window.number], trees = trees[:parts], trees[parts:]
            self._pool.give_back(windows)

    def _sum(self) -> None:
        # One after the other: the sum of a file is that of its bytes in order.
        for number in range(len(self._cut)):
            window = self._pool.numbered(number)
            if window is None:
                return
            for part, (file, _, count) in enumerate(window.stretch.parts):
                if file in self._hashers and count:
                    with window.view(part) as view:
                        self._hashers[file].update(view)
            self._pool.give_back([window])

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


def _requests(cut: Sequence[Stretch], least: int, most: int) -> Iterator[range]:
    """Group stretches by number, in requests of about so many bytes."""
    left = sum(stretch.length for stretch in cut)
    first = at = 0
    for number, stretch in enumerate(cut):
        at += stretch.length
        if at >= min(most, max(least, left // (2 * CONNECTIONS))) or number + 1 == len(cut):
            yield range(first, number + 1)
            left -= at
            first, at = number + 1, 0


def _cut(
    slots: Sequence[tuple[int | None, int]], piece_length: int, format: Version, window: int
) -> list[Stretch]:
    if format != "v2":
        return stretches(slots, piece_length, window, PARTS_MAX)
    # Every file of v2 begins with a piece of its own, although nothing stands between them.
    padded: list[tuple[int | None, int]] = []
    for file, count in slots:
        padded += [(file, count), (None, -count % piece_length)]
    padded = [slot for slot in padded if slot != (None, 0)]
    cut = stretches(padded, piece_length, window, PARTS_MAX)
    return [Stretch(tuple(part for part in one.parts if part[0] is not None)) for one in cut]
