"""Reads lists of what lies on HTTP servers: URLs, or names with the checksums of `sha256sum`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from outpour.base.errors import FormatError, UsageError
from outpour.base.text import from_bytes, printable, typed
from outpour.base.units import MIB
from outpour.base.web_url import check_web_url
from outpour.torrent.paths import component_fault

BYTES_MAX = 64 * MIB
"""Of a list: half a million names with their checksums."""
_GNU = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)\Z")
_BSD = re.compile(r"(\\?)SHA256 \((.+)\) = ([0-9a-fA-F]{64})\Z")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that a list names.

    Attributes:
        url: Where it is.
        path: What it is called, below the base of the list; one component for a URL by itself.
        sha256: What its bytes have to give, 32 bytes; None where the list does not say.
    """

    url: str
    path: tuple[str, ...]
    sha256: bytes | None = None


def listed_url(url: str, base: str | None = None) -> Listed:
    """Name what lies behind a URL.

    Args:
        url: Absolute.
        base: A URL above it, from which its path counts; None for its last component alone.

    Raises:
        UsageError: It cannot be asked for over HTTP, is not below the base, or ends in nothing that
            can be a name.
    """
    check_web_url(url)
    # It is the reader's, and no server is asked for it (RFC 9110, 4.2.5).
    url = urldefrag(url).url
    whole = urlsplit(url).path
    if base is None:
        parts = [whole.rpartition("/")[2]]
    else:
        top = folder_url(base)
        if not url.startswith(top):
            raise UsageError(
                f"`{printable(url)}`: not below `{printable(top)}`",
                hint="name a base that all of them are below, or make a torrent of each",
            )
        parts = whole[len(urlsplit(top).path) :].split("/")
    return Listed(url, _checked(tuple(map(unquote, parts)), url))


def read_list(raw: bytes, base: str | None, origin: str) -> list[Listed]:
    """Read a list.

    Each line is a URL, or a SHA-256 and a name in either form that `sha256sum` writes; empty lines
    and those that begin with `#` are left out.

    Args:
        raw: The list as it was read.
        base: The URL of the folder that names count from; None where there are only URLs.
        origin: What messages call the list.

    Raises:
        FormatError: It is none, or names a file twice.
        UsageError: It has names and no base.
    """
    found: dict[str, Listed] = {}
    for number, line in enumerate(from_bytes(typed(raw)).split("\n"), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        # A name may end with a space, and hold what other programs take for the end of a line.
        whole = line.lstrip().removesuffix("\r")
        match = _GNU.match(whole) or _BSD.match(text)
        if match is None and "://" not in text:
            raise FormatError(
                f"{origin}: line {number}: neither a URL nor a checksum with a name",
                hint="write a URL a line, or what `sha256sum` writes",
            )
        one = listed_url(text) if match is None else _of_sum(match, base, origin)
        if one.url in found and one != found[one.url]:
            raise FormatError(f"{origin}: line {number}: `{printable(one.url)}` again, otherwise")
        found[one.url] = one
    if not found:
        raise FormatError(f"{origin}: lists nothing")
    return list(found.values())


def common_base(urls: Sequence[str]) -> str:
    """The URL of the deepest folder that holds all of some files.

    Raises:
        UsageError: They are on several servers.
    """
    servers = {urlsplit(url)[:2] for url in urls}
    if len(servers) > 1:
        raise UsageError(
            "one torrent of several servers: their files have no folder in common",
            hint="make a torrent of each, and name the other servers with `--web-seed`",
        )
    folders = [urlsplit(url).path.split("/")[:-1] for url in urls]
    depth = 0
    while all(len(one) > depth for one in folders) and len({one[depth] for one in folders}) == 1:
        depth += 1
    return (
        urlsplit(urls[0])
        ._replace(path="/".join([*folders[0][:depth], ""]) or "/", query="", fragment="")
        .geturl()
    )


def folder_url(url: str) -> str:
    """A URL that ends with a slash, so that names can follow."""
    return url if url.endswith("/") else f"{url}/"


def folder_name(base: str) -> str:
    """What the last folder of a URL is called, empty at the top of a server."""
    return unquote(urlsplit(folder_url(base)).path.split("/")[-2])


def _of_sum(match: re.Match[str], base: str | None, origin: str) -> Listed:
    if match.re is _GNU:
        escape, digest, name = match.groups()
    else:
        escape, name, digest = match.groups()
    if escape:
        name = re.sub(r"\\[\\nr]", lambda it: _ESCAPES[it[0]], name)
    if base is None:
        raise UsageError(
            f"{origin}: names without a URL", hint="say where they lie, with `--base URL`"
        )
    path = _checked(tuple(_components(name)), name)
    url = urljoin(folder_url(base), "/".join(quote(part, safe="") for part in path))
    return Listed(url, path, bytes.fromhex(digest))


def _components(name: str) -> Iterator[str]:
    for part in name.split("/"):
        if part != ".":
            yield part


def _checked(path: tuple[str, ...], origin: str) -> tuple[str, ...]:
    for part in path:
        fault = component_fault(part)
        if fault is not None:
            raise UsageError(
                f"`{printable(origin)}`: its name {fault}", hint="name a file, not a folder"
            )
    return path
