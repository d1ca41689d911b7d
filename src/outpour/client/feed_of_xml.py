"""Reads RSS 0.9 to 2.0 and Atom (RFC 4287) as they stream, in memory for one entry."""

from __future__ import annotations

from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_external_ges, feature_namespaces

from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from outpour.base.errors import FormatError
from outpour.client.feed_collection import TEXT_MAX, Collection, RawEntry, is_magnet, length_of

CHUNK = 1 << 16
DEPTH_MAX = 200
_ROOTS = {"rss", "feed", "RDF"}
_ENTRIES = {"item", "entry"}
_DATES = {"pubDate": 0, "published": 0, "issued": 0, "date": 1, "updated": 1, "modified": 2}


class _Enough(Exception):
    """The limit of entries is reached."""


def read_xml_feed(body: bytes, found: Collection) -> None:
    """Read a feed in XML.

    Raises:
        FormatError: It is no feed, or not whole.
    """
    handler = _Handler(found)
    parser = DefusedExpatParser(forbid_dtd=False, forbid_entities=True, forbid_external=False)
    parser.setFeature(feature_namespaces, True)
    # What it refers to elsewhere, as RSS 0.91 does to its DTD, is not fetched.
    parser.setFeature(feature_external_ges, False)
    parser.setContentHandler(handler)
    try:
        for start in range(0, len(body), CHUNK):
            parser.feed(body[start : start + CHUNK])
        parser.close()
        if not handler.is_feed:
            raise FormatError("it is neither RSS, Atom nor JSON Feed")
    except _Enough:
        return
    except DefusedXmlException as error:
        raise FormatError("the feed defines entities, which no feed needs") from error
    except (SAXException, ValueError, LookupError) as error:
        if not handler.is_feed:
            raise FormatError("it is neither RSS, Atom nor JSON Feed") from error
        raise FormatError(f"the feed is damaged: {_why(error)}") from error


def _why(error: Exception) -> str:
    text = error.getMessage() if isinstance(error, SAXException) else str(error)
    return text[:TEXT_MAX]


class _Handler(ContentHandler):
    """Follows the elements that matter; names are held against their local part alone.

    Feeds of trackers put the same names into half a dozen namespaces (`torrent:infoHash`,
    `nyaa:infoHash`), and none of them means something else by them.
    """

    def __init__(self, found: Collection) -> None:
        super().__init__()
        self.is_feed = False
        self._found = found
        self._path: list[str] = []
        self._entry: RawEntry | None = None
        self._entry_depth = 0
        self._text: list[str] = []
        self._text_length = 0
        self._dates: list[tuple[int, str]] = []

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: ANN401, N802
        """Enter an element."""
        local = name[1]
        if not self._path:
            if local not in _ROOTS:
                raise FormatError("it is neither RSS, Atom nor JSON Feed")
            self.is_feed = True
        if len(self._path) == DEPTH_MAX:
            raise FormatError("the feed is nested too deeply")
        self._path.append(local)
        self._text, self._text_length = [], 0
        if self._entry is None:
            if local in _ENTRIES:
                self._entry, self._entry_depth, self._dates = RawEntry(), len(self._path), []
        else:
            self._attributes(local, {key[1]: value for key, value in attrs.items()})

    def characters(self, content: str) -> None:
        """Take text."""
        if self._text_length <= TEXT_MAX:
            self._text.append(content)
            self._text_length += len(content)

    def endElementNS(self, name: Any, qname: Any) -> None:  # noqa: ANN401, N802
        """Leave an element."""
        local, text = self._path.pop(), "".join(self._text)
        self._text, self._text_length = [], 0
        entry = self._entry
        if entry is None:
            if local == "title" and len(self._path) <= 2 and not self._found.title:
                self._found.title = " ".join(text[:TEXT_MAX].split())
            return
        if len(self._path) < self._entry_depth:
            entry.dates = [text for _, text in sorted(self._dates, key=lambda one: one[0])]
            self._entry = None
            if not self._found.take(entry):
                raise _Enough
        else:
            self._part(entry, local, text, is_own=len(self._path) == self._entry_depth)

    def _part(self, entry: RawEntry, local: str, text: str, *, is_own: bool) -> None:
        if not text.strip():
            return
        if local == "magnetURI" or (local == "link" and is_magnet(text)):
            entry.magnet = entry.magnet or text.strip()
        elif local.lower() == "infohash":
            entry.infohash = entry.infohash or text
        elif local == "contentLength":
            entry.length = entry.length or length_of(text)
        elif not is_own:
            return
        elif local == "title":
            entry.title = entry.title or text
        elif local in ("guid", "id"):
            entry.key = entry.key or text
        elif local == "link":
            entry.link = entry.link or text
        elif local in _DATES:
            self._dates.append((_DATES[local], text))

    def _attributes(self, local: str, values: dict[str, str]) -> None:
        entry = self._entry
        assert entry is not None
        if local in ("enclosure", "content") and "url" in values:
            entry.links.append((values["url"], values.get("type", "")))
        elif local == "link" and "href" in values:
            if values.get("rel", "alternate") == "enclosure":
                entry.links.append((values["href"], values.get("type", "")))
            elif values.get("rel", "alternate") == "alternate" and not entry.link:
                entry.link = values["href"]
        elif local == "attr" and values.get("name") in ("magneturl", "infohash", "size"):
            value = values.get("value", "")
            match values["name"]:
                case "magneturl":
                    entry.magnet = entry.magnet or value
                case "infohash":
                    entry.infohash = entry.infohash or value
                case _:
                    entry.length = entry.length or length_of(value)
