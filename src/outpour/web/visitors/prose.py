"""What publishers write as HTML that can do nothing but be read.

Markdown is parsed with raw HTML switched off, and what comes of it is cleaned once more by a list
of what may be in it. Images become their descriptions: one from elsewhere would tell a stranger who
reads the page. Relative links lead to content below `/content/`, wherever that is reached.
"""

from __future__ import annotations

import posixpath
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote, urlsplit

from markupsafe import Markup, escape

from outpour.base.text import is_unprintable
from outpour.web.limits import WRITING_SHOWN, WRITINGS_KEPT
from outpour.web.links import Links
from outpour.web.visitors.beside import Writing

if TYPE_CHECKING:
    from markdown_it.token import Token

Block = TypeVar("Block")

SCHEMES = frozenset({"http", "https", "mailto", "magnet"})
TAGS = frozenset(
    ("a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
     "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul")
)  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
# Nobody can write it into a text, so nothing but our own links begins like this.
_INSIDE = f"inside-{secrets.token_hex(16)}"
_STRANGE = "\N{REPLACEMENT CHARACTER}"
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True, slots=True)
class Prose:
    """A text to show.

    Attributes:
        begin: Its first paragraphs.
        rest: The others, empty where it is short.
        title: The text of a heading that it began with, which is not in `begin`.
    """

    begin: Markup
    rest: Markup
    title: str | None


def prose(writing: Writing, links: Links) -> Prose:
    """Show what was written, with the links of one visitor."""
    title, *parts = cleaned(writing)
    inside = f'href="{escape(links.content(()))}/'
    begin, rest = (
        Markup((part or "").replace(f'href="{_INSIDE}:', inside))  # noqa: S704 - it was cleaned
        for part in parts
    )
    return Prose(begin, rest, title)


def words_of(writing: Writing) -> str:
    """The beginning of a text without its markup, for who lists it; in a thread, as `cleaned`."""
    title, begin, _ = cleaned(writing)
    words = Markup(begin).striptags()  # noqa: S704 - it was cleaned
    return f"{title}: {words}" if title and words else title or words


@lru_cache(WRITINGS_KEPT)
def cleaned(writing: Writing) -> tuple[str | None, str, str]:
    """Title, beginning and rest of a text; some seconds for a hostile one, so in a thread."""
    text = _harmless(writing.text)
    if writing.is_markdown:
        return _of_markdown(text, writing.folder)
    blocks = [block for block in _BLANK_LINES.split(text.strip("\n")) if block]
    begin, rest = (
        "".join(f'<p class="plain-text">{escape(block)}</p>' for block in part)
        for part in _cut(blocks, [len(block) for block in blocks])
    )
    return None, begin, rest


def _of_markdown(text: str, folder: tuple[str, ...]) -> tuple[str | None, str, str]:
    # Two megabytes that a tracker without texts has no use for.
    import nh3
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = markdown.parse(text)
    title = None
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        title = " ".join(_words(tokens[1]).split()) or None
        tokens = tokens[3:]
    _tame(tokens, folder)
    blocks = _blocks(tokens)
    sizes = [sum(len(_words(token)) for token in block) for block in blocks]
    begin, rest = (
        nh3.clean(
            markdown.renderer.render([*chain.from_iterable(part)], markdown.options, {}),
            tags=set(TAGS),
            attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
            url_schemes={*SCHEMES, _INSIDE},
            link_rel="noopener nofollow",
        )
        for part in _cut(blocks, sizes)
    )
    return title, begin, rest


def _harmless(text: str) -> str:
    return "".join(
        _STRANGE if is_unprintable(letter) and letter not in "\n\t" else letter
        for letter in text.replace("\r\n", "\n").replace("\r", "\n")
    )


def _words(token: Token) -> str:
    if token.children is None:
        return token.content
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in token.children
    )


def _blocks(tokens: Sequence[Token]) -> list[list[Token]]:
    blocks: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            blocks.append([])
        blocks[-1].append(token)
        depth += token.nesting
    return blocks


def _cut(blocks: list[Block], sizes: Sequence[int]) -> tuple[list[Block], list[Block]]:
    """Cut a text where it is long enough to be folded; a short end is not worth it."""
    shown = 0
    for at, size in enumerate(sizes):
        if at and shown + size > WRITING_SHOWN and sum(sizes[at:]) > WRITING_SHOWN // 3:
            return blocks[:at], blocks[at:]
        shown += size
    return blocks, []


def _tame(tokens: Sequence[Token], folder: tuple[str, ...]) -> None:
    """Put headings below that of the page, images into words, and links where they lead."""
    level = 1
    for token in tokens:
        if token.type == "heading_open":
            level = min(int(token.tag[1]) + 1, level + 1, 6)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{level}"
        for child in token.children or ():
            if child.type == "image":
                child.content = _words(child)
                child.type, child.tag, child.children = "text", "", None
            elif child.type == "link_open":
                leading = _leading(str(child.attrs.pop("href", "")), folder)
                child.attrs |= {"href": leading} if leading else {}


def _leading(target: str, folder: tuple[str, ...]) -> str:
    """Where a link leads: elsewhere, to content, or nowhere."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return target
    inside = posixpath.normpath("/".join(("", *folder, unquote(parts.path))))
    if not parts.path or "\0" in inside:
        return ""
    trailing = "/" if parts.path.endswith("/") else ""
    quoted = "/".join(
        quote(name.encode("utf-8", "surrogateescape"), safe="")
        for name in inside.split("/")
        if name
    )
    return f"{_INSIDE}:{quoted}{trailing}"
