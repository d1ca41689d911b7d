"""Turn the text of a listen address into the sockets it stands for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from outpour.base.errors import SettingsError

PORT_MAX = 65535
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
        host, colon, port = text.strip().rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()):
            raise SettingsError(f"`{text}`: not an address to listen at", hint=HINT)
        if int(port) > PORT_MAX:
            raise SettingsError(f"`{text}`: port {port} is above {PORT_MAX}", hint=HINT)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
            if ":" not in host:
                raise SettingsError(f"`{text}`: brackets are for IPv6 addresses", hint=HINT)
        elif ":" in host:
            raise SettingsError(f"`{text}`: an IPv6 address needs brackets", hint=HINT)
        if host in ("*", "localhost"):
            host = {"*": "", "localhost": "127.0.0.1"}[host]
        if host:
            try:
                host = str(ipaddress.ip_address(host))
            except ValueError:
                raise SettingsError(f"`{text}`: `{host}` is not an IP address", hint=HINT) from None
        return cls(host, int(port))

    @property
    def sockets(self) -> tuple[tuple[str, int], ...]:
        """The host and port of each socket: both families for an empty host."""
        if self.host:
            return ((self.host, self.port),)
        return (("0.0.0.0", self.port), ("::", self.port))  # noqa: S104  asked for by `:PORT`

    def __str__(self) -> str:
        return format_address(self.host, self.port)


def format_address(host: str, port: int) -> str:
    """Write a host and a port, IPv6 in brackets.

    Example:
        >>> format_address("::1", 6969)
        '[::1]:6969'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
