"""Fetches the pieces of pure v2 torrents from web seeds (BEP 19, 52), in threads of its own.

libtorrent fills the gap behind a file of a v2 tree with what belongs into the next one, and bans
the server for it. So it is not told of these servers: pieces are asked for here, never beyond the
end of a file, and handed over to be checked as any others.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.http_route import Route
from outpour.base.units import MIB
from outpour.engine import Engine, WebSeedFailed
from outpour.torrent.info import File, Info

SPAN_BYTES_MAX = 4 * MIB
"""Of one request, and of what is held in memory for a torrent."""
AT_ONCE_MAX = 4
"""Torrents that are fetched at the same time."""
TIMEOUT_S = 60.0
"""For one request; 70 kB/s are enough."""
LOOK_S = 0.1
CHECK_S = 10.0
"""How long the engine may go without one more piece of what it was given; disks are slow."""
FIRST_AFTER_S = 10.0
LAST_AFTER_S = 300.0


@dataclass(slots=True)
class _Tree:
    infohash: bytes
    info: Info
    urls: list[str]
    wanted: frozenset[int]
    is_over: threading.Event = field(default_factory=threading.Event)

    def spans(self, has: Sequence[bool]) -> Iterator[tuple[int, File, int, int]]:
        """Yield what is missing: first piece, file, and first and last byte within the file."""
        stored = [file for file in self.info.files if not file.is_padding]
        length = self.info.piece_length
        most = max(1, SPAN_BYTES_MAX // length)
        for index, file in enumerate(stored):
            if index not in self.wanted or not file.length:
                continue
            first = file.offset // length
            count = -(-file.length // length)
            at = 0
            while at < count:
                run = 0
                while run < most and at + run < count and not has[first + at + run]:
                    run += 1
                if run:
                    end = min(file.length, (at + run) * length)
                    yield first + at, file, at * length, end - 1
                at += run or 1


class Pace:
    """Says when so many bytes may come, so that no more come in a second than may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, length: int, rate: int) -> float:
        """Take room for `length` bytes at `rate` bytes a second; returns the seconds until then."""
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._free_at)
            self._free_at = begin + length / rate
            return begin - now


class _OverError(OutpourError):
    pass


class TreeFetch:
    """Fetches what web seeds have of the trees that it follows.

    Args:
        engine: Takes the pieces.
        route: By which way to ask.
    """

    def __init__(self, engine: Engine, route: Route) -> None:
        self._engine = engine
        self._route = route
        self._trees: dict[bytes, _Tree] = {}
        self._troubles: queue.SimpleQueue[WebSeedFailed] = queue.SimpleQueue()
        self._pace = Pace()
        self._turns = threading.Semaphore(AT_ONCE_MAX)
        self._calling = threading.Lock()

    def follow(self, infohash: bytes, info: Info, urls: list[str], wanted: Sequence[int]) -> None:
        """Begin to fetch a torrent, as soon as the engine downloads it."""
        if not urls or infohash in self._trees:
            return
        tree = _Tree(infohash, info, urls, frozenset(wanted))
        self._trees[infohash] = tree
        name = f"outpour-tree-{infohash.hex()[:8]}"
        threading.Thread(target=self._run, args=(tree,), name=name, daemon=True).start()

    def forget(self, infohash: bytes) -> None:
        """Fetch nothing more of a torrent."""
        tree = self._trees.pop(infohash, None)
        if tree is not None:
            tree.is_over.set()

    def close(self) -> None:
        """Fetch nothing more, and call the engine no more when this returns."""
        for infohash in [*self._trees]:
            self.forget(infohash)
        # A thread that returns from libtorrent while the interpreter ends has the process aborted.
        with self._calling:
            pass

    def troubles(self) -> list[WebSeedFailed]:
        """Return what went wrong since the last call."""
        found: list[WebSeedFailed] = []
        while not self._troubles.empty():
            found.append(self._troubles.get())
        return found

    @contextmanager
    def _engine_of(self, tree: _Tree) -> Iterator[Engine]:
        with self._calling:
            if tree.is_over.is_set():
                raise _OverError("nothing more is fetched")
            yield self._engine

    def _pieces(self, tree: _Tree) -> list[bool]:
        with self._engine_of(tree) as engine:
            return engine.pieces(tree.infohash)

    def _run(self, tree: _Tree) -> None:
        try:
            while not tree.is_over.wait(LOOK_S):
                with self._engine_of(tree) as engine:
                    state = engine.status(tree.infohash).state
                if state in ("finished", "seeding"):
                    return
                if state == "downloading":
                    with self._turns:
                        self._fetch_all(tree)
        except OutpourError:
            # The engine has let go of the torrent, or is closed.
            return

    def _fetch_all(self, tree: _Tree) -> None:
        after_s = FIRST_AFTER_S
        while not tree.is_over.is_set() and tree.urls:
            for url in [*tree.urls]:
                try:
                    if self._fetch_from(tree, url):
                        return
                except NetworkError as error:
                    message = error.message.partition("`: ")[2] or error.message
                    self._troubles.put(WebSeedFailed(tree.infohash, url, message))
            tree.is_over.wait(after_s)
            after_s = min(LAST_AFTER_S, after_s * 2)

    def _fetch_from(self, tree: _Tree, url: str) -> bool:
        """Fetch what is missing; whether nothing is any more."""
        length = tree.info.piece_length
        for piece, file, first, last in tree.spans(self._pieces(tree)):
            target = _url_of(url, tree.info, file)
            body = self._ask(tree, target, first, last)
            for start in range(0, len(body), length):
                with self._engine_of(tree) as engine:
                    engine.give(
                        tree.infohash, piece + start // length, body[start : start + length]
                    )
        if self._is_checked(tree):
            return True
        tree.urls.remove(url)
        raise NetworkError(f"`{url}`: its content differs from the torrent")

    def _ask(self, tree: _Tree, url: str, first: int, last: int) -> bytes:
        from outpour.base.http_fetch import fetch

        whole = last - first + 1
        rate = self._engine.download_rate
        step = min(whole, rate) if rate else whole
        body = b""
        while len(body) < whole and not tree.is_over.is_set():
            span = (first + len(body), min(first + len(body) + step - 1, last))
            if rate:
                # What peers send counts too; something is left for servers in any case.
                with self._engine_of(tree) as engine:
                    others = sum(one.down_rate for one in engine.statuses())
                left = max(rate // 10, rate - others)
                tree.is_over.wait(self._pace.take(span[1] - span[0] + 1, left))
            answer = fetch(url, bytes_max=whole, timeout_s=TIMEOUT_S, span=span, route=self._route)
            # A server that knows no ranges sends all there is, which is right as a whole only.
            wanted = span[1] - span[0] + 1 if answer.status == 206 else whole
            if len(answer.body) != wanted or (answer.status != 206 and (first or body)):
                raise NetworkError(f"`{url}`: it answers with other bytes than were asked for")
            body += answer.body
        return body

    def _is_checked(self, tree: _Tree) -> bool:
        best, until = 0, time.monotonic() + CHECK_S
        while next(tree.spans(has := self._pieces(tree)), None) is not None:
            if (count := sum(has)) > best:
                best, until = count, time.monotonic() + CHECK_S
            if time.monotonic() > until or tree.is_over.wait(LOOK_S):
                return tree.is_over.is_set()
        return True


def _url_of(url: str, info: Info, file: File) -> str:
    if not info.is_folder:
        return url + _quoted((info.name,)) if url.endswith("/") else url
    return f"{url.rstrip('/')}/{_quoted((info.name, *file.path))}"


def _quoted(path: Sequence[str]) -> str:
    return "/".join(quote(part.encode("utf-8", "surrogateescape"), safe="") for part in path)
