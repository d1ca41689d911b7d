"""The flags of the engine, which all share that speak to peers, and a loop until a signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from outpour.base.errors import UsageError
from outpour.base.host_port import format_host_port
from outpour.base.http_route import Proxy, Route
from outpour.base.state_folder import default_state_folder
from outpour.base.units import count, parse_rate
from outpour.cli.shared.inputs import CA_FLAG, ca_option
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.engine import EngineSettings

_F = TypeVar("_F", bound=Callable[..., Any])

_EACH = (
    click.option("--schedule", "schedules", multiple=True, metavar="RULE",
                 help="Have other rates at some hours, as in '08:00-18:00 down=1MiB/s' or"
                 " 'sat,sun 00:00-24:00 up=0'; repeatable, and the first that fits holds."),
    click.option("--down-rate-each", metavar="RATE", default="0",
                 help="Receive at most so much of each torrent."),
    click.option("--up-rate-each", metavar="RATE", default="0",
                 help="Send at most so much of each torrent."),
    click.option("--connections-each", type=click.IntRange(0), default=0, metavar="N",
                 help="Have so many peers at once in each torrent at the most."),
)  # fmt: skip

_OPTIONS = (
    click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True,
                 help="Listen for peers on this port; 0 lets the system choose."),
    click.option("--bind", metavar="HOST",
                 help="Listen on this address only, and speak to peers, trackers and servers from"
                 " it, to none of the other family. With 127.0.0.1, ::1, 0.0.0.0, :: or"
                 " --proxy the system chooses where connections to peers and servers begin."),
    click.option("--interface", metavar="NAME",
                 help="Speak to peers, trackers and servers through this network interface only,"
                 " from any of its addresses; names are looked up as ever, and --proxy is not"
                 " to be had with it."),
    click.option("--down-rate", metavar="RATE", default="0",
                 help="Receive at most so much, such as 5MiB/s; 0 is no limit."),
    click.option("--up-rate", metavar="RATE", default="0",
                 help="Send at most so much, such as 500KiB/s; 0 is no limit."),
    click.option("--connections", type=click.IntRange(0), default=0, metavar="N",
                 help="Have so many peers at once at the most; by default as --profile says."),
    click.option("--ip-filter", "ip_filters", multiple=True, metavar="FILE",
                 type=click.Path(path_type=Path),
                 help="Have nothing to do with the addresses in this file (eMule .dat, P2P .p2p,"
                 " or a network a line; also as .gz); repeatable."),
    click.option("--dht", is_flag=True, help="Look for peers in the distributed hash table."),
    click.option("--lsd", is_flag=True, help="Look for peers on the local network."),
    click.option("--upnp", is_flag=True, help="Ask the router to forward the port."),
    click.option("--utp", is_flag=True,
                 help="Take part in uTP too; TCP is tried first, as it is faster."),
    click.option("--encryption", type=click.Choice(["allow", "require", "off"]), default="allow",
                 show_default=True, help="Of the connections to peers."),
    click.option("--profile", type=click.Choice(["server", "desktop", "small"]),
                 help="Limits fit for many peers, for a person's machine, or for one with little"
                 " memory; docs/engine.md lists them."),
    click.option("--proxy", metavar="URL", help="Reach trackers, peers and web seeds through this"
                 " proxy: http://HOST:PORT or socks5://HOST:PORT."),
    ca_option,
)  # fmt: skip


def engine_options(command: _F) -> _F:
    """Give a command the flags that every peer has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def transfer_options(command: _F) -> _F:
    """Give a command the flags of whoever moves content: limits by the hour and for each."""
    for option in reversed(_EACH):
        command = option(command)
    return command


def engine_route(settings: EngineSettings) -> Route:
    """By which way servers are reached by whoever has an engine with these settings."""
    return Route(
        settings.proxy, settings.ca_file, interface=settings.interface,
        sources=settings.connect_from, ca_flag=CA_FLAG,
    )  # fmt: skip


def rate_schedule(flags: dict[str, Any]) -> Any:  # noqa: ANN401 - lazy import
    """Make a schedule of the flags, None without one; before `engine_settings` takes some out."""
    from outpour.downloader import Rates, RateSchedule

    texts = flags.pop("schedules")
    if not texts:
        return None
    usual = Rates(parse_rate(flags["down_rate"]), parse_rate(flags["up_rate"]))
    return RateSchedule.parse(texts, usual)


def engine_settings(printer: Printer, flags: dict[str, Any], *, own_content: bool = False) -> Any:  # noqa: ANN401 - lazy import
    """Take the flags of `engine_options` out of a command's, and make settings of them."""
    from outpour.engine import EngineSettings

    port = flags.pop("port")
    proxy = flags.pop("proxy")
    host, interface, connect_from = _beginning(flags.pop("bind"), flags.pop("interface"), proxy)
    listen: tuple[str, ...] = (f"0.0.0.0:{port}", f"[::]:{port}")
    if host is not None:
        listen = (format_host_port(host, port),)
    elif interface is not None:
        listen = (f"{interface}:{port}",)
    return EngineSettings(
        listen=listen,
        # One that is empty, as of a variable that is not set, must not be none.
        proxy=Proxy.parse(proxy) if proxy is not None else None,
        ca_file=flags.pop("ca_file"),
        profile=flags.pop("profile") or ("server" if own_content else "desktop"),
        own_content=own_content,
        download_rate=parse_rate(flags.pop("down_rate")),
        upload_rate=parse_rate(flags.pop("up_rate")),
        torrent_download_rate=parse_rate(flags.pop("down_rate_each", "0")),
        torrent_upload_rate=parse_rate(flags.pop("up_rate_each", "0")),
        connections=flags.pop("connections"),
        torrent_connections=flags.pop("connections_each", 0),
        interface=interface,
        connect_from=connect_from,
        blocked=_blocked(printer, flags.pop("ip_filters")),
        **{name: flags.pop(name) for name in ("dht", "lsd", "upnp", "utp", "encryption")},
    )


def _beginning(
    bind: str | None, interface: str | None, proxy: str | None
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return the address to listen on, and the interface and addresses that connections begin at.

    There may be none of each.
    """
    from outpour.engine import check_interface, connecting_hosts, interface_names, own_host

    host = own_host(bind) if bind is not None else None
    if interface is not None:
        check_interface(interface)
    # libtorrent connects to peers from an address or through an interface, never both, and to a
    # proxy from wherever the system says.
    connect_from = connecting_hosts([host] if host is not None else [])
    others = {"--bind": bind if connect_from else None, "--proxy": proxy}
    if interface is None and host in interface_names():
        interface, host, connect_from = host, None, ()
        del others["--bind"]
    for name, other in others.items():
        if interface is not None and other is not None:
            raise UsageError(
                f"`--interface` and `{name}`: only one can be had",
                hint="`--interface` keeps everything to one interface, `--bind` to one address",
            )
    return host, interface, connect_from if proxy is None else ()


def _blocked(printer: Printer, files: Sequence[Path]) -> tuple[tuple[str, str], ...]:
    if not files:
        return ()
    from outpour.downloader import read_ip_filter

    blocked: list[tuple[str, str]] = []
    for file in files:
        ranges, faults = read_ip_filter(file)
        blocked += ranges
        if faults:
            printer.note(f"`{file}`: {count(len(faults), 'line')} left out: {faults[0]}")
    return tuple(blocked)


def resume_folder() -> Path:
    """Where resume data is kept."""
    return default_state_folder() / "resume"


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a loop as Ctrl-C does, so that everything is saved."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    # Whoever starts it with `nohup` wants it to go on without its terminal.
    heard = [number for number, old in before.items() if old is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
