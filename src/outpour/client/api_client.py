"""Asks the API of a tracker: bounded in size and time, with one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin

from outpour.base.errors import FormatError, NetworkError, UsageError
from outpour.base.http_fetch import BYTES_MAX, Fetched, fetch, lines_of
from outpour.base.http_route import DIRECT, Route
from outpour.base.units import MIB, format_size
from outpour.base.web_url import check_web_url
from outpour.client.answers import (
    ListedSidecar,
    ListedTorrent,
    Numbers,
    Stats,
    TorrentPage,
    numbers_of,
    object_of,
    page_of,
    shown,
    sidecars_of,
    stats_of,
)
from outpour.client.problem_answer import ProblemAnswered
from outpour.torrent.metainfo import Metainfo

T = TypeVar("T")

ROOT = "api/v1/"
PAGES_MAX = 10_000
SILENCE_S = 45.0
"""Of an event stream; a server breaks it with a comment each 15 seconds."""
EVENT_BYTES_MAX = 4 * MIB
"""Of an event, and of a line of it."""
LIST_BYTES_MAX = 16 * MIB
"""Of a part of at most a thousand: objects take twenty times the room of their letters."""
LIST_ROWS_MAX = 1000


class Client:
    """The API of one tracker or publisher.

    Args:
        url: Of its page, such as `http://publisher:6969/`.
        token: The administrator's, for what changes something.
        timeout_s: For each answer together.
        route: By which way to ask.

    Example:
        >>> client = Client("http://127.0.0.1:6969/")
        >>> [torrent.name for torrent in client.torrents()]  # doctest: +SKIP
        ['game-1.0.iso']
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = 30.0,
        route: Route = DIRECT,
    ) -> None:
        self._base = url.partition("?")[0].partition("#")[0].rstrip("/") + "/"
        self._timeout_s = timeout_s
        self._route = route
        if token is not None:
            bearer = ("Authorization", f"Bearer {token}")
            self._route = replace(route, headers=(*route.headers, bearer))

    def torrents(self, query: str = "", *, sort: str = "name") -> Iterator[ListedTorrent]:
        """All torrents, or those with a text in their name, part by part as they are asked for.

        Raises:
            NetworkError: The server does not answer, or goes on without end.
            FormatError: It answers with something else.
        """
        page = self.page(query, sort=sort)
        seen: set[str] = set()
        while page is not None:
            yield from page.torrents
            if page.next is None:
                return
            if page.next in seen or len(seen) == PAGES_MAX:
                raise NetworkError(f"`{self._base}`: the list of torrents has no end")
            seen.add(page.next)
            page = self._page(self._place(page.next))

    def page(
        self,
        query: str = "",
        *,
        sort: str = "name",
        limit: int | None = None,
        fields: Iterable[str] = (),
        held: str | None = None,
    ) -> TorrentPage | None:
        """The first part of the torrents.

        Args:
            query: Only torrents with this in their name or infohash.
            sort: Field to sort by.
            limit: How many in a part.
            fields: Only these members, and the infohash.
            held: `tag` of the part that is held; None comes back if there is no other.
        """
        names = ",".join(dict.fromkeys(("infohash", *fields)))
        given = {"q": query, "sort": sort, "limit": limit, "fields": names if fields else None}
        asked = urlencode({name: value for name, value in given.items() if value})
        return self._page(self._at(f"torrents?{asked}"), held, rows=limit)

    def walk(self, *, limit: int = 1000, fields: Iterable[str] = ()) -> Iterator[TorrentPage]:
        """All torrents in parts, each at the same cost however many there are, in any order.

        Raises:
            NetworkError: The server does not answer, or goes on without end.
            FormatError: It answers with something else.
        """
        asked = {"cursor": "", "limit": str(limit)}
        if fields:
            asked["fields"] = ",".join(dict.fromkeys(("infohash", *fields)))
        url: str | None = self._at(f"torrents?{urlencode(asked)}")
        seen: set[str] = set()
        while url is not None:
            if url in seen or len(seen) == PAGES_MAX:
                raise NetworkError(f"`{self._base}`: the list of torrents has no end")
            seen.add(url)
            page = self._page(url, rows=limit)
            assert page is not None
            yield page
            url = None if page.next is None else self._place(page.next)

    def torrent(self, infohash: str, *, fields: Iterable[str] = ()) -> ListedTorrent:
        """One torrent with its files, or only these members of it and the infohash."""
        names = ",".join(dict.fromkeys(("infohash", *fields)))
        asked = f"?{urlencode({'fields': names})}" if fields else ""
        url = self._at(f"torrents/{quote(infohash)}{asked}")
        return self._read(url, self._ask(url).body, ListedTorrent.of)

    def sidecars(self, held: str | None = None) -> tuple[list[ListedSidecar], str | None] | None:
        """The files beside content, and what this state of the list is called.

        Args:
            held: What the state was called that is held; None comes back if there is no other.
        """
        url = self._at("sidecars")
        headers = {} if held is None else {"If-None-Match": held}
        answer = self._ask(url, headers=headers, bytes_max=LIST_BYTES_MAX)
        if answer.status == 304:
            return None
        return self._read(url, answer.body, sidecars_of), answer.headers.get("etag")

    def stats(self) -> Stats:
        """Sums and counters."""
        url = self._at("stats")
        return self._read(url, self._ask(url).body, stats_of)

    def metainfo(self, torrent: ListedTorrent) -> Metainfo:
        """Fetch the .torrent of a torrent.

        Raises:
            NetworkError: It is not offered, or another one is.
        """
        if torrent.torrent_url is None:
            raise NetworkError(f"`{torrent.name or torrent.infohash}`: its .torrent is not offered")
        url = self._place(torrent.torrent_url)
        route = self._route.to(url, self._base)
        answer = fetch(url, timeout_s=self._timeout_s, route=route)
        metainfo = Metainfo.parse(answer.body, origin=f"`{url}`")
        if metainfo.info.infohash_hex != torrent.infohash:
            raise NetworkError(f"`{url}`: not the torrent that the page lists")
        return metainfo

    def follow(self, infohashes: Iterable[str] = ()) -> Iterator[Numbers]:
        """Numbers as they change, until the server ends; of all torrents unless some are named.

        Raises:
            NetworkError: The server does not answer, or is silent for too long.
        """
        asked = urlencode([("infohash", infohash) for infohash in infohashes])
        url = self._at("events" + (f"?{asked}" if asked else ""))
        event, data = "", ""
        for line in lines_of(url, SILENCE_S, EVENT_BYTES_MAX, route=self._route):
            name, _, value = line.partition(":")
            if name == "event":
                event = value.strip()
            elif name == "data":
                data += value.strip()
                if len(data) > EVENT_BYTES_MAX:
                    most = format_size(EVENT_BYTES_MAX)
                    raise NetworkError(f"`{url}`: an event is longer than {most}")
            elif not line and data:
                yield self._read(url, data, lambda found: numbers_of(event, found))  # noqa: B023
                event, data = "", ""

    def add(self, metainfo: bytes) -> ListedTorrent:
        """Track a .torrent file."""
        url = self._at("torrents")
        headers = {"Content-Type": "application/x-bittorrent"}
        return self._read(url, self._ask(url, "POST", metainfo, headers).body, ListedTorrent.of)

    def withdraw(self, infohash: str) -> None:
        """No longer track or publish a torrent."""
        self.change("DELETE", f"torrents/{quote(infohash)}")

    def allow(self, infohash: str, note: str = "") -> None:
        """Track an infohash."""
        self.change("PUT", f"allowed/{quote(infohash)}", {"note": note})

    def deny(self, infohash: str, note: str = "") -> None:
        """Never track an infohash."""
        self.change("PUT", f"denied/{quote(infohash)}", {"note": note})

    def ban(self, network: str, note: str = "") -> None:
        """Turn an address or a network away."""
        self.change("PUT", f"banned-addresses/{quote(network)}", {"note": note})

    def change(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Do anything else that an administrator may, by the path below `/api/v1/`.

        Raises:
            ProblemAnswered: It is not allowed, or cannot be done.
        """
        url = self._at(path)
        raw = None if body is None else json.dumps(body).encode()
        headers = {} if raw is None else {"Content-Type": "application/json"}
        return self._read(url, self._ask(url, method, raw, headers).body, lambda found: found)

    def _at(self, path: str) -> str:
        return f"{self._base}{ROOT}{path}"

    def _place(self, named: str) -> str:
        """Where something is that an answer names.

        Raises:
            FormatError: It names no place.
        """
        try:
            place = urljoin(self._base, named)
            check_web_url(place)
        except (ValueError, UsageError):
            raise FormatError(f"`{self._base}`: names what is no URL: {shown(named)}") from None
        return place

    def _page(
        self, url: str, held: str | None = None, *, rows: int | None = None
    ) -> TorrentPage | None:
        headers = {} if held is None else {"If-None-Match": held}
        is_small = rows is not None and rows <= LIST_ROWS_MAX
        bytes_max = LIST_BYTES_MAX if is_small else BYTES_MAX
        answer = self._ask(url, headers=headers, bytes_max=bytes_max)
        if answer.status == 304:
            return None
        tag = answer.headers.get("etag")
        return self._read(url, answer.body, lambda found: page_of(found, tag))

    def _ask(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        bytes_max: int = BYTES_MAX,
    ) -> Fetched:
        # A list may name another server as that of its next part.
        route = self._route.to(url, self._base)
        answer = fetch(
            url,
            bytes_max=bytes_max,
            timeout_s=self._timeout_s,
            accept="application/json",
            any_status=True,
            route=replace(route, headers=(*route.headers, *(headers or {}).items())),
            method=method,
            body=body,
        )
        if answer.status >= 400:
            raise ProblemAnswered(url, answer.status, answer.body)
        if answer.status == 304 and "If-None-Match" not in (headers or {}):
            raise NetworkError(f"`{url}`: HTTP 304, though it was not asked what had changed")
        return answer

    @staticmethod
    def _read(url: str, raw: bytes | str, read: Callable[[dict[str, Any]], T]) -> T:
        try:
            return read(object_of(raw))
        except FormatError as error:
            raise FormatError(f"`{url}`: {error.message}") from None
