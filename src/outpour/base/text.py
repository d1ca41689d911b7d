"""Turns foreign text into text that a terminal shows and does not obey."""

from __future__ import annotations

import codecs
import unicodedata

# Bidirectional controls reorder what surrounds them: `exe.<RLO>gpj.` reads as a picture.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# The longer one first: it begins as UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF8, ""),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def printable(text: str) -> str:
    r"""Escape control characters, bidirectional controls and bytes that are not UTF-8.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(letter) if is_unprintable(letter) else letter for letter in text)


def is_unprintable(letter: str) -> bool:
    """Whether a letter is a control, a line separator, a surrogate or reorders its line."""
    return letter in _BIDI or unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}


def from_bytes(raw: bytes) -> str:
    """Read UTF-8, keeping other bytes so that `os.fsencode` gives them back."""
    return raw.decode("utf-8", "surrogateescape")


def typed(raw: bytes) -> bytes:
    """What a person has written into a file, as UTF-8 without a mark of the byte order.

    Editors and shells of Windows write such marks, and UTF-16. What is no UTF-16 in spite of its
    mark becomes replacement characters; bytes without a mark stay as they are.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            rest = raw[len(mark) :]
            return rest.decode(encoding, "replace").encode() if encoding else rest
    return raw


def is_utf8(text: str) -> bool:
    """Whether text that `from_bytes` read, or a name from the file system, was UTF-8."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _escape(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
