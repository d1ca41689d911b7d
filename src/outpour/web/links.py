"""Names and infohashes into URLs: paths for pages, absolute ones for feed, API and metainfo."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from starlette.types import Scope

from outpour.base.host_port import format_host, format_host_port
from outpour.tracker.figures import TorrentRow
from outpour.web.access import KEY
from outpour.web.contract import WebOptions
from outpour.web.keyed_urls import KeyedUrls

_HOST = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z"
)


@dataclass(frozen=True, slots=True)
class Links:
    """The URLs of one request.

    Attributes:
        origin: Scheme, host and port of absolute URLs.
        base: Path before all others, empty or such as `/files`.
        key: The visitor's key, which stands behind `base` in every link; None of most.
    """

    origin: str
    base: str = ""
    key: str | None = None

    @property
    def prefix(self) -> str:
        """What stands before the path of every link."""
        return self.base if self.key is None else f"{self.base}/{self.key}"

    @classmethod
    def of(cls, scope: Scope, options: WebOptions) -> Links:
        """Take the links of the public URL, else of the request.

        A `Host` that is more than a name or address with a port is not repeated into anything:
        the address of the socket stands in for it.
        """
        key = scope.get(KEY)
        if options.public_url:
            url = options.public_url.partition("?")[0].partition("#")[0].rstrip("/")
            return cls(url[: len(url) - len(options.prefix)], options.prefix, key)
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and _HOST.match(hosts[0]):
            return cls(f"{scope.get('scheme', 'http')}://{hosts[0].decode('ascii')}", "", key)
        address, port = scope.get("server") or ("127.0.0.1", None)
        host = format_host_port(address, port) if port else format_host(address)
        return cls(f"{scope.get('scheme', 'http')}://{host}", "", key)

    def absolute(self, path: str) -> str:
        """Put the origin before a path made by this class."""
        return self.origin + path

    def at(self, path: str, **query: str | int) -> str:
        """A path below the prefix, with the parameters that are not empty."""
        given = {name: value for name, value in query.items() if value != ""}
        return self.prefix + path + ("?" + urlencode(given) if given else "")

    def announces(self, udp_port: int | None) -> tuple[str, ...]:
        """The announce URLs of the tracker; over UDP none where a proxy stands between."""
        http = self.absolute(self.at("/announce"))
        parts = urlsplit(self.origin)
        if udp_port is None or self.prefix or parts.scheme != "http" or not parts.hostname:
            return (http,)
        return (http, f"udp://{format_host_port(parts.hostname, udp_port)}/announce")

    def keyed(self) -> KeyedUrls | None:
        """What puts the visitor's key into the URLs of torrents, None if there is none."""
        if self.key is None:
            return None
        hosts = {urlsplit(self.origin).hostname or ""}
        return KeyedUrls(self.key, self.absolute(self.at("/announce")), self.base, frozenset(hosts))

    def magnet(self, row: TorrentRow) -> str | None:
        """The magnet link of a torrent, with the visitor's key."""
        keyed = self.keyed()
        if row.magnet is not None and keyed is None and row.version is None:
            # Its .torrent is at another node of the cluster, and its trackers with it.
            return f"{row.magnet}&tr={quote(self.absolute(self.at('/announce')), safe='')}"
        if row.magnet is None or keyed is None:
            return row.magnet
        return keyed.magnet(row.magnet, is_private=row.private)

    def torrent(self, infohash: bytes) -> str:
        """The page of a torrent."""
        return f"{self.prefix}/torrent/{infohash.hex()}"

    def metainfo(self, file_name: str) -> str:
        """The .torrent by its file name."""
        return f"{self.prefix}/torrents/{_quoted(file_name)}"

    def latest(self, group: str | None, glob: str) -> str:
        """What leads to the newest content whose name fits."""
        parts = [*(group.split("/") if group else ()), glob]
        return "/".join([self.prefix, "latest", *(quote(_bytes(part), safe="*") for part in parts)])

    def content(self, path: Iterable[str], *, is_folder: bool = False) -> str:
        """A file or folder of the web seed, by the torrent's name and the path inside it."""
        parts = [self.prefix, "content", *map(_quoted, path)]
        return "/".join(parts) + ("/" if is_folder else "")


def _quoted(name: str) -> str:
    # Names from metainfo carry bytes that are no UTF-8 as surrogates; any other is not sent.
    return quote(_bytes(name), safe="")


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
