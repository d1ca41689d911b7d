"""outpour: distribute files with BitTorrent.

General layout: `torrent` holds frozen values that know nothing of disks; `making` turns files into
them and back; `tracker`, `engine`, `announcer`, `client` and `web` serve and speak; `downloader`
and `publisher` are whole jobs that call those; `cli` is what people type. Imports go one way, as
the contract in pyproject.toml lists the rooms.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outpour.base.errors import OutpourError
    from outpour.client.api_client import Client
    from outpour.making.maker import create
    from outpour.making.recipe import CreateOptions
    from outpour.making.verifier import verify
    from outpour.torrent.magnet_link import Magnet
    from outpour.torrent.metainfo import Metainfo

__all__ = ["Client", "CreateOptions", "Magnet", "Metainfo", "OutpourError", "create", "verify"]

_HOMES = {
    "Client": "outpour.client.api_client",
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
