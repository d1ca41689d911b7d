"""A part of the tracker that ends unasked ends all of it, and a strange proxy is told."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from outpour.base.errors import OutpourError
from outpour.base.event import Event
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.tracker_events import ProxyNotTrusted
from tests.waiting import until


def service(**given):
    events: list[Event] = []
    settings = TrackerSettings(listen=("127.0.0.1:0",), workers=2, open=True, **given)
    return TrackerService(settings, on_event=events.append), events


def pollers():
    """The descriptors of this process that something waits at."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(entry.readlink()) == "anon_inode:[eventpoll]":
                found.add(int(entry.name))
    return found


def has_ended(task, address):
    """Whether it has; a thread that waits is woken up to notice."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"?", address)
    return task.done()


def test_a_thread_of_the_core_that_ends_ends_the_tracker_with_a_line():
    async def main():
        tracker, _ = service()
        before = pollers()
        tracker.start()
        try:
            own = sorted(pollers() - before)
            assert len(own) == 2
            # What the thread waits at is gone under it.
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, own[1])
            os.close(nothing)
            task = asyncio.create_task(tracker.run())
            await until(lambda: has_ended(task, tracker.udp_addresses[0]))
            with pytest.raises(OutpourError, match=r"the thread `outpour-.` ended.*a bug") as told:
                task.result()
            assert told.value.exit_code == 1
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(tracker.http_addresses[0], timeout=5)
        finally:
            tracker.stop()

    asyncio.run(main())


@pytest.mark.parametrize(("trusted", "told"), [((), 1), (("127.0.0.1/32",), 0)])
def test_a_proxy_that_is_not_named_is_told_once(trusted, told):
    async def main():
        tracker, events = service(trusted_proxies=trusted)
        tracker.start()
        task = asyncio.create_task(tracker.run())
        try:
            for _ in range(3):
                await asyncio.to_thread(forward, tracker.http_addresses[0])
            turns: list[None] = []
            tracker._admission.apply = lambda *_: turns.append(None)
            await until(lambda: len(turns) > 2, what="turns")
            assert [event for event in events if isinstance(event, ProxyNotTrusted)] == [
                ProxyNotTrusted("127.0.0.1")
            ] * told
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            tracker.stop()

    asyncio.run(main())


def forward(address):
    connection = http.client.HTTPConnection(address[0], address[1], timeout=5)
    try:
        connection.request("GET", "/scrape?info_hash=" + "a" * 20, headers={"Forwarded": "for=x"})
        assert connection.getresponse().status == 200
    finally:
        connection.close()
