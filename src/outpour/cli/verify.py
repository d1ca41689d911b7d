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

RANGES_SHOWN_MAX = 4
STATUS_WIDTH = 12


@define(
    "verify",
    example="""
    outpour verify game.torrent ~/releases/game
    outpour verify --json game.torrent ~/releases | jq '.files[] | select(.status != "ok")'
    """,
)
@click.argument("torrent", metavar="TORRENT")
@click.argument("path", metavar="PATH", type=ANY_PATH)
@click.option("--quick", is_flag=True, help="Compare names and sizes only.")
@click.option("--files", is_flag=True, help="Name the files that are right as well.")
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="How many hash; one a core by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
@click.pass_obj
def command(
    printer: Printer,
    torrent: str,
    path: Path,
    quick: bool,
    files: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Check a file or folder against a .torrent; exit 6 when it differs.

    PATH is the content itself, or the folder that holds it under the torrent's name.
    Each file that differs is named with the bytes that do, and in v2 and hybrid with their 16 KiB
    blocks, as finely as the torrent's hashes tell: one a piece.
    Files that the torrent does not have are named and do not count. When all that is wrong is
    that something cannot be read, the exit code is 4.
    """
    from outpour.making.verifier import verify

    metainfo = read_torrent(printer.env, torrent)
    with printer.progress("checking") as progress:
        report = verify(metainfo, path, quick=quick, threads=threads, progress=progress)
    wrong = [file for file in report.files if file.status != "ok"]
    if as_json:
        printer.json(_describe(torrent, report))
    else:
        for file in report.files if files else wrong:
            _print_file(printer, file)
    _note_extra(printer, report)
    if wrong:
        raise _fault(torrent, report, wrong)
    how = "names and sizes" if quick else "every piece"
    printer.talk(
        f"`{report.root}`: {_files(len(report.files))}, {format_size(metainfo.info.length)}, "
        f"{how} as in `{torrent}`"
    )


def _files(number: int) -> str:
    from outpour.base.units import count

    return count(number, "file")


def _fault(torrent: str, report: Report, wrong: list[FileReport]) -> OutpourError:
    total = _files(len(report.files))
    if all(file.status in ("unreadable", "unverified") for file in wrong):
        return ReadError(
            f"`{report.root}`: {len(wrong)} of {total} could not be checked against `{torrent}`",
            hint="make them readable, or run this as a user who may read them",
        )
    return VerificationError(
        f"`{report.root}`: {len(wrong)} of {total} differ from `{torrent}`",
        hint=f"mend it: outpour download {quote(torrent)} -o {quote(str(report.root.parent))}",
    )


def _print_file(printer: Printer, file: FileReport) -> None:
    details = []
    if file.status == "wrong size":
        details.append(f"{file.found} of {file.length} bytes")
    if file.reason is not None:
        details.append(file.reason)
    elif file.bad or file.unverified:
        details.append(_ranges("bytes", file.bad or file.unverified))
        if file.bad_blocks:
            details.append(_ranges("blocks", file.bad_blocks))
    style = {"ok": "green", "unverified": "yellow"}.get(file.status, "red")
    detail = f"  {', '.join(details)}" if details else ""
    printer.data((style, f"{file.status:<{STATUS_WIDTH}}"), "/".join(file.path), ("dim", detail))


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
    }
