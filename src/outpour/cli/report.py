"""Turns a torrent into what people and programs read about it."""

from __future__ import annotations

from collections.abc import Iterator

from outpour.cli.inputs import format_date
from outpour.cli.printer import Printer
from outpour.linter import lint
from outpour.magnet import Magnet
from outpour.metainfo import File, Metainfo
from outpour.units import format_size

TREE_LINES_MAX = 200
LABEL_WIDTH = 14


def describe(metainfo: Metainfo) -> dict[str, object]:
    """Everything about a torrent under names that stay; bytes are hexadecimal, sizes bytes."""
    info = metainfo.info
    return {
        "name": info.name,
        "version": info.version,
        "infohash": info.infohash_hex,
        "infohash_v1": _hex(info.infohash_v1),
        "infohash_v2": _hex(info.infohash_v2),
        "length": info.length,
        "is_folder": info.is_folder,
        "file_count": sum(not file.is_padding for file in info.files),
        "piece_length": info.piece_length,
        "piece_count": info.piece_count,
        "private": info.private,
        "source": info.source,
        "announce": metainfo.announce,
        "announce_list": [list(tier) for tier in metainfo.announce_list],
        "trackers": [list(tier) for tier in metainfo.tiers],
        "web_seeds": list(metainfo.web_seeds),
        "http_seeds": list(metainfo.http_seeds),
        "nodes": [{"host": host, "port": port} for host, port in metainfo.nodes],
        "comment": metainfo.comment,
        "created_by": metainfo.created_by,
        "creation_date": metainfo.creation_date,
        "magnet": str(Magnet.of(metainfo)),
        "files": [_describe_file(file) for file in info.files if not file.is_padding],
        "lints": [{"name": note.name, "message": note.message} for note in lint(metainfo)],
    }


def _describe_file(file: File) -> dict[str, object]:
    described: dict[str, object] = {
        "path": "/".join(file.path),
        "length": file.length,
        "offset": file.offset,
    }
    if file.attr:
        described["attr"] = file.attr
    if file.pieces_root is not None:
        described["pieces_root"] = file.pieces_root.hex()
    return described


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def print_report(printer: Printer, metainfo: Metainfo) -> None:
    """Write everything about a torrent for people."""
    for label, value in _facts(metainfo):
        printer.data(("bold", f"{label:<{LABEL_WIDTH}}"), value)
    printer.data(("bold", "files"))
    lines = _tree(metainfo)
    for number, line in enumerate(lines):
        if number == TREE_LINES_MAX:
            rest = sum(1 for _ in lines) + 1
            printer.data(("dim", f"  and {rest} more lines; `--files` lists every file"))
            break
        printer.data(f"  {line}")
    for note in lint(metainfo):
        printer.data(("yellow", f"{'note':<{LABEL_WIDTH}}"), f"{note.message} ({note.name})")


def _facts(metainfo: Metainfo) -> Iterator[tuple[str, str]]:
    info = metainfo.info
    yield "name", info.name
    if info.infohash_v1 is not None:
        yield "infohash", info.infohash_v1.hex()
    if info.infohash_v2 is not None:
        yield "infohash v2", info.infohash_v2.hex()
    yield "version", info.version
    files = sum(not file.is_padding for file in info.files)
    exact = f" ({info.length} bytes)" if info.length >= 1024 else ""
    yield "size", f"{format_size(info.length)}{exact} in {count(files, 'file')}"
    yield "pieces", f"{info.piece_count} of {format_size(info.piece_length)}"
    yield "private", "yes" if info.private else "no"
    if info.source is not None:
        yield "source", info.source
    for number, tier in enumerate(metainfo.tiers, 1):
        yield "trackers" if number == 1 else "", f"{number}. {', '.join(tier)}"
    for label, values in (
        ("web seeds", metainfo.web_seeds),
        ("http seeds", metainfo.http_seeds),
        ("DHT nodes", [f"{host}:{port}" for host, port in metainfo.nodes]),
    ):
        for number, value in enumerate(values):
            yield "" if number else label, value
    if metainfo.comment:
        yield "comment", metainfo.comment
    if metainfo.created_by:
        yield "created by", metainfo.created_by
    if metainfo.creation_date is not None:
        yield "created", format_date(metainfo.creation_date)
    yield "magnet", str(Magnet.of(metainfo))


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    Example:
        >>> count(1, "file"), count(2, "file")
        ('1 file', '2 files')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class _Folder(dict[str, "_Folder | int"]):
    pass


def _tree(metainfo: Metainfo) -> Iterator[str]:
    info = metainfo.info
    if not info.is_folder:
        yield f"{info.name}  {format_size(info.length)}"
        return
    root = _Folder()
    for file in info.files:
        if file.is_padding:
            continue
        folder = root
        for part in file.path[:-1]:
            child = folder.setdefault(part, _Folder())
            if not isinstance(child, _Folder):
                # A path that is a file and a folder: the lint says so, the tree shows both.
                child = folder.setdefault(f"{part}/", _Folder())
            assert isinstance(child, _Folder)
            folder = child
        folder[file.path[-1]] = file.length
    yield f"{info.name}/"
    yield from _branches(root)


def _branches(root: _Folder) -> Iterator[str]:
    pending = [(iter(root.items()), len(root), "")]
    while pending:
        items, left, indent = pending.pop()
        for name, child in items:
            left -= 1
            joint, below = ("├── ", "│   ") if left else ("└── ", "    ")
            if isinstance(child, _Folder):
                yield f"{indent}{joint}{name.rstrip('/')}/"
                pending.append((items, left, indent))
                pending.append((iter(child.items()), len(child), indent + below))
                break
            yield f"{indent}{joint}{name}  {format_size(child)}"
