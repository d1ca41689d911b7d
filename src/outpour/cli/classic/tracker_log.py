"""The log of bttrack: its first and last line, and a line a request, in the old shape.

    IP - - [DAY/MONTH/YEAR:HH:MM:SS] "REQUEST" STATUS BYTES "REFERER" "USER AGENT"
    IP - PEER_ID [DAY/MONTH/YEAR:HH:MM:SS] "!natcheck-IP:PORT" 200 0 - -

The second is that of a NAT check; its status is 503 for a peer that was not reached.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from starlette.types import ASGIApp, Scope

from outpour.base.errors import WriteError
from outpour.base.text import printable
from outpour.cli.classic.log_notes import missing
from outpour.cli.shared.printer import Printer
from outpour.web.logs.counted_answers import CountedAnswers
from outpour.web.logs.log_file import LogFile

WHEN = "%d/%b/%Y:%H:%M:%S"
STDOUT = ("", "-")
MODE = 0o666
"""Who may read it is left to the mask of the process, as the originals left it."""


class Log:
    """An open log file, or stdout.

    Args:
        name: Path, opened for appending; empty or `-` is stdout.
        printer: Has stdout.

    Raises:
        WriteError: The file cannot be opened.
    """

    def __init__(self, name: str, printer: Printer) -> None:
        self._printer = printer
        self._file = None if name in STDOUT else LogFile(Path(name), missing, mode=MODE)
        if self._file is not None:
            self.line(f"# Log Started:  {_minute()}")

    def line(self, *texts: str) -> None:
        """Let lines be written, from any thread; nobody waits for the disk."""
        if self._file is not None:
            self._file.lines(texts)
            return
        for text in texts:
            self._printer.data(text)
        self._printer.flush()

    def reopen(self) -> None:
        """Open the file anew, after it was moved away; keep the old one where that cannot be."""
        if self._file is None:
            return
        try:
            self._file.reopen()
        except WriteError as error:
            self._printer.note(f"{error.message}; writing on to the file that was open")
            return
        self.line(f"# Log reopened:  {_minute()}")

    def close(self) -> None:
        """Write the last line and close."""
        self.line(f"# Shutting down: {_minute()}")
        if self._file is not None:
            self._file.close()


def logged(app: ASGIApp, log: Log) -> ASGIApp:
    """An application that has a line written of each request."""

    def tell(scope: Scope, status: int, length: int, _: float) -> None:
        log.line(request_line(scope, status, length, time.localtime()))

    return CountedAnswers(app, tell)


def request_line(
    scope: Mapping[str, object], status: int, length: int, at: time.struct_time
) -> str:
    """Write a request to the web side as the old trackers do."""
    client = scope.get("client")
    headers = dict(_pairs(scope.get("headers")))
    query = scope.get("query_string")
    target = text_of(scope.get("raw_path")) + (f"?{text_of(query)}" if query else "")
    return line_of(
        str(client[0]) if isinstance(client, tuple) else "-",
        at,
        f"{scope.get('method')} {target} HTTP/{scope.get('http_version')}",
        status,
        length,
        headers.get(b"referer", "-"),
        headers.get(b"user-agent", "-"),
    )


def line_of(
    host: str,
    at: time.struct_time,
    request: str,
    status: int,
    length: int,
    referer: str = "-",
    user_agent: str = "-",
) -> str:
    """Write the line of a request: local time, without its zone."""
    when = time.strftime(WHEN, at)
    return f'{host} - - [{when}] "{request}" {status} {length} "{referer}" "{user_agent}"'


def _pairs(headers: object) -> list[tuple[bytes, str]]:
    return [(key, text_of(value)) for key, value in headers] if isinstance(headers, list) else []


def text_of(raw: object) -> str:
    """Make a text of bytes that a client sent, fit to stand in a field; nothing is empty."""
    # A quote would end the field it stands in.
    text = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else ""
    return printable(text).replace('"', "%22")


def _minute() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
