"""outpour: distribute files with BitTorrent.

General layout: values (`bencode`, `metainfo`, `magnet`) are frozen and know nothing; makers
(`walker`, `hasher`, `maker`, `editor`, `verifier`) turn files into values and back; services
(`tracker`, `engine`, `web`) own state, and whole jobs (`publisher`) only call them.
Imports go one way: cli, publisher, web, tracker | engine | announcer, maker | editor | verifier,
walker | hasher | linter, magnet, metainfo, bencode, errors | units.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outpour.base.errors import OutpourError
    from outpour.making.maker import create
    from outpour.making.recipe import CreateOptions
    from outpour.making.verifier import verify
    from outpour.torrent.magnet_link import Magnet
    from outpour.torrent.metainfo import Metainfo

__all__ = ["CreateOptions", "Magnet", "Metainfo", "OutpourError", "create", "verify"]

_HOMES = {
    "CreateOptions": "outpour.making.recipe",
    "Magnet": "outpour.torrent.magnet_link",
    "Metainfo": "outpour.torrent.metainfo",
    "OutpourError": "outpour.base.errors",
    "create": "outpour.making.maker",
    "verify": "outpour.making.verifier",
}
"""What the package gives, and where it lives; imported when it is asked for (PEP 562)."""


if not TYPE_CHECKING:  # or type checkers would take any name for one of the package

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
