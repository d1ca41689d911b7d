"""A proxy that passes on requests and is not named is told."""

from __future__ import annotations

import asyncio
import http.client

import pytest

from outpour.base.event import Event
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.tracker_events import ProxyNotTrusted
from tests.waiting import until


def service(**given):
    events: list[Event] = []
    settings = TrackerSettings(listen=("127.0.0.1:0",), workers=2, open=True, **given)
    return TrackerService(settings, on_event=events.append), events


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
    connection = http.client.HTTPConnection(address[0], address[1], timeout=60)
    try:
        connection.request("GET", "/scrape?info_hash=" + "a" * 20, headers={"Forwarded": "for=x"})
        assert connection.getresponse().status == 200
    finally:
        connection.close()
