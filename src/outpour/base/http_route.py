"""By which way HTTP is spoken: through which proxy, trusting whom, with which headers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from outpour.base.errors import UsageError

UNTRUSTED = "its certificate is not trusted"
"""How the reason begins where nobody who is trusted has signed it."""
SCHEMES = {"http": 8080, "socks5": 1080, "socks5h": 1080}
"""What proxies speak, and their usual ports."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A server that connects in our place.

    Attributes:
        scheme: `http` or `socks5`; both look names up themselves.
        host: Its name or address.
        port: Its port.
        user: What it wants to hear, empty for nothing.
        password: That goes with it.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def login(self) -> str | None:
        """What `Proxy-Authorization` says (RFC 9110, section 11.7), None where it wants nothing."""
        if not self.user:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """Read `http://[USER:PASSWORD@]HOST[:PORT]` or the same with `socks5`.

        Raises:
            UsageError: It is something else.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        scheme = parts.scheme.lower()
        if scheme not in SCHEMES or not parts.hostname or parts.path.strip("/") or parts.query:
            raise UsageError(
                f"`{text}`: not a proxy",
                hint="write `http://HOST:PORT` or `socks5://HOST:PORT`, with `USER:PASSWORD@`"
                " before the host if it asks for them",
            )
        return cls(
            "http" if scheme == "http" else "socks5",
            parts.hostname,
            port or SCHEMES[scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


@dataclass(frozen=True, slots=True)
class Route:
    """A way to servers.

    Attributes:
        proxy: Through which to go; None for the one that the environment names, if any.
        ca_file: Certificates to trust in place of the system's.
        headers: (name, value) to send besides; not to other hosts that a server redirects to.
        interface: Name of the network interface to go through, None for any.
        sources: IP addresses of this machine that connections begin at, the first of the family
            that fits; servers of another family are not reached. Empty for what the system chooses.
        may_reach: Says by its IP address whether a server may be connected to, whatever its name
            and whoever redirected there; None lets all. With it no proxy of the environment is
            used, as that would connect in our place.
        ca_flag: How a person names `ca_file`, for hints; empty where the environment is the only
            way.
    """

    proxy: Proxy | None = None
    ca_file: Path | None = None
    headers: tuple[tuple[str, str], ...] = ()
    interface: str | None = None
    sources: tuple[str, ...] = ()
    may_reach: Callable[[str], bool] | None = None
    ca_flag: str = ""

    @property
    def trust_hint(self) -> str:
        """What to do about a certificate that nobody who is trusted has signed."""
        way = f"with `{self.ca_flag} FILE`" if self.ca_flag else "as SSL_CERT_FILE"
        where = "" if self.ca_flag else " in the environment"
        return f"to trust it, name it or the certificate that signed it {way}{where}"

    def to(self, place: str, named: str) -> Route:
        """The same way to a place that a server named: its headers are for that server alone.

        Args:
            place: An absolute URL.
            named: One of the server that the headers are for.
        """
        if not self.headers or is_same_server(place, named):
            return self
        return replace(self, headers=())


def is_same_server(place: str, other: str) -> bool:
    """Whether two places can be asked for over one connection."""
    one, another = urlsplit(place), urlsplit(other)
    return (one.scheme, one.netloc.lower()) == (another.scheme, another.netloc.lower())


DIRECT = Route()
