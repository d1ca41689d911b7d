"""A line of a publisher's settings as HTML, with a link where it names an address."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_NAMED = re.compile(r"(?P<text>.*\S)\s*<(?P<target>[^<>\s]+)>\s*\Z")
_MAIL = re.compile(r"[^@\s/:<>]+@[^@\s/:<>]+\Z")


def linked(line: str) -> Markup:
    """Show a mail address, a URL, or `TEXT <URL>` as a link, and anything else as it stands."""
    line = line.strip()
    named = _NAMED.match(line)
    text, target = (named["text"], named["target"]) if named else (line, line)
    address = _address(target)
    if address is None:
        return escape(line)
    if not named:
        text = target.partition("://")[2].rstrip("/") or target
    return Markup('<a href="{}" rel="noopener">{}</a>').format(address, text)


def _address(target: str) -> str | None:
    if target.startswith(("https://", "http://")) and not target.endswith("://"):
        return target
    if _MAIL.match(target):
        return f"mailto:{target}"
    return target if target.startswith("mailto:") and _MAIL.match(target[7:]) else None
