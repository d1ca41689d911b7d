"""What the options of the old clients mean to the engine of today."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.host_port import format_host_port
from outpour.base.http_route import Route
from outpour.cli.classic.client_options import REPLACED
from outpour.cli.classic.option_table import Option, Parsed
from outpour.cli.shared.fitting_hint import fitting
from outpour.cli.shared.printer import Printer
from outpour.engine import (
    Encryption,
    Engine,
    EngineSettings,
    connecting_hosts,
    interface_names,
    own_host,
)
from outpour.torrent.disk_names import disk_names
from outpour.torrent.info import Info

KB = 1 << 10
"""The old tools count kilobytes of 1024 bytes."""
PORTS_TRIED_MAX = 200
FILES_MAX = 999_999_999
_SPELLINGS = {"`--overwrite`": "`--overwrite 1`", "`-o DIR`": "`--saveas PATH`"}


def open_engine(parsed: Parsed) -> Engine:
    """Start an engine on the first port of the range that is free.

    Raises:
        NetworkError: None of them is.
    """
    low, high = parsed.integer("minport"), parsed.integer("maxport")
    ports = [*range(low, max(low, high) + 1)]
    if parsed.flag("random_port"):
        random.shuffle(ports)
    settings = settings_of(parsed)
    host = _bound(parsed)
    failure = NetworkError(f"`{low}-{high}`: no port to listen on")
    for port in ports[:PORTS_TRIED_MAX]:
        listen: tuple[str, ...] = (f"0.0.0.0:{port}", f"[::]:{port}")
        if host:
            listen = (format_host_port(host, port),)
        try:
            return Engine(replace(settings, listen=listen))
        except NetworkError as error:
            if "in use" not in error.message and "ermission" not in error.message:
                raise
            failure = error
    raise failure


def route_of(parsed: Parsed) -> Route:
    """By which way web seeds are asked that the engine does not ask itself.

    Raises:
        NetworkError: `--bind` names nothing of this machine.
    """
    settings = settings_of(parsed)
    return Route(interface=settings.interface, sources=settings.connect_from)


def _bound(parsed: Parsed) -> str:
    return own_host(parsed.text("bind")) if parsed.text("bind") else ""


def settings_of(parsed: Parsed) -> EngineSettings:
    """Translate the options into settings, all but the address to listen on.

    Raises:
        NetworkError: `--bind` names nothing of this machine.
    """
    host = _bound(parsed)
    is_interface = host in interface_names()
    return EngineSettings(
        interface=host if is_interface else None,
        connect_from=connecting_hosts([host] if host and not is_interface else []),
        upload_rate=max(0, int(parsed.number("max_upload_rate") * KB)),
        download_rate=max(0, int(parsed.number("max_download_rate") * KB)),
        connections=_connections(parsed),
        upload_slots=parsed.integer("max_uploads") if "max_uploads" in parsed.given else 0,
        upnp=parsed.flag("upnp_nat_access"),
        encryption=_encryption(parsed),
        announce_ip=parsed.text("ip") or None,
    )


def _connections(parsed: Parsed) -> int:
    if parsed.integer("max_connections") > 0:
        return parsed.integer("max_connections")
    return max(1, parsed.integer("max_allow_in")) if "max_allow_in" in parsed.given else 0


def _encryption(parsed: Parsed) -> Encryption:
    if parsed.flag("crypto_only"):
        return "require"
    return "allow" if parsed.flag("crypto_allowed") else "off"


def in_old_spelling(error: OutpourError, table: Sequence[Option]) -> OutpourError:
    """Give an error a hint that names options of these commands, or none."""
    hint = error.hint
    for new, old in _SPELLINGS.items():
        hint = hint.replace(new, old) if hint else None
    error.hint = fitting(hint, {f"--{option.name}" for option in table})
    return error


def note_replaced(printer: Printer, parsed: Parsed) -> None:
    """Say which options of the command line have no effect any more, and what to do instead."""
    for name in sorted(parsed.given & REPLACED.keys()):
        printer.note(f"--{name} has no effect: {REPLACED[name]}")
    if not parsed.flag("check_hashes"):
        printer.note("--check_hashes 0 has no effect: what was checked once is not checked again")


def wanted_files(parsed: Parsed) -> tuple[str, ...]:
    """Translate `--priority` into numbers of the files to download.

    Files that the list does not reach are wanted.
    """
    priorities = [text.strip() for text in parsed.text("priority").split(",") if text.strip()]
    if "-1" not in priorities:
        return ()
    wanted = [str(number) for number, text in enumerate(priorities, 1) if text != "-1"]
    return (",".join((*wanted, f"{len(priorities) + 1}-{FILES_MAX}")),)


def place(info: Info, saveas: str) -> tuple[Path, str | None]:
    """Find the folder and root name that `--saveas` means.

    An existing folder that holds none of the torrent's files takes the root in, as it did then.
    """
    if not saveas:
        return Path(), None
    path = Path(saveas)
    if path.is_dir() and not (info.is_folder and _is_root(info, path)):
        return path, None
    return path.parent, path.name


def _is_root(info: Info, folder: Path) -> bool:
    if not any(folder.iterdir()):
        return True
    return any(folder.joinpath(*path[1:]).exists() for path in disk_names(info))
