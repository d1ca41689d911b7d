"""Makes libtorrent take the names of files as the bytes they are given in.

It writes every path in the encoding of the process, and where that lacks a letter it writes a dot:
in the locale `C` a folder `üü` becomes `..`. It takes paths as they are when `LANG` names UTF-8 at
its first look at one, whatever `LC_ALL` says; a UTF-8 locale is the second line of defence, in case
somebody else in the process made it look before.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from outpour.base.errors import SettingsError

_LOCALES = ("C.UTF-8", "C.utf8", "en_US.UTF-8", "en_GB.UTF-8", "UTF-8")


@contextmanager
def names_as_bytes() -> Iterator[None]:
    """Say that names are UTF-8, for the block in which libtorrent looks at its first path."""
    before = os.environ.get("LANG")
    os.environ["LANG"] = "C.UTF-8"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LANG"]
        else:
            os.environ["LANG"] = before


def require_utf8() -> None:
    """Give the process a UTF-8 locale if it has none.

    Raises:
        SettingsError: The system has none, or Python was started for another encoding.
    """
    if sys.getfilesystemencoding().lower() != "utf-8":
        raise SettingsError(
            f"`{sys.getfilesystemencoding()}`: names of files are UTF-8 here",
            hint="start Python with `PYTHONUTF8=1`",
        )
    if _is_utf8():
        return
    for name in _LOCALES:
        try:
            locale.setlocale(locale.LC_CTYPE, name)
        except locale.Error:
            continue
        if _is_utf8():
            return
    raise SettingsError(
        "this system has no UTF-8 locale, and names of files would be damaged",
        hint="install one, as `locale-gen en_US.UTF-8` does, or set `LC_ALL` to one that is there",
    )


def _is_utf8() -> bool:
    return locale.nl_langinfo(locale.CODESET).upper() in ("UTF-8", "UTF8")
