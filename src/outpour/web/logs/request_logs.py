"""The logs of one tracker's requests: from the core and the web side to files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from starlette.types import ASGIApp, Scope

from outpour.base.errors import WriteError
from outpour.base.text import printable
from outpour.tracker.settings import TrackerSettings
from outpour.web.logs.counted_answers import CountedAnswers
from outpour.web.logs.log_file import LogFile
from outpour.web.logs.request_lines import (
    Format,
    WebRequest,
    access_line,
    hidden,
    missing_line,
    refusal_line,
    web_line,
)

if TYPE_CHECKING:
    from outpour._core import Logged

PAUSE_S = 0.25
BATCH_MAX = 1024
TOO_FAST = "they came too fast"

LineOf = Callable[["Logged"], str]


class LoggedTracker(Protocol):
    """What is needed of a tracker; `TrackerService` is one."""

    def logged(self, limit: int) -> Sequence[Logged]:
        """Take up to `limit` requests, the oldest first; from any thread."""

    def logged_refusals(self, limit: int) -> Sequence[Logged]:
        """The same of those that were refused."""

    def counters(self) -> Mapping[str, int]:
        """Counters since the start, with `unlogged` and `unlogged_refusals`."""

    def is_key(self, secret: str) -> bool:
        """Whether this is a key that counts now."""


@dataclass(slots=True)
class _Log:
    """One log: its file, where its rows come from, and what it has told."""

    file: LogFile
    take: Callable[[int], Sequence[Logged]]
    line_of: LineOf
    counter: str
    told: int = 0


class RequestLogs:
    """Writes what was asked and what was refused, if the settings have it written.

    No more lines a second go into a log than the settings say, and nobody waits for a disk: what is
    too much is left out and counted, by the core before it costs anything.

    Args:
        settings: Which logs there are.
        tracker: Has been asked.
        note: Tells a person what is wrong.

    Raises:
        WriteError: A file cannot be opened.
    """

    def __init__(
        self, settings: TrackerSettings, tracker: LoggedTracker, note: Callable[[str], None]
    ) -> None:
        self._tracker = tracker
        self._note = note
        self._form: Format = settings.log_format
        self._has_keys = settings.key_list is not None
        self._rate_max = settings.log_lines_per_s
        self._lines_max = max(1, int(self._rate_max * PAUSE_S))
        self._sample = settings.access_log_sample
        self._access: _Log | None = None
        self._refusals: _Log | None = None
        self._asked = self._written = self._unwritten = 0
        if settings.access_log is not None:
            line_of = partial(access_line, form=self._form, has_keys=self._has_keys)
            file = LogFile(settings.access_log, self._missing)
            self._access = _Log(file, tracker.logged, line_of, "unlogged")
        if settings.refusal_log is not None:
            line_of = partial(refusal_line, form=self._form, has_keys=self._has_keys)
            file = LogFile(settings.refusal_log, self._missing)
            self._refusals = _Log(file, tracker.logged_refusals, line_of, "unlogged_refusals")
        self._logs = [log for log in (self._access, self._refusals) if log is not None]

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Have requests to the web side written too, where there is an access log."""
        return app if self._access is None else CountedAnswers(app, self._answered)

    async def run(self) -> None:
        """Write a few times a second, until cancelled."""
        while self._logs:
            await asyncio.sleep(PAUSE_S)
            await asyncio.to_thread(self._write, self._lines_max)
            self._written = 0
        await asyncio.Event().wait()

    def reopen(self) -> None:
        """Open the files anew, after they were moved away."""
        for log in self._logs:
            try:
                log.file.reopen()
            except WriteError as error:
                self._note(f"{error.message}; writing on to the file that was open")

    def close(self) -> None:
        """Write what is left, and close."""
        # What waits is a second of lines at most.
        self._write(self._rate_max)
        for log in self._logs:
            log.file.close()

    def _write(self, lines_max: int) -> None:
        counters = self._tracker.counters()
        for log in self._logs:
            left = lines_max
            while left > 0 and (rows := log.take(min(left, BATCH_MAX))):
                left -= len(rows)
                log.file.lines([log.line_of(row) for row in rows])
            lost = counters.get(log.counter, 0)
            if log is self._access:
                lost += self._unwritten
            if lost > log.told:
                line = missing_line(lost - log.told, TOO_FAST, self._form, time.time())
                log.file.lines([line])
                log.told = lost

    def _answered(self, scope: Scope, status: int, length: int, took_s: float) -> None:
        self._asked += 1
        if self._access is None or (self._asked - 1) % self._sample:
            return
        if self._written >= self._lines_max:
            self._unwritten += 1
            return
        self._written += 1
        request = self._request(scope, status, length, took_s)
        self._access.file.lines([web_line(request, self._form)])

    def _request(self, scope: Scope, status: int, length: int, took_s: float) -> WebRequest:
        fields = dict(scope.get("headers") or ())
        path = self._shown(_text(scope.get("raw_path") or b"/"))
        query = _text(scope.get("query_string"))
        target = f"{path}?{query}" if query else path
        client = scope.get("client")
        return WebRequest(
            time.time(),
            str(client[0]) if client else "-",
            f"{scope['method']} {target} HTTP/{scope['http_version']}",
            status,
            length,
            took_s,
            _text(fields.get(b"referer")),
            _text(fields.get(b"user-agent")),
        )

    def _shown(self, path: str) -> str:
        """A path without the key that it may begin with."""
        first, slash, rest = path.removeprefix("/").partition("/")
        if self._has_keys and self._tracker.is_key(first):
            return f"/{hidden(first)}{slash}{rest}"
        return path

    def _missing(self, count: int, why: str) -> str:
        return missing_line(count, why, self._form, time.time()) + "\n"


def _text(raw: bytes | None) -> str:
    return printable((raw or b"").decode("utf-8", "surrogateescape"))
