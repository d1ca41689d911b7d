"""Logins in URLs (RFC 3986, section 3.2.1), which are nothing for others to read."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"""(?<=://)[^\s/?#"'`]*@""")


def without_login(text: str) -> str:
    """Return a text, or a URL, with the logins left out of the URLs in it."""
    return _LOGIN.sub("", text) if "@" in text else text
