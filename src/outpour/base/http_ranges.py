"""Reads parts of a file on an HTTP server into memory, and goes on where a connection broke."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable

from outpour.base.bulk_receive import BulkReceiver
from outpour.base.errors import NetworkError, OutpourError, ReadError
from outpour.base.http_answer import check_is_raw, length_of, part_of, wait_of
from outpour.base.http_connection import TimedConnection
from outpour.base.http_fetch import unreached
from outpour.base.http_place import ask_for, connection_to
from outpour.base.http_probe import RemoteFile, probe, raw_headers
from outpour.base.http_route import DIRECT, Route, is_same_server

BLOCK = 1 << 20
"""Bytes that are read at once."""
STALL_S = 60.0
"""For so many bytes, or for an answer to begin: a server that is slower has stopped."""
FAILURES_MAX = 6
"""In a row, without a byte between them."""
PAUSE_S = 0.25
PAUSE_S_MAX = 8.0
WISHED_S_MAX = 60.0
"""Before a server that is busy is asked again, where it wishes for more than the pause."""
PASSING = frozenset({403, 408, 425, 429})
"""Answers below 500 that may be others a moment later: a place that was redirected to expires."""


class RangeReader:
    """Reads one file, over a connection that is kept.

    Args:
        file: As `probe` found it.
        route: By which way.
        ended: Set by whoever wants it to stop; what is being read then ends with an error.
    """

    def __init__(
        self, file: RemoteFile, *, route: Route = DIRECT, ended: threading.Event | None = None
    ) -> None:
        self._file = file
        self._route = route
        self._ended = ended or threading.Event()
        self._patience = _Patience()
        self._connection: TimedConnection | None = None
        self._answer: http.client.HTTPResponse | None = None
        self._bulk: BulkReceiver | None = None
        self._is_drained = False
        self._at = 0
        self._is_fresh = True

    def read_into(
        self,
        start: int,
        buffer: memoryview,
        told: Callable[[int], None],
        stop: int | None = None,
    ) -> None:
        """Fill a buffer.

        Args:
            start: The first byte of the file that goes into it.
            buffer: Ends within the file.
            told: Called with the number of bytes that came, again and again.
            stop: Where the next ones end that go on where this one does, so that the server is
                asked for all of them at once; by default nothing follows.

        Raises:
            NetworkError: The server does not give them, however often it is asked.
            ReadError: The file was replaced by another.
        """
        done, failures = 0, 0
        while done < len(buffer):
            done_before = done
            try:
                self._seek(start + done, stop or start + len(buffer))
                while done < len(buffer):
                    count = self._read(buffer[done:])
                    done += count
                    told(count)
            except (OSError, http.client.HTTPException, NetworkError) as error:
                # A kept connection may have been closed while it was not needed.
                is_stale = not self._is_fresh and done == done_before
                self.close()
                failures = 0 if done > done_before else failures + (not is_stale)
                if failures >= FAILURES_MAX or _is_final(error):
                    raise self._explain(error) from error
                self._pause(failures, error)
                if failures:
                    self._look_again()

    def turn_to(self, file: RemoteFile) -> None:
        """Read another file from now on, over the same connection if it is on the same server."""
        if self._answer is not None and not self._answer.isclosed():
            self.close()
        if not is_same_server(file.place, self._file.place):
            self.close()
        self._answer = None
        self._file = file

    def close(self) -> None:
        """Give the connection up."""
        # One that ends with its answer is the answer's alone.
        if self._answer is not None:
            self._answer.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._answer = self._bulk = None

    def _seek(self, start: int, stop: int) -> None:
        if self._answer is not None and self._at == start and not self._answer.isclosed():
            return
        if self._answer is not None and not self._answer.isclosed():
            self.close()
        self._patience.renew()
        if self._connection is None:
            self._is_fresh = True
            self._connection = connection_to(self._file.place, self._route, self._patience)
        else:
            self._is_fresh = False
        self._answer = self._ask(start, stop)
        waste = memoryview(bytearray(min(BLOCK, start - self._at)))
        while self._at < start:
            self._read(waste[: start - self._at])

    def _ask(self, start: int, stop: int) -> http.client.HTTPResponse:
        assert self._connection is not None
        self._end_bulk()
        file = self._file
        headers = raw_headers(self._route.to(file.place, file.url))
        if file.has_ranges:
            headers["Range"] = f"bytes={start}-{stop - 1}"
        answer = ask_for(file.place, self._connection, self._route, headers)
        if answer.status not in ((200, 206) if file.has_ranges else (200,)):
            raise _RefusedError(answer.status, wait_of(answer.headers))
        check_is_raw(file.url, answer.headers)
        self._check_part(answer, start)
        return answer

    def _check_part(self, answer: http.client.HTTPResponse, start: int) -> None:
        """Have `_at` be where an answer begins that may be read."""
        total = length_of(answer.headers)
        self._at = 0
        if answer.status == 206:
            part = part_of(answer.headers)
            if part is None or part.first != start:
                raise _UnfitError("sends another part than was asked for")
            self._at, total = start, part.total
        elif total is None and answer.status == 200:
            raise _UnfitError("does not say how long it is")
        if total not in (None, self._file.length) or not self._has_tag(answer.headers):
            raise _ReplacedError
        if start and answer.status == 200 and self._file.has_ranges:
            # To read all that is before it, again and again, would have no end.
            raise _UnfitError("sends all of it where a part was asked for")

    def _has_tag(self, headers: http.client.HTTPMessage) -> bool:
        tags = (headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip())
        # A server of many machines may not say it each time.
        return not self._file.tag or not any(tags) or self._file.tag in tags

    def _read(self, buffer: memoryview) -> int:
        assert self._answer is not None
        if self._ended.is_set():
            raise _EndedError
        self._patience.renew()
        count = self._receive(self._answer, buffer)
        if not count:
            raise http.client.IncompleteRead(b"")
        self._at += count
        return count

    def _receive(self, answer: http.client.HTTPResponse, buffer: memoryview) -> int:
        assert self._connection is not None
        if answer.length == 0:
            return 0
        if answer.length is None or not BulkReceiver.takes(self._connection.sock):
            return answer.readinto(buffer[:BLOCK])
        if not self._is_drained:
            # What came with the head of the answer is in a buffer of its own.
            come = len(answer.peek())
            self._is_drained = come <= len(buffer)
            return answer.readinto(buffer[:come])
        if self._bulk is None:
            self._bulk = BulkReceiver(self._connection.sock)
        count = None
        while count is None:
            if self._ended.is_set():
                raise _EndedError
            self._patience.rest()
            count = self._bulk.receive(buffer[: answer.length])
        answer.length -= count
        if not answer.length:
            self._end_bulk()
            answer.close()
        return count

    def _end_bulk(self) -> None:
        self._is_drained = False
        if self._bulk is not None:
            self._bulk.close()
            self._bulk = None

    def _pause(self, failures: int, error: Exception) -> None:
        if failures:
            wished = error.after_s if isinstance(error, _RefusedError) else 0.0
            pause_s = min(PAUSE_S * 2**failures, PAUSE_S_MAX)
            self._ended.wait(max(pause_s, min(wished, WISHED_S_MAX)))
        if self._ended.is_set():
            raise _EndedError

    def _look_again(self) -> None:
        try:
            found = probe(self._file.url, route=self._route)
        except OutpourError:
            return
        if not found.is_same(self._file):
            raise self._explain(_ReplacedError())
        self._file = found

    def _explain(self, error: Exception) -> OutpourError:
        url = self._file.url
        if isinstance(error, _ReplacedError):
            return ReadError(
                f"`{url}`: changed while it was read",
                hint="run this again when nobody writes to it any more",
            )
        if isinstance(error, _UnfitError):
            return NetworkError(f"`{url}`: the server {error}")
        if isinstance(error, _RefusedError):
            words = http.client.responses.get(error.status, "error").lower()
            return NetworkError(f"`{url}`: HTTP {error.status} {words}")
        if isinstance(error, http.client.IncompleteRead):
            return NetworkError(f"`{url}`: the answer is cut short, again and again")
        if isinstance(error, OutpourError):
            return error
        return unreached(url, error, self._route)


class _Patience:
    """A time limit that begins anew whenever something was got."""

    def __init__(self) -> None:
        self._at = 0.0

    def renew(self) -> None:
        self._at = time.monotonic() + STALL_S

    def rest(self) -> float:
        rest = self._at - time.monotonic()
        if rest <= 0:
            raise TimeoutError("timed out")
        return rest


class _RefusedError(http.client.HTTPException):
    def __init__(self, status: int, after_s: float) -> None:
        super().__init__(str(status))
        self.status = status
        self.after_s = after_s


class _UnfitError(http.client.HTTPException):
    pass


class _ReplacedError(http.client.HTTPException):
    pass


class _EndedError(http.client.HTTPException):
    pass


def _is_final(error: Exception) -> bool:
    if isinstance(error, _RefusedError):
        return error.status < 500 and error.status not in PASSING
    return isinstance(error, (_ReplacedError, _EndedError, ssl.SSLCertVerificationError))
