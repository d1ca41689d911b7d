"""`outpour verify`: check content against its torrent."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from outpour.base.errors import OutpourError, ReadError, VerificationError
from outpour.base.units import format_size
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import ANY_PATH, read_torrent
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outpour.making.verifier import FileReport, Range, Report
    from outpour.torrent.metainfo import Metainfo

RANGES_SHOWN_MAX = 4
STATUS_WIDTH = 12
_UNCHECKED = ("unreadable", "unverified")


@define(
    "verify",
    example="""
    outpour verify game.torrent ~/releases/game
    outpour verify ~/torrents/*.torrent ~/releases
    outpour verify --json game.torrent ~/releases | jq '.files[] | select(.status != "ok")'
    """,
)
@click.argument("torrents", metavar="TORRENT...", nargs=-1, required=True)
@click.argument("path", metavar="PATH", type=ANY_PATH)
@click.option("--quick", is_flag=True, help="Compare names and sizes only.")
@click.option("--files", is_flag=True, help="Name the files that are right as well.")
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="How many hash; one a core by default.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write the report as JSON; a list for several torrents."
)
@click.pass_obj
def command(
    printer: Printer,
    torrents: tuple[str, ...],
    path: Path,
    quick: bool,
    files: bool,
    threads: int | None,
    as_json: bool,
) -> int:
    """Check a file or folder against .torrent files; exit 6 when it differs.

    PATH is the content itself, or the folder that holds it under the torrent's name.
    Each file that differs is named with the bytes that do, and in v2 and hybrid with their 16 KiB
    blocks, as finely as the torrent's hashes tell: one a piece.
    Files that the torrent does not have are named and do not count. When all that is wrong is
    that something cannot be read, the exit code is 4.
    """
    from outpour.making.verifier import verify

    codes: list[int] = []
    described: list[dict[str, object]] = []
    for torrent in torrents:
        try:
            metainfo = read_torrent(printer.env, torrent)
            with printer.progress("checking") as progress:
                report = verify(metainfo, path, quick=quick, threads=threads, progress=progress)
            described.append(_describe(torrent, report))
            if not as_json:
                _print(printer, report, files)
            _note_extra(printer, report)
            if not report.ok:
                raise _fault(torrent, metainfo, report)
        except OutpourError as error:
            printer.flush()
            printer.fault(error)
            codes.append(error.exit_code)
            continue
        size, how = format_size(metainfo.info.length), "names and sizes" if quick else "every piece"
        printer.talk(
            f"`{report.root}`: {_files(len(report.files))}, {size}, {how} as in `{torrent}`"
        )
    if as_json and described:
        printer.json(described[0] if len(torrents) == 1 else described)
    return max(codes, default=0)


def _print(printer: Printer, report: Report, all_files: bool) -> None:
    for file in report.files:
        if all_files or file.status != "ok":
            _print_file(printer, file)


def _files(number: int) -> str:
    from outpour.base.units import count

    return count(number, "file")


def _fault(torrent: str, metainfo: Metainfo, report: Report) -> OutpourError:
    total = _files(len(report.files))
    differing = sum(file.status not in {"ok", *_UNCHECKED} for file in report.files)
    unchecked = sum(file.status in _UNCHECKED for file in report.files)
    if not differing and unchecked:
        return ReadError(
            f"`{report.root}`: {unchecked} of {total} could not be checked against `{torrent}`",
            hint="make them readable, or run this as a user who may read them",
        )
    return VerificationError(
        f"`{report.root}`: {differing} of {total} differ from `{torrent}`"
        f"{_share(metainfo, report)}",
        hint=_hint(torrent, metainfo, report.root)
        if differing
        else "nothing mends it: clients take padding for zeros, and this torrent has other hashes",
    )


def _share(metainfo: Metainfo, report: Report) -> str:
    if not report.piece_count:
        return ""
    # Rounded down: what is not all right is never 100 %.
    share = report.right * 10_000 // max(metainfo.info.length, 1)
    where = ", of nothing but padding" if report.right == metainfo.info.length else ""
    return (
        f"; {share / 100:.2f} % of the content is right, {len(report.bad_pieces)} of "
        f"{report.piece_count} pieces are bad{where}"
    )


def _hint(torrent: str, metainfo: Metainfo, root: Path) -> str:
    from outpour.torrent.disk_names import root_names

    root = root if root.name not in {"", ".."} else root.resolve()
    if root.name in root_names(metainfo.info):
        return f"mend it: outpour download {quote(torrent)} -o {quote(str(root.parent))}"
    # Only the old command says what the root is called.
    return f"mend it: btdownloadheadless --saveas {quote(str(root))} {quote(torrent)}"


def _print_file(printer: Printer, file: FileReport) -> None:
    details = []
    if file.status == "wrong size":
        details.append(f"{file.found} of {file.length} bytes")
    if file.reason is not None:
        details.append(file.reason)
    if file.reason is None or file.status == "unfinished":
        details += _details(file)
    style = {"ok": "green", "unverified": "yellow"}.get(file.status, "red")
    detail = f"  {', '.join(details)}" if details else ""
    printer.data((style, f"{file.status:<{STATUS_WIDTH}}"), "/".join(file.path), ("dim", detail))


def _details(file: FileReport) -> list[str]:
    details = []
    if file.bad or file.unverified:
        details.append(_ranges("bytes", file.bad or file.unverified))
        if file.bad_blocks:
            details.append(_ranges("blocks", file.bad_blocks))
    return details


def _ranges(what: str, ranges: Sequence[Range]) -> str:
    texts = [str(low) if high - low == 1 else f"{low}-{high - 1}" for low, high in ranges]
    more = f" and {len(texts) - RANGES_SHOWN_MAX} more" * (len(texts) > RANGES_SHOWN_MAX)
    return f"{what} {', '.join(texts[:RANGES_SHOWN_MAX])}{more}"


def _note_extra(printer: Printer, report: Report) -> None:
    # `create` leaves hidden files out, so their absence from the torrent is no news.
    extra = [path for path in report.extra if not any(name[0] == "." for name in path)]
    if extra:
        first = "/".join(extra[0])
        printer.note(f"{_files(len(extra))} not in the torrent, such as `{first}`")


def _describe(torrent: str, report: Report) -> dict[str, object]:
    return {
        "torrent": torrent,
        "root": str(report.root),
        "ok": report.ok,
        "files": [
            {
                "path": "/".join(file.path),
                "status": file.status,
                "length": file.length,
                "found": file.found,
                "bad": [list(span) for span in file.bad],
                "unverified": [list(span) for span in file.unverified],
                "bad_blocks": [list(span) for span in file.bad_blocks],
                "reason": file.reason,
            }
            for file in report.files
        ],
        "extra": ["/".join(path) for path in report.extra],
        "bad_pieces": list(report.bad_pieces),
        "piece_count": report.piece_count,
        "right": report.right,
    }
