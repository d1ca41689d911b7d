"""The URL of a Valkey or Redis server, read and written; of several, each a part of the load.

    redis://[USER:PASSWORD@]HOST[:PORT][/DB]
    rediss://...                                                    over TLS
    unix://[USER:PASSWORD@]/PATH[?db=DB]
    redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]]/SERVICE[/DB]
    rediss+sentinel://...

TLS takes `?ssl_ca_certs=FILE`, `ssl_certfile=FILE` and `ssl_keyfile=FILE`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from outpour.base.errors import SettingsError

PORT = 6379
SENTINEL_PORT = 26379
DB_MAX = 65_535
SENTINELS_MAX = 16
_FORM = re.compile(
    r"(?P<scheme>[a-z+]+)://(?:(?P<user>[^/@]*)@)?(?P<place>[^/?#]*)(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?\Z"
)
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:,\s]+)(?::(?P<port>[0-9]{1,5}))?\Z")
_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_HINT = (
    "`redis://HOST:PORT/DB`, `rediss://` over TLS, `unix:///PATH`, or "
    "`redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB`"
)


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Where a server is, and who asks; `str` of it tells no password.

    Attributes:
        scheme: One of `redis`, `rediss`, `unix`, `redis+sentinel` and `rediss+sentinel`.
        places: Host and port of the server, or of the sentinels that know it; empty for a socket.
        service: What the sentinels call the server; None without sentinels.
        path: Of a unix socket; None for all others.
        db: Number of the database.
        username: Of the ACL; None for the default user.
        password: None where none is asked for.
        files: Names of TLS files by redis-py's words for them.
    """

    scheme: str
    places: tuple[tuple[str, int], ...] = ()
    service: str | None = None
    path: str | None = None
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_tls(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme.startswith("rediss")

    @property
    def is_sentinel(self) -> bool:
        """Whether sentinels say where the server is."""
        return self.scheme.endswith("+sentinel")

    def __str__(self) -> str:
        where = ",".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.places
        )
        if self.path is not None:
            return f"unix://{self.path}" + (f"?db={self.db}" if self.db else "")
        name = f"/{self.service}" if self.service is not None else ""
        return f"{self.scheme}://{where}{name}/{self.db}"

    @classmethod
    def parse(cls, text: str) -> RedisUrl:
        """Read one.

        Raises:
            SettingsError: It is none; the message tells no password.
        """
        match = _FORM.match(text)
        if match is None or match["scheme"] not in _SCHEMES:
            raise SettingsError("not the URL of a Valkey or Redis server", hint=_HINT)
        scheme, path = match["scheme"], unquote(match["path"] or "")
        user, colon, password = (match["user"] or "").partition(":")
        try:
            query = dict(parse_qsl(match["query"] or "", strict_parsing=bool(match["query"])))
            db = _number(query.pop("db", "0"))
            places: tuple[tuple[str, int], ...] = ()
            service = None
            if scheme == "unix":
                if match["place"] or len(path) < 2:
                    raise ValueError("the socket is named by its whole path")
            else:
                places = _places(match["place"], SENTINEL_PORT if "sentinel" in scheme else PORT)
                parts = [part for part in path.split("/") if part]
                if scheme.endswith("+sentinel"):
                    if not parts:
                        raise ValueError("the sentinels have to be asked for a service by name")
                    service = parts.pop(0)
                elif len(places) > 1:
                    raise ValueError("one server has one host")
                db = _number(parts.pop(0)) if parts else db
                if parts:
                    raise ValueError("nothing stands behind the number of the database")
            if query.keys() - _FILES or (query and not scheme.startswith("rediss")):
                raise ValueError(f"`?{next(iter(query))}=` has no meaning here")
        except ValueError as error:
            raise SettingsError(f"not the URL of a server: {error}", hint=_HINT) from None
        return cls(
            scheme,
            places,
            service,
            path if scheme == "unix" else None,
            db,
            unquote(user) or None,
            unquote(password) if colon else None,
            query,
        )


def split_urls(text: str) -> tuple[str, ...]:
    """The URLs in a text that have commas or blanks between them; sentinels have commas too."""
    return tuple(part for part in re.split(r",\s*(?=[a-z+]+://)|\s+", text.strip()) if part)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > DB_MAX:
        raise ValueError("a database has a number")
    return int(text)


def _places(text: str, port: int) -> tuple[tuple[str, int], ...]:
    found = []
    for part in text.split(",")[: SENTINELS_MAX + 1]:
        match = _PLACE.match(part)
        number = int(match["port"] or port) if match else 0
        if match is None or not 0 < number < 65_536:
            raise ValueError("a host and a port are missing")
        found.append((match["host"].strip("[]"), number))
    if len(found) > SENTINELS_MAX:
        raise ValueError(f"over {SENTINELS_MAX} sentinels")
    return tuple(found)
