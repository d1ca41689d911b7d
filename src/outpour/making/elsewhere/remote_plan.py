"""Plans the torrents of what lies on HTTP servers: asks for lengths, and names the web seeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from outpour.base.errors import NetworkError, UsageError
from outpour.base.http_probe import BusyError, RemoteFile, probe
from outpour.base.http_route import DIRECT, Route
from outpour.base.kept_probe import KeptProbe
from outpour.base.text import printable
from outpour.making.elsewhere.remote_work import Remote, RemoteWork
from outpour.making.elsewhere.url_list import Listed, folder_name, folder_url
from outpour.making.maker import Plan, plan
from outpour.making.recipe import CreateOptions
from outpour.making.walker import Entry, Tree

PROBES = 8
"""Files that are asked about at a time."""
BUSY_TRIES = 5
BUSY_S, BUSY_S_MAX = 1.0, 60.0
"""Before a server that has no time is asked again, whatever it wishes for."""
_PAGES = ("text/html", "application/xhtml+xml")
_PAGE_ENDINGS = (".html", ".htm", ".xhtml")


@dataclass(frozen=True, slots=True)
class RemotePlan:
    """A torrent of remote content before that is read.

    Attributes:
        plan: The torrent.
        notes: What its maker should know of the servers.
    """

    plan: Plan
    notes: tuple[str, ...] = ()


def plan_file(
    listed: Listed,
    options: CreateOptions,
    *,
    route: Route = DIRECT,
    found: RemoteFile | None = None,
) -> RemotePlan:
    """Plan the torrent of one file, of which its URL is a web seed (BEP 19).

    Args:
        listed: The file.
        options: What goes into the torrent.
        route: By which way.
        found: What `ask` said of it, if that was done already.

    Raises:
        NetworkError: Its server is not reached, or has no such file.
        UsageError, ReadError: As for `maker.plan`.
    """
    file = found or ask([listed], route, tries=BUSY_TRIES)[0]
    notes: list[str] = []
    name = options.name or listed.path[-1]
    if file.has_ranges:
        options = replace(options, web_seeds=(listed.url, *options.web_seeds))
    else:
        notes.append(_no_ranges(listed.url))
    options = replace(options, name=name)
    tree = Tree(Path(name), False, (_entry((name,), file),))
    remotes = [Remote(file, listed.sha256)]
    return RemotePlan(_with_work(plan(tree, options), remotes, route), tuple(notes))


def plan_tree(
    files: Sequence[Listed],
    base: str,
    options: CreateOptions,
    *,
    route: Route = DIRECT,
    found: Sequence[RemoteFile] | None = None,
) -> RemotePlan:
    """Plan one torrent of files below a URL, of which the folder above that is a web seed.

    A web seed finds a file of a folder by the name of the torrent and its path (BEP 19), so the
    torrent is called like the last folder of the URL unless the options say otherwise.

    Raises:
        NetworkError: A server is not reached, or lacks a file.
        UsageError, ReadError: As for `maker.plan`.
    """
    top = folder_url(base)
    natural = folder_name(top)
    name = options.name or natural
    if not name:
        raise UsageError(
            f"`{printable(base)}`: the top of a server has no name",
            hint="give the torrent one with `--name`",
        )
    found = found or ask(files, route, tries=BUSY_TRIES)
    notes: list[str] = []
    without = [one.url for one, file in zip(files, found, strict=True) if not file.has_ranges]
    if without:
        notes.append(_no_ranges(without[0]))
    elif name != natural:
        notes.append(
            f"`{printable(top)}`: is no web seed of a torrent that is called "
            f"`{printable(name)}`, as clients put that name into its URLs"
        )
    else:
        above = urlsplit(top)
        path = above.path.rstrip("/").rpartition("/")[0]
        seed = above._replace(path=f"{path}/").geturl()
        options = replace(options, web_seeds=(seed, *options.web_seeds))
    pairs = sorted(zip(files, found, strict=True), key=lambda pair: _order(pair[0].path))
    entries = tuple(_entry(one.path, file) for one, file in pairs)
    tree = Tree(Path(name), True, entries)
    remotes = [Remote(file, one.sha256) for one, file in pairs]
    whole = plan(tree, replace(options, name=name))
    return RemotePlan(_with_work(whole, remotes, route), tuple(notes))


def ask(files: Sequence[Listed], route: Route = DIRECT, *, tries: int = 1) -> list[RemoteFile]:
    """Ask about files, some at a time.

    Args:
        files: On one or several servers.
        route: By which way.
        tries: How often a server is asked that has no time.

    Raises:
        NetworkError: A server is not reached, lacks a file, or gives a page in its place.
    """
    ended = threading.Event()
    if len(files) == 1:
        look_at = partial(probe, route=route)
        return _refuse_pages(files, [_patient(look_at, files[0].url, tries, ended)])
    local = threading.local()
    probes: list[KeptProbe] = []

    def look(one: Listed) -> RemoteFile:
        if not hasattr(local, "probe"):
            local.probe = KeptProbe(route)
            probes.append(local.probe)
        return _patient(local.probe, one.url, tries, ended)

    with ThreadPoolExecutor(PROBES, thread_name_prefix="outpour-probe") as pool:
        try:
            found = list(pool.map(look, files))
        except BaseException:
            ended.set()
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            for kept in probes:
                kept.close()
    return _refuse_pages(files, found)


def _patient(
    look: Callable[[str], RemoteFile], url: str, tries: int, ended: threading.Event
) -> RemoteFile:
    while True:
        try:
            return look(url)
        except BusyError as error:
            tries -= 1
            if not tries or ended.wait(min(max(BUSY_S, error.after_s), BUSY_S_MAX)):
                raise


def _refuse_pages(files: Sequence[Listed], found: list[RemoteFile]) -> list[RemoteFile]:
    for one, file in zip(files, found, strict=True):
        is_page = file.media_type in _PAGES and not one.path[-1].lower().endswith(_PAGE_ENDINGS)
        # Who gave a checksum will be told by that.
        if is_page and one.sha256 is None:
            raise NetworkError(
                f"`{printable(one.url)}`: the server answers with a page ({file.media_type})",
                hint="give the URL of the file itself, or a list with its SHA-256",
            )
    return found


def _order(path: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(part.encode("utf-8", "surrogateescape") for part in path)


def _entry(path: tuple[str, ...], file: RemoteFile) -> Entry:
    return Entry(path, file.url, file.length, 0, 0, 0)


def _no_ranges(url: str) -> str:
    return (
        f"`{printable(url)}`: its server gives no parts of files, as web seeds have to (BEP 19); "
        "the torrent does not name it"
    )


def _with_work(whole: Plan, remotes: Sequence[Remote], route: Route) -> Plan:
    numbers = {entry.path: number for number, entry in enumerate(whole.tree.entries)}
    slots = [
        (None if entry is None else numbers[entry.path], length)
        for entry, length in whole.layout.slots
    ]

    def begin() -> RemoteWork:
        return RemoteWork(
            remotes,
            slots,
            whole.piece_length,
            whole.options.format,
            threads=whole.options.threads,
            route=route,
            sha256=whole.options.checksums,
        )

    return replace(whole, begin=begin)
