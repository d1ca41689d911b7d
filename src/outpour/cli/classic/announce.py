"""`btreannounce`, `btcopyannounce` and `btsethttpseeds`: the fields outside the info dictionary."""

from __future__ import annotations

from collections.abc import Sequence

from outpour.base.errors import UsageError
from outpour.cli.classic.frame import EXIT_USAGE, each, print_text, program, run
from outpour.cli.classic.option_table import Option, parse, wants_help
from outpour.cli.shared.inputs import check_url
from outpour.cli.shared.printer import Printer
from outpour.torrent.editor import Changes, copy_announce, edit, reannounce
from outpour.torrent.metainfo import Metainfo

REANNOUNCE_OPTIONS = (
    Option("announce_list", "", "a list of announce URLs: `,` within a tier, `|` between tiers"),
)


def join_tiers(tiers: Sequence[Sequence[str]]) -> str:
    """Write tiers as the old commands do.

    Example:
        >>> join_tiers([["a", "b"], ["c"]])
        'a,b|c'
    """
    return "|".join(",".join(tier) for tier in tiers)


def split_tiers(text: str) -> list[list[str]]:
    """Read tiers as the old commands write them.

    Raises:
        UsageError: One of them is not a URL.
    """
    tiers = [
        [check_url(url.strip()) for url in tier.split(",") if url.strip()]
        for tier in text.split("|")
    ]
    return [tier for tier in tiers if tier]


def btreannounce(args: Sequence[str] | None = None) -> int:
    """Run `btreannounce URL [--announce_list TIERS] FILE...`.

    Without `--announce_list` an existing list follows the new tracker, since clients of today
    read only the list; 3.4.2 left it as it was and BitTornado deleted it.
    """
    return run(_reannounce, args, REANNOUNCE_OPTIONS)


def _reannounce(printer: Printer, args: list[str]) -> int:
    parsed = None if wants_help(args) else parse(args, REANNOUNCE_OPTIONS)
    if parsed is None or len(parsed.words) < 2:
        name = program("btreannounce")
        print_text(printer, f"{name} http://new.uri:port/announce file1.torrent file2.torrent\n")
        return EXIT_USAGE if parsed else 0
    url = check_url(parsed.words[0])
    tiers = split_tiers(parsed.text("announce_list"))

    def move(path: str) -> None:
        before = Metainfo.read(path)
        if tiers:
            after = edit(before, Changes(announce=url, announce_list=tiers))
        else:
            after = reannounce(before, url)
        _replace(printer, path, before, after)

    return each(printer, parsed.words[1:], move)


def _replace(printer: Printer, path: str, before: Metainfo, after: Metainfo) -> None:
    if before.announce is not None and before.announce != after.announce:
        printer.data(f"old announce for {path}: {before.announce}")
    if before.announce_list and before.announce_list != after.announce_list:
        printer.data(f"old announce-list for {path}: {join_tiers(before.announce_list)}")
    if after is not before:
        after.write(path)


def btcopyannounce(args: Sequence[str] | None = None) -> int:
    """Run `btcopyannounce SOURCE.torrent FILE...`."""
    return run(_copy_announce, args)


def _copy_announce(printer: Printer, args: list[str]) -> int:
    if len(args) < 2:
        name = program("btcopyannounce")
        print_text(
            printer,
            f"Usage: {name} <source.torrent> <file1.torrent> [file2.torrent...]\n"
            "copies announce information from source to all specified torrents",
        )
        return 0 if wants_help(args) else EXIT_USAGE
    source = Metainfo.read(args[0])
    if source.announce is not None:
        printer.data(f"new announce: {source.announce}")
    if source.announce_list:
        printer.data(f"new announce-list: {join_tiers(source.announce_list)}")

    def copy(path: str) -> None:
        before = Metainfo.read(path)
        after = copy_announce(before, source)
        if before.announce is not None:
            printer.data(f"old announce for {path}: {before.announce}")
        if before.announce_list:
            printer.data(f"old announce-list for {path}: {join_tiers(before.announce_list)}")
        if after is not before:
            after.write(path)

    return each(printer, args[1:], copy)


def btsethttpseeds(args: Sequence[str] | None = None) -> int:
    """Run `btsethttpseeds URL[|URL...] FILE...`; `0` removes them."""
    return run(_set_http_seeds, args)


def _set_http_seeds(printer: Printer, args: list[str]) -> int:
    if len(args) < 2:
        name = program("btsethttpseeds")
        print_text(
            printer,
            f"Usage: {name} <http-seeds> file1.torrent [file2.torrent...]\n"
            "    where:\n"
            "    http-seeds = list of seed URLs, in the format:\n"
            "           url[|url...] or 0",
        )
        return 0 if wants_help(args) else EXIT_USAGE
    if args[0] == "0":
        seeds = []
    else:
        seeds = [check_url(url.strip()) for url in args[0].split("|") if url.strip()]
        if not seeds:
            raise UsageError("no HTTP seed given", hint="`0` removes them")

    def change(path: str) -> None:
        before = Metainfo.read(path)
        after = edit(before, Changes(http_seeds=seeds))
        if before.http_seeds:
            printer.data(f"old http-seed list for {path}: {'|'.join(before.http_seeds)}")
        if after is not before:
            after.write(path)

    return each(printer, args[1:], change)
