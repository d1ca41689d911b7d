"""The lines of bttrack's log that come from the core: announces, scrapes and NAT checks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from outpour.base.host_port import format_host_port
from outpour.cli.classic.tracker_log import WHEN, Log, line_of, text_of

if TYPE_CHECKING:
    from outpour._core import Logged

PAUSE_S = 0.25
BATCH_MAX = 4096
WAITING_MAX = 65_536
"""Requests that wait to be written; a flood above it is counted and not written one by one."""


class AnnounceLog:
    """Writes what the core answered.

    Args:
        log: Where to.
        take: Takes up to so many requests, the oldest first.
        unlogged: How many were answered that found no place to wait.
        with_nat_checks: Write the results of NAT checks too.
    """

    def __init__(
        self,
        log: Log,
        take: Callable[[int], Sequence[Logged]],
        unlogged: Callable[[], int],
        *,
        with_nat_checks: bool,
    ) -> None:
        self._log = log
        self._take = take
        self._unlogged = unlogged
        self._with_nat_checks = with_nat_checks
        self._told = 0

    async def run(self) -> None:
        """Write a few times a second, until cancelled; the disk keeps nobody waiting."""
        while True:
            await asyncio.sleep(PAUSE_S)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Write all that waits."""
        while rows := self._take(BATCH_MAX):
            lines = [
                line_of_core(row) for row in rows if row.reached is None or self._with_nat_checks
            ]
            if lines:
                self._log.line(*lines)
        missing = self._unlogged()
        if missing > self._told:
            self._log.line(f"# {missing - self._told} requests came too fast to be written here")
            self._told = missing


def line_of_core(row: Logged) -> str:
    """Write what the core tells of one request, or of one NAT check."""
    at = time.localtime(row.at_s)
    if row.reached is not None:
        status = 200 if row.reached else 503
        where = format_host_port(row.host, row.port or 0)
        peer_id = quote(row.peer_id or b"", safe="")
        return (
            f'{row.host} - {peer_id} [{time.strftime(WHEN, at)}] "!natcheck-{where}" {status} 0 - -'
        )
    request = _udp_request(row) if row.request is None else text_of(row.request)
    return line_of(
        row.host,
        at,
        request,
        200,
        row.answer_bytes or 0,
        text_of(row.referer) or "-",
        text_of(row.user_agent) or "-",
    )


def _udp_request(row: Logged) -> str:
    """A request over UDP in the words of one over HTTP; the old trackers knew none."""
    if row.infohash is None:
        return f"GET /{row.asked} UDP"
    parameters = {
        "info_hash": quote(row.infohash or b"", safe=""),
        "peer_id": quote(row.peer_id or b"", safe=""),
        "port": row.port,
        "left": row.left,
        "event": row.event,
    }
    query = "&".join(f"{name}={value}" for name, value in parameters.items() if value != "")
    return f"GET /announce?{query} UDP"
