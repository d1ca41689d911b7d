"""Finds out what a URL is: the page of an outpour publisher, or a feed of another tool."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.http_fetch import fetch
from outpour.base.http_route import Route
from outpour.base.units import MIB
from outpour.client import Client, ProblemAnswered, is_feed
from outpour.mirror.feed_source import FeedSource
from outpour.mirror.listing_source import Complain, Source
from outpour.mirror.publisher_source import PublisherSource

FETCH_S = 30.0
BYTES_MAX = 64 * MIB
PAUSE_S, PAUSE_S_MAX = 1.0, 30.0
FEED_ENDINGS = (".xml", ".rss", ".atom", "feed.json")


def choose(
    url: str,
    route: Route,
    every_s: float,
    complain: Complain,
    ended: threading.Event,
    *,
    wait: Callable[[float], object] | None = None,
) -> Source | None:
    """Ask until it is known; this blocks. None when `ended` was set before.

    Args:
        url: What a person gave.
        route: By which way.
        every_s: Seconds between two looks at a feed.
        complain: Takes why it is not known yet.
        ended: Set to have it given up.
        wait: Waits so many seconds; by default for `ended`.

    Raises:
        NetworkError: It answers, and is neither.
    """
    pause_s = PAUSE_S
    while not ended.is_set():
        try:
            return _look(url, route, every_s)
        except _NeitherError as error:
            raise NetworkError(
                f"`{url}`: neither the page of an outpour publisher nor a feed",
                hint="name the page, such as `http://publisher.example:6969/`, or a feed in RSS, "
                "Atom or JSON whose items have .torrent files",
            ) from error
        except OutpourError as error:
            complain(error)
        (wait or ended.wait)(pause_s)
        pause_s = min(pause_s * 2, PAUSE_S_MAX)
    return None


def known_source(name: str | None, url: str, route: Route, every_s: float) -> Source | None:
    """What an earlier run found out, as `NAME URL`; None if it was of another URL."""
    if name == f"{PublisherSource.__name__} {url}":
        return PublisherSource(url, route)
    if name == f"{FeedSource.__name__} {url}":
        return FeedSource(url, route, every_s)
    return None


class _NeitherError(Exception):
    pass


def _look(url: str, route: Route, every_s: float) -> Source:
    is_feed_by_name = urlsplit(url).path.lower().endswith(FEED_ENDINGS)
    if not is_feed_by_name:
        try:
            Client(url, route=route, timeout_s=FETCH_S).page(limit=1, fields=("name",))
        except ProblemAnswered as error:
            # Not there, or not that: a page that needs a login is no feed either.
            if error.status not in (400, 404, 405, 406, 410):
                raise
        except OutpourError as error:
            if isinstance(error, NetworkError):
                raise
        else:
            return PublisherSource(url, route)
    answer = fetch(url, bytes_max=BYTES_MAX, timeout_s=FETCH_S, route=route)
    if is_feed(answer.body):
        return FeedSource(url, route, every_s)
    raise _NeitherError
