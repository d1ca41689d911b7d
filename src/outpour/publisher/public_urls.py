"""The addresses that go into torrents, from where the publisher listens."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from outpour.base.errors import UsageError
from outpour.base.host_port import format_host_port
from outpour.base.web_url import check_no_login, check_place
from outpour.publisher.own_addresses import is_local, reachable_hosts


@dataclass(frozen=True, slots=True)
class PublicUrls:
    """Every address of one publication, as the public reaches it.

    Attributes:
        base: Address of the page, without a slash at the end.
        udp: Announce URL over UDP (BEP 15), None behind an HTTPS proxy or a path.
        doubt: Who will not reach them, as far as is known; None if nobody is known.
    """

    base: str
    udp: str | None
    doubt: str | None = None

    @property
    def page(self) -> str:
        """The address of the page."""
        return f"{self.base}/"

    @property
    def content(self) -> str:
        """The address of the content."""
        return f"{self.base}/content/"

    @property
    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """Announce URLs in tiers of their own (BEP 12): clients try HTTP first, then UDP."""
        http = (f"{self.base}/announce",)
        return (http,) if self.udp is None else (http, (self.udp,))

    def web_seeds(self, name: str, paths: Sequence[tuple[str, ...]] | None) -> tuple[str, ...]:
        """Build the web-seed URLs of a torrent (BEP 19).

        A folder's URL ends in a slash, so that clients append the torrent's name and the path.
        One that holds exactly one file is a single file to some clients, which ask for the URL as
        it stands: for them the file's own URL is the second.

        Args:
            name: The torrent's name.
            paths: The files of a folder, None of a torrent that is a single file.
        """
        whole = self.content
        if paths is None:
            return (whole + _quoted(name),)
        if len(paths) == 1:
            return (whole, whole + "/".join(map(_quoted, (name, *paths[0]))))
        return (whole,)


def public_urls(
    given: str | None, listening: Sequence[str], port: int, *, has_udp: bool
) -> PublicUrls:
    """Derive the public addresses from `--url`, or else from where the publisher listens.

    Args:
        given: `--url`.
        listening: IP addresses of the listeners.
        port: Of all of them.
        has_udp: The tracker answers over UDP too.

    Raises:
        UsageError: `given` is not an HTTP address without query and login.
    """
    if given is None:
        host = reachable_hosts(listening)[0]
        netloc = format_host_port(host, port)
        udp = f"udp://{netloc}/announce" if has_udp else None
        return PublicUrls(f"http://{netloc}", udp, _doubt(host, listening))
    if not _is_page(given):
        raise UsageError(
            f"`{given}`: not the address of a page",
            hint="write it as the public sees it, such as `http://downloads.example.org:6969`",
        )
    check_no_login(given)
    parts = urlsplit(given)
    assert parts.hostname is not None
    base = given.rstrip("/")
    plain = parts.scheme == "http" and parts.path in ("", "/")
    # A proxy at another port passes no packets on. Some clients ask over UDP first, and wait long
    # where nobody is: what is named is the port that answers.
    udp = f"udp://{format_host_port(parts.hostname, port)}/announce"
    return PublicUrls(base, udp if plain and has_udp else None)


def _is_page(given: str) -> bool:
    """Whether this may be the address of a page: HTTP, without a query."""
    try:
        check_place(given)
    except UsageError:
        return False
    parts = urlsplit(given)
    is_plain = given.isprintable() and " " not in given
    return is_plain and parts.scheme in ("http", "https") and not (parts.query or parts.fragment)


def local_page(host: str, port: int) -> str:
    """The address of a page on this machine, by where it listens."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{format_host_port(here, port)}/"


def _doubt(host: str, listening: Sequence[str]) -> str | None:
    """Say who will not reach an address that was derived."""
    if not is_local(host):
        if ipaddress.ip_address(host).is_global:
            return None
        return (
            f"the torrents name `{host}`, which only its own network reaches; give the public "
            "address with `--url`"
        )
    if all(is_local(one) for one in listening):
        return (
            f"the torrents name `{host}`, which only this machine reaches; `--listen :PORT` "
            "listens to others too"
        )
    return (
        f"the torrents name `{host}`, as this machine has no other address: nobody else reaches "
        "it; give the public address with `--url`"
    )


def _quoted(name: str) -> str:
    return quote(os.fsencode(name), safe="")
