"""The text `HOST:PORT`: read for listeners and for peers, and written, IPv6 in brackets."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from outpour.base.errors import SettingsError, UsageError
from outpour.base.text import printable

PORT_MAX = 65535
PORT_DIGITS_MAX = 5
HINT = "write `HOST:PORT`, such as `127.0.0.1:6969`, `[::1]:6969`, or `:6969` for all interfaces"


@dataclass(frozen=True, slots=True)
class Address:
    """One listen address as it was written.

    Attributes:
        host: An IP address without brackets; empty for all interfaces of both families.
        port: 0 lets the system choose.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT`, `[IPV6]:PORT` or `:PORT`.

        Names are refused, because what they mean can change while the tracker runs; `localhost`
        alone is taken, as `127.0.0.1`.

        Raises:
            SettingsError: The text is none of these.

        Example:
            >>> Address.parse("[::1]:6969")
            Address(host='::1', port=6969)
        """
        host, port = split_host_port(text.strip())
        if port is None:
            raise SettingsError(f"`{text}`: not an address to listen at", hint=HINT)
        if port > PORT_MAX:
            raise SettingsError(f"`{text}`: port {port} is above {PORT_MAX}", hint=HINT)
        if host is None:
            raise SettingsError(f"`{text}`: an IPv6 address needs brackets", hint=HINT)
        if text.strip().startswith("[") and ":" not in host:
            raise SettingsError(f"`{text}`: brackets are for IPv6 addresses", hint=HINT)
        if host in ("*", "localhost"):
            host = {"*": "", "localhost": "127.0.0.1"}[host]
        if host:
            try:
                host = str(ipaddress.ip_address(host))
            except ValueError:
                raise SettingsError(f"`{text}`: `{host}` is not an IP address", hint=HINT) from None
        return cls(host, port)

    @property
    def sockets(self) -> tuple[tuple[str, int], ...]:
        """The host and port of each socket: both families for an empty host."""
        if self.host:
            return ((self.host, self.port),)
        return (("0.0.0.0", self.port), ("::", self.port))  # noqa: S104  asked for by `:PORT`

    def __str__(self) -> str:
        return format_host_port(self.host, self.port)


def read_host_port(text: str, what: str = "the address of a peer") -> tuple[str, int]:
    """Read where something else listens, by name or by address.

    Args:
        text: `HOST:PORT` or `[IPV6]:PORT`.
        what: What it should be, for the fault.

    Raises:
        UsageError: The text is neither, or the port is 0.

    Example:
        >>> read_host_port("router.example.org:6881"), read_host_port("[::1]:6881")
        (('router.example.org', 6881), ('::1', 6881))
    """
    host, port = split_host_port(text)
    if not host or not port or port > PORT_MAX or any(c.isspace() or c in "/[]" for c in host):
        raise UsageError(
            f"`{printable(text)}`: not {what}",
            hint="write `HOST:PORT`, or `[ADDRESS]:PORT`",
        )
    return host, port


def format_host(host: str) -> str:
    """Write a host as URLs have it: an IPv6 address in brackets, all else as it is."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def format_host_port(host: str, port: int) -> str:
    """Write a host and a port, IPv6 in brackets.

    Example:
        >>> format_host_port("::1", 6969)
        '[::1]:6969'
    """
    return f"{format_host(host)}:{port}"


def split_host_port(text: str) -> tuple[str | None, int | None]:
    """Take `HOST:PORT` apart; None for what is not there or not to be told apart."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= PORT_DIGITS_MAX):
        return None, None
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    return (None if ":" in host else host), int(port)
