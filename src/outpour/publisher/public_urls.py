"""The addresses that go into torrents, from where the publisher listens."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from outpour.base.errors import UsageError
from outpour.base.host_port import format_host_port

# RFC 5737 sets this network aside for documentation: nothing is ever sent there.
_ELSEWHERE = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True)
class PublicUrls:
    """Every address of one publication, as the public reaches it.

    Attributes:
        base: Address of the page, without a slash at the end.
        udp: Announce URL over UDP (BEP 15), None behind an HTTPS proxy or a path.
    """

    base: str
    udp: str | None

    @property
    def page(self) -> str:
        """The address of the page."""
        return f"{self.base}/"

    @property
    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """Announce URLs in tiers of their own (BEP 12): clients try HTTP first, then UDP."""
        http = (f"{self.base}/announce",)
        return (http,) if self.udp is None else (http, (self.udp,))

    def web_seeds(self, name: str, paths: Sequence[tuple[str, ...]] | None) -> tuple[str, ...]:
        """Build the web-seed URLs of a torrent (BEP 19).

        A folder's URL ends in a slash, so that clients append the torrent's name and the path.

        Args:
            name: The torrent's name.
            paths: The files of a folder, None of a torrent that is a single file.
        """
        whole = f"{self.base}/content/"
        if paths is None:
            return (whole + _quoted(name),)
        return (whole,)


def public_urls(given: str | None, host: str, port: int) -> PublicUrls:
    """Derive the public addresses from `--url`, or else from where the publisher listens.

    Raises:
        UsageError: `given` is not an HTTP address without query.
    """
    if given is None:
        netloc = format_host_port(reachable_host(host), port)
        return PublicUrls(f"http://{netloc}", f"udp://{netloc}/announce")
    parts = urlsplit(given)
    try:
        given_port = parts.port
    except ValueError:
        given_port = -1
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or given_port == -1
    ):
        raise UsageError(
            f"`{given}`: not the address of a page",
            hint="write it as the public sees it, such as `http://downloads.example.org:6969`",
        )
    base = given.rstrip("/")
    plain = parts.scheme == "http" and parts.path in ("", "/")
    udp = (
        f"udp://{format_host_port(parts.hostname, given_port or port)}/announce" if plain else None
    )
    return PublicUrls(base, udp)


def reachable_host(host: str) -> str:
    """Name the address under which others reach a listener on `host`.

    A wildcard is replaced by the address this machine would send from; finding it sends nothing.
    """
    if host and not ipaddress.ip_address(host).is_unspecified:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _quoted(name: str) -> str:
    return quote(os.fsencode(name), safe="")
