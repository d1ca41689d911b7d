"""Reads the texts that libtorrent passes on from trackers, servers and torrents."""

from __future__ import annotations

from collections.abc import Callable


def text_of(read: Callable[[], str]) -> str:
    r"""Return a text, with `\xNN` for bytes that are not UTF-8.

    libtorrent hands over what it got, and turning that into a Python text fails on the way.
    """
    try:
        return read()
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "backslashreplace")
