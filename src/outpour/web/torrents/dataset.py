"""A torrent in the words of schema.org, for engines that search data: a `Dataset`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from markupsafe import Markup

from outpour.base.units import format_size
from outpour.tracker.figures import TorrentRow
from outpour.web import text_format
from outpour.web.file_headers import media_type
from outpour.web.links import Links
from outpour.web.torrent_facts import TorrentFacts

DOWNLOADS_MAX = 50
"""Files that are named one by one; of more, the folder is."""
NAME_MAX = 5000
# What could end the element that it stands in, or begin a comment there, is written otherwise.
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def dataset(
    links: Links,
    row: TorrentRow,
    facts: TorrentFacts | None,
    sha256: Mapping[tuple[str, ...], str],
    content_name: str | None,
    licence: str | None = None,
    said: str = "",
) -> Markup | None:
    """Describe a torrent whose content or metainfo is to be had here, None of any other."""
    if row.name is None or facts is None:
        return None
    name = text_format.label(row.name)[:NAME_MAX]
    page = links.absolute(links.torrent(row.infohash))
    found: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "@id": page,
        "name": name,
        "description": _description(row, name, said),
        "url": page,
        "identifier": f"urn:btih:{row.infohash_hex}",
        "isAccessibleForFree": True,
        "distribution": list(_downloads(links, row, facts, sha256, content_name)),
    }
    if row.published_at is not None and row.published_at > 0:
        found["datePublished"] = text_format.iso(row.published_at)
    if licence is not None:
        found["license"] = licence
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    for letter, escape in _ESCAPES.items():
        text = text.replace(letter, escape)
    return Markup(text)  # noqa: S704 - nothing in it can be taken for markup


def _description(row: TorrentRow, name: str, said: str) -> str:
    size = format_size(row.length) if row.length is not None else "unknown size"
    said = text_format.label(said).strip()
    begin = f"{said}{'' if said.endswith(('.', '!', '?')) else '.'} " if said else ""
    return f"{begin}{name}, {size}, to download with BitTorrent and over HTTP"[:NAME_MAX]


def _downloads(
    links: Links,
    row: TorrentRow,
    facts: TorrentFacts,
    sha256: Mapping[tuple[str, ...], str],
    content_name: str | None,
) -> Iterator[dict[str, object]]:
    yield {
        "@type": "DataDownload",
        "name": f"{text_format.label(str(row.name))[:NAME_MAX]}.torrent",
        "encodingFormat": "application/x-bittorrent",
        "contentUrl": links.absolute(links.metainfo(f"{row.infohash_hex}.torrent")),
    }
    if content_name is None:
        return
    files = facts.files
    for path, file in list(files.by_path.items())[:DOWNLOADS_MAX]:
        url = links.content((content_name, *path) if files.is_folder else (content_name,))
        found: dict[str, object] = {
            "@type": "DataDownload",
            "name": text_format.label("/".join(path) or str(row.name)),
            "encodingFormat": media_type(path[-1] if path else str(row.name)).partition(";")[0],
            "contentSize": str(file.length),
            "contentUrl": links.absolute(url),
        }
        if path in sha256:
            found["sha256"] = sha256[path]
        yield found
