"""Asks about many files over a connection that is kept: most of a list is on one server."""

from __future__ import annotations

import http.client
import time

from outpour.base.http_connection import TimedConnection
from outpour.base.http_place import ask_for, connection_to
from outpour.base.http_probe import (
    PROBE_HEADERS,
    PROBE_S,
    RemoteFile,
    probe,
    raw_headers,
    read_head,
)
from outpour.base.http_route import DIRECT, Route, is_same_server

BODY_MAX = 64 << 10
"""Of an answer that is read to its end for the sake of the connection."""


class KeptProbe:
    """Does what `probe` does for one thread.

    Args:
        route: By which way.
    """

    def __init__(self, route: Route = DIRECT) -> None:
        self._route = route
        self._limit = _Limit()
        self._connection: TimedConnection | None = None
        self._place = self._left = ""

    def __call__(self, url: str) -> RemoteFile:
        """Ask a server about a file.

        Raises:
            UsageError, NetworkError: As for `probe`.
        """
        self._limit.until = time.monotonic() + PROBE_S
        try:
            found = self._ask(url)
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            found = None
        # What redirects, fails or was closed meanwhile is asked once more by who knows all ways.
        return probe(url, route=self._route) if found is None else found

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _ask(self, url: str) -> RemoteFile | None:
        if not url.startswith(("http://", "https://")) or is_same_server(url, self._left):
            return None
        if self._connection is None or not is_same_server(url, self._place):
            self.close()
            self._place = url
            self._connection = connection_to(url, self._route, self._limit)
        headers = raw_headers(self._route) | PROBE_HEADERS
        with ask_for(url, self._connection, self._route, headers) as answer:
            is_short = answer.length is not None and answer.length <= BODY_MAX
            if is_short:
                answer.read()
            else:
                self.close()
            if 300 <= answer.status < 400:
                # It will redirect others too.
                self._left = url
            if answer.status not in (200, 206, 416):
                return None
            return read_head(url, url, answer.status, answer.headers)


class _Limit:
    def __init__(self) -> None:
        self.until = 0.0

    def rest(self) -> float:
        rest = self.until - time.monotonic()
        if rest <= 0:
            raise TimeoutError("timed out")
        return rest
