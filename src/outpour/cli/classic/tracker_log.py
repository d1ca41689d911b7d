"""The log of bttrack: its first and last line, and a line a request, in the old shape."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outpour.cli.printer import Printer
from outpour.errors import WriteError, reason
from outpour.text import printable

STDOUT = ("", "-")


class Log:
    """An open log file, or stdout.

    Args:
        name: Path, opened for appending; empty or `-` is stdout.
        printer: Has stdout.

    Raises:
        WriteError: The file cannot be opened.
    """

    def __init__(self, name: str, printer: Printer) -> None:
        self._path = None if name in STDOUT else Path(name)
        self._printer = printer
        self._stream: TextIO | None = None
        self._open()
        if self._path is not None:
            self.line(f"# Log Started:  {_minute()}")
            self.line("# Announces are counted in /metrics and not written here one by one")

    def line(self, text: str) -> None:
        """Write a line at once."""
        if self._stream is None:
            self._printer.data(text)
            self._printer.flush()
            return
        self._stream.write(text + "\n")
        self._stream.flush()

    def reopen(self) -> None:
        """Open the file anew, after it was moved away."""
        if self._stream is not None:
            self._stream.close()
            self._open()
            self.line(f"# Log reopened:  {_minute()}")

    def close(self) -> None:
        """Write the last line and close."""
        self.line(f"# Shutting down: {_minute()}")
        if self._stream is not None:
            self._stream.close()

    def _open(self) -> None:
        if self._path is None:
            return
        try:
            self._stream = self._path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise WriteError(f"`{self._path}`: {reason(error)}") from error


class Logged:
    """An ASGI application that writes a line a request.

    Args:
        app: Answers.
        log: Where to write.
    """

    def __init__(self, app: ASGIApp, log: Log) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and tell."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, length = 500, 0

        async def counted(message: Message) -> None:
            nonlocal status, length
            if message["type"] == "http.response.start":
                status = message["status"]
            length += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._log.line(request_line(scope, status, length, time.localtime()))


def request_line(
    scope: Mapping[str, object], status: int, length: int, at: time.struct_time
) -> str:
    """Write a request as the old trackers do: local time, without its zone."""
    client = scope.get("client")
    headers = dict(_pairs(scope.get("headers")))
    query = scope.get("query_string")
    target = _text(scope.get("raw_path")) + (f"?{_text(query)}" if query else "")
    when = time.strftime("%d/%b/%Y:%H:%M:%S", at)
    return (
        f"{client[0] if isinstance(client, tuple) else '-'} - - [{when}] "
        f'"{scope.get("method")} {target} HTTP/{scope.get("http_version")}" {status} {length} '
        f'"{headers.get(b"referer", "-")}" "{headers.get(b"user-agent", "-")}"'
    )


def _pairs(headers: object) -> list[tuple[bytes, str]]:
    return [(key, _text(value)) for key, value in headers] if isinstance(headers, list) else []


def _text(raw: object) -> str:
    # A quote would end the field it stands in.
    text = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else ""
    return printable(text).replace('"', "%22")


def _minute() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
