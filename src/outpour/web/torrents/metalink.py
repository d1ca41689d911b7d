"""A torrent as a Metalink 4 document (RFC 5854): its files, their checksums and all sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from outpour.torrent.info import File
from outpour.web import text_format
from outpour.web.torrent_facts import TorrentFacts

NAMESPACE = "urn:ietf:params:xml:ns:metalink"
MEDIA_TYPE = "application/metalink4+xml"
FILES_MAX = 10_000
"""A document of more would be tens of megabytes, and readers keep all of it in memory."""
PIECES_MAX = 20_000
SHA1_BYTES = 20
OWN_PRIORITY, OTHER_PRIORITY = 1, 2

ElementTree.register_namespace("", NAMESPACE)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a torrent and its files are to be had.

    Attributes:
        generator: The program that writes the document.
        itself: URL of the document.
        torrent: URL of the .torrent, None if there is none.
        content: URL below which the files are served here, by their path in the torrent; None if
            they are not.
        web_seeds: URLs of the metainfo's web seeds (BEP 19).
        published_at: Unix second, None if it is not known.
    """

    generator: str
    itself: str
    torrent: str | None
    content: Mapping[tuple[str, ...], str] | None
    web_seeds: Sequence[str] = ()
    published_at: int | None = None


def metalink(
    name: str,
    facts: TorrentFacts,
    sha256: Mapping[tuple[str, ...], str],
    sources: Sources,
    pieces: bytes = b"",
) -> bytes:
    """Write the document.

    Args:
        name: Of the torrent; the files of a folder lie below it.
        facts: Has the files.
        sha256: In hexadecimal by path, of those that are known.
        sources: Where they are to be had.
        pieces: Of a single file, its v1 piece hashes; a reader mends what is broken with them.
    """
    root = ElementTree.Element(_tag("metalink"))
    _add(root, "generator", sources.generator)
    ElementTree.SubElement(root, _tag("origin"), {"dynamic": "true"}).text = sources.itself
    if sources.published_at is not None and sources.published_at > 0:
        _add(root, "published", text_format.iso(sources.published_at))
    for file in facts.listed[:FILES_MAX]:
        if file.path not in facts.files.by_path:
            continue
        path = (name, *file.path) if facts.files.is_folder else (name,)
        shown = "/".join(text_format.label(part).replace("/", "_") for part in path)
        element = ElementTree.SubElement(root, _tag("file"), {"name": shown})
        _add(element, "size", str(file.length))
        if file.path in sha256:
            _add(element, "hash", sha256[file.path], type="sha-256")
        if pieces and not facts.files.is_folder:
            _add_pieces(element, facts.piece_length, pieces)
        for url, priority in _urls(file, path, sources):
            _add(element, "url", url, priority=str(priority))
        if sources.torrent is not None:
            # In a torrent of many files a reader has to be told which one this is.
            named = {"name": "/".join(shown.split("/")[1:])} if facts.files.is_folder else {}
            _add(element, "metaurl", sources.torrent, mediatype="torrent", **named)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_pieces(element: ElementTree.Element, length: int, pieces: bytes) -> None:
    if len(pieces) > PIECES_MAX * SHA1_BYTES:
        return
    parent = ElementTree.SubElement(
        element, _tag("pieces"), {"length": str(length), "type": "sha-1"}
    )
    for at in range(0, len(pieces), SHA1_BYTES):
        _add(parent, "hash", pieces[at : at + SHA1_BYTES].hex())


def _urls(file: File, path: Sequence[str], sources: Sources) -> Iterator[tuple[str, int]]:
    own = None if sources.content is None else sources.content.get(file.path)
    if own is not None:
        yield own, OWN_PRIORITY
    # A v1 torrent names the URL of its only file, or a folder that ends in a slash.
    tail = "/".join(quote(part.encode("utf-8", "surrogateescape"), safe="") for part in path)
    for seed in sources.web_seeds:
        url = seed + tail if seed.endswith("/") else seed if len(path) == 1 else f"{seed}/{tail}"
        if url != own and is_web_url(url):
            yield text_format.label(url), OTHER_PRIORITY


def is_web_url(url: str) -> bool:
    """Whether a URL is one that browsers and downloaders fetch from a server."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _add(parent: ElementTree.Element, name: str, text: str, /, **attributes: str) -> None:
    ElementTree.SubElement(parent, _tag(name), attributes).text = text_format.label(text)
