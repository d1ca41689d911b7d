"""Turns a torrent or a magnet link into what people and programs read about it.

The names of the JSON are an interface: docs/json.md explains each, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from outpour.base.host_port import format_host_port
from outpour.base.units import count, format_size
from outpour.cli.shared.inputs import format_date
from outpour.cli.shared.printer import Printer
from outpour.torrent.linter import lint
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import File, Metainfo

TREE_LINES_MAX = 200
TREE_FOLDERS_MAX = 100_000
"""Folders of the tree; files of further ones are shown in the nearest above them."""
LABEL_WIDTH = 14

_ATTRIBUTES = {"x": "executable", "h": "hidden"}


def describe(metainfo: Metainfo) -> dict[str, object]:
    """Everything about a torrent under names that stay; bytes are hexadecimal, sizes bytes."""
    info = metainfo.info
    return {
        "kind": "torrent",
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
        "similar": [digest.hex() for digest in metainfo.similar],
        "collections": list(metainfo.collections),
        "magnet": str(Magnet.of(metainfo)),
        "files": [
            _describe_file(index, file)
            for index, file in enumerate(info.files)
            if not file.is_padding
        ],
        "lints": [{"name": note.name, "message": note.message} for note in lint(metainfo)],
    }


def describe_link(link: Magnet) -> dict[str, object]:
    """Everything that a magnet link says, under the names that `describe` has for it."""
    v1, v2 = link.infohash_v1, link.infohash_v2
    return {
        "kind": "magnet",
        "name": link.name,
        "version": "v1" if v2 is None else "v2" if v1 is None else "hybrid",
        "infohash": link.infohash.hex(),
        "infohash_v1": _hex(v1),
        "infohash_v2": _hex(v2),
        "length": link.length,
        "trackers": list(link.trackers),
        "web_seeds": list(link.web_seeds),
        "sources": list(link.sources),
        "peers": [{"host": host, "port": port} for host, port in link.peers],
        "selected": [{"first": first, "last": end - 1} for first, end in link.selected],
        "magnet": str(link),
    }


def _describe_file(index: int, file: File) -> dict[str, object]:
    described: dict[str, object] = {
        "index": index,
        "path": "/".join(file.path),
        "length": file.length,
        "offset": file.offset,
    }
    if file.attr:
        described["attr"] = file.attr
    if file.symlink is not None:
        described["symlink"] = "/".join(file.symlink)
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


def print_link(printer: Printer, link: Magnet) -> None:
    """Write everything that a magnet link says for people."""
    for label, value in _facts_of_link(link):
        printer.data(("bold", f"{label:<{LABEL_WIDTH}}"), value)


def _facts_of_link(link: Magnet) -> Iterator[tuple[str, str]]:
    yield "name", link.name or "not said"
    yield from _infohashes(link.infohash_v1, link.infohash_v2)
    if link.length is not None:
        yield "size", _size(link.length)
    yield from _column("trackers", link.trackers)
    yield from _column("web seeds", link.web_seeds)
    yield from _column("sources", link.sources)
    yield from _column("peers", [format_host_port(host, port) for host, port in link.peers])
    if link.selected:
        files = (str(a) if b - a == 1 else f"{a}-{b - 1}" for a, b in link.selected)
        yield "files wanted", ", ".join(files)
    yield "magnet", str(link)


def _infohashes(v1: bytes | None, v2: bytes | None) -> Iterator[tuple[str, str]]:
    if v1 is not None:
        yield "infohash", v1.hex()
    if v2 is not None:
        yield "infohash v2", v2.hex()


def _column(label: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, value in enumerate(values):
        yield "" if number else label, value


def _size(length: int) -> str:
    exact = f" ({length} bytes)" if length >= 1024 else ""
    return f"{format_size(length)}{exact}"


def _facts(metainfo: Metainfo) -> Iterator[tuple[str, str]]:
    info = metainfo.info
    yield "name", info.name
    yield from _infohashes(info.infohash_v1, info.infohash_v2)
    yield "version", info.version
    files = sum(not file.is_padding for file in info.files)
    yield "size", f"{_size(info.length)} in {count(files, 'file')}"
    yield "pieces", f"{info.piece_count} of {format_size(info.piece_length)}"
    yield "private", "yes" if info.private else "no"
    if info.source is not None:
        yield "source", info.source
    tiers = [f"{number}. {', '.join(tier)}" for number, tier in enumerate(metainfo.tiers, 1)]
    yield from _column("trackers", tiers)
    yield from _column("web seeds", metainfo.web_seeds)
    yield from _column("http seeds", metainfo.http_seeds)
    yield from _column("DHT nodes", [format_host_port(host, port) for host, port in metainfo.nodes])
    yield from _column("similar", [digest.hex() for digest in metainfo.similar])
    yield from _column("collections", metainfo.collections)
    if metainfo.comment:
        yield "comment", metainfo.comment
    if metainfo.created_by:
        yield "created by", metainfo.created_by
    if metainfo.creation_date is not None:
        yield "created", format_date(metainfo.creation_date)
    yield "magnet", str(Magnet.of(metainfo))


class _Folder(dict[str, "_Folder | File"]):
    """What is in a folder, by name, and how many bytes that is."""

    length = 0


def _tree(metainfo: Metainfo) -> Iterator[str]:
    info = metainfo.info
    if not info.is_folder:
        yield _leaf(info.name, info.files[0])
        return
    root = _grow(info.files)
    yield f"{info.name}/  {format_size(root.length)}"
    yield from _branches(root)


def _grow(files: Sequence[File]) -> _Folder:
    root = _Folder()
    made: list[tuple[_Folder, _Folder]] = []
    above: tuple[str, ...] = ()
    folder = root
    for file in files:
        if file.is_padding:
            continue
        name = file.path[-1]
        if file.path[:-1] != above:
            # Neighbours share their folders, which may be many.
            above = file.path[:-1]
            folder = root
            for part in above:
                folder = _enter(folder, part, made)
        if isinstance(folder.get(name), _Folder):
            folder[f"{name}/"] = folder.pop(name)
        folder[name] = file
        folder.length += file.length
    for parent, child in reversed(made):
        parent.length += child.length
    return root


def _enter(folder: _Folder, name: str, made: list[tuple[_Folder, _Folder]]) -> _Folder:
    child = folder.get(name)
    if isinstance(child, File):
        # A path that is a file and a folder: the lint says so, the tree shows both.
        name = f"{name}/"
        child = folder.get(name)
    if isinstance(child, _Folder):
        return child
    if len(made) >= TREE_FOLDERS_MAX:
        # The first lines are all that is shown; what lies deeper only counts.
        return folder
    new = folder[name] = _Folder()
    made.append((folder, new))
    return new


def _leaf(name: str, file: File) -> str:
    if file.symlink is not None:
        return f"{name} -> {'/'.join(file.symlink)}"
    said = (f"  {_ATTRIBUTES[letter]}" for letter in file.attr if letter in _ATTRIBUTES)
    return f"{name}  {format_size(file.length)}{''.join(said)}"


def _branches(root: _Folder) -> Iterator[str]:
    pending = [(iter(root.items()), len(root), "")]
    while pending:
        items, left, indent = pending.pop()
        for name, child in items:
            left -= 1
            joint, below = ("├── ", "│   ") if left else ("└── ", "    ")
            if isinstance(child, _Folder):
                yield f"{indent}{joint}{name.rstrip('/')}/  {format_size(child.length)}"
                pending.append((items, left, indent))
                pending.append((iter(child.items()), len(child), indent + below))
                break
            yield f"{indent}{joint}{_leaf(name, child)}"
