"""Turns a torrent into a list of what is legal in it and still unwise."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outpour.base.text import is_unprintable, printable
from outpour.base.units import KIB, MIB, format_size
from outpour.base.url_login import without_login
from outpour.torrent.disk_names import CUT_BYTES, climbs, files_as_folders, libtorrent_name
from outpour.torrent.info import Info
from outpour.torrent.paths import component_fault

if TYPE_CHECKING:
    from outpour.torrent.metainfo import Metainfo

PIECES_MANY = 20_000
PIECE_LENGTH_SMALL = 16 * KIB
PIECE_LENGTH_LARGE = 32 * MIB
"""Some clients still refuse pieces above this."""
TORRENT_BYTES_LARGE = 10_000_000
"""libtorrent reads no file above this unless it is told to."""
SHOWN_MAX = 3
DATE_MAX = 100_000_000_000
"""Seconds since 1970 until the year 5138; what is above was meant in milliseconds."""

_TRACKER_SCHEMES = ("http://", "https://", "udp://", "ws://", "wss://")
_WEB_SEED_SCHEMES = ("http://", "https://", "ftp://")
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)]
)
_SCHEME = re.compile(r"(?:https?|udp|wss?)://", re.IGNORECASE)
_WINDOWS_SIGNS = re.compile(r'[<>:"|?*]')


@dataclass(frozen=True, slots=True)
class Lint:
    """One thing that is unwise.

    Attributes:
        name: What `--allow` takes, such as `case-duplicates`.
        message: One sentence in the form of an error message.
    """

    name: str
    message: str


LINTS = {
    "unsorted-keys": "the keys are not sorted, so some clients compute another infohash",
    "trailing-bytes": "behind the torrent are bytes that no client reads",
    "malformed-keys": "keys that clients pass over, because what they hold is not of their kind",
    "date-milliseconds": "the creation date is in milliseconds, and clients read seconds",
    "private-not-number": "`private` is not a number, so clients take the torrent for public",
    "hybrid-order": "the v1 list is not that of the v2 tree with its padding, so that some clients "
    "refuse the torrent",
    "no-tracker": "the torrent names no tracker, so peers meet through the DHT only",
    "private-without-tracker": "the torrent is private and names no tracker, so no peers can meet",
    "private-with-nodes": "the torrent is private, and clients ignore its DHT nodes",
    "announce-not-listed": "clients that know tiers never ask the tracker under `announce`",
    "tracker-joined": "several URLs in the place of one are no tracker to any client",
    "tracker-scheme": "a tracker has a scheme that no client knows",
    "login-in-url": "a login in a URL is read by everybody who has the torrent",
    "web-seed-scheme": "a web seed has a scheme that no client knows",
    "many-pieces": "the torrent has so many pieces that the file gets large and slow to load",
    "large-torrent": "the .torrent is above 10 MB, and clients on libtorrent refuse it by default",
    "piece-length-odd": "the piece length is not a power of two",
    "piece-length-small": "pieces are shorter than one request of a peer",
    "piece-length-large": "some clients refuse pieces this long",
    "missing-piece-layers": "hashes of v2 are missing, so web seeds alone cannot be checked",
    "padding": "padding is longer than the content, which clients without v2 download",
    "empty": "the torrent has no content",
    "duplicate-paths": "two files have one path",
    "file-as-folder": "a path is a file and a folder",
    "case-duplicates": "paths that differ by case only are one file on Windows and macOS",
    "unicode-duplicates": "paths that differ by Unicode form only are one file on macOS",
    "names-climb": "names that climb out of the folder, so that nothing of the torrent is stored",
    "names-replaced": "names that no disk takes as they are, so that clients store others",
    "names-long": f"names above {CUT_BYTES} bytes, which some clients cut off",
    "windows-names": "names that Windows cannot store",
    "names-not-utf8": "names that are not UTF-8 turn out differently on other systems",
    "names-decomposed": "names whose Unicode form is not NFC are spelt otherwise on other systems",
    "names-unprintable": "names with letters that hide or reorder what is shown",
}
"""Every lint by name, with what it stands for."""


def lint(metainfo: Metainfo) -> tuple[Lint, ...]:
    """Say what is unwise in a torrent, worst first within each part.

    Example:
        >>> [note.name for note in lint(metainfo)]  # doctest: +SKIP
        ['no-tracker']
    """
    paths = [file.path for file in metainfo.info.files if not file.is_padding]
    return (
        *_lint_file(metainfo),
        *lint_addresses(
            trackers=[url for tier in metainfo.tiers for url in tier],
            web_seeds=[*metainfo.web_seeds, *metainfo.http_seeds],
            private=metainfo.info.private,
            has_nodes=bool(metainfo.nodes),
        ),
        *_lint_announce(metainfo),
        *_lint_layers(metainfo),
        *lint_pieces(
            piece_length=metainfo.info.piece_length,
            piece_count=metainfo.info.piece_count,
            length=metainfo.info.length,
            padding=sum(file.length for file in metainfo.info.files if file.is_padding),
        ),
        *lint_paths(paths, root=metainfo.info.name),
    )


def lint_paths(paths: Sequence[tuple[str, ...]], *, root: str | None = None) -> tuple[Lint, ...]:
    """Say what is unwise in the paths of a torrent, made or about to be made.

    Args:
        paths: Components below the root folder, file by file.
        root: The name of the root folder, or of the only file.
    """
    found = _Found()
    folders = files_as_folders(paths)
    twins = _Twins(found)
    names = {root} if root else set()
    above: tuple[str, ...] | None = None
    for path in paths:
        if path[:-1] != above:
            # Neighbours share their folders, which may be many.
            above = path[:-1]
            twins.enter(above)
            names.update(above)
        names.add(path[-1])
        if path in folders:
            found.add("file-as-folder", "/".join(path))
        twins.add(path)
    for name in sorted(names):
        for kind in _name_faults(name):
            found.add(kind, name)
    return tuple(Lint(kind, found.sentence(kind)) for kind in LINTS if kind in found.numbers)


class _Twins:
    """Paths that are one and the same to some file systems."""

    def __init__(self, found: _Found) -> None:
        self._found = found
        self._numbers: dict[tuple[str, ...], int] = {(): 0}
        self._folder = 0
        # Of a million paths hardly any two meet, so that sets are made for those that do.
        self._firsts: dict[tuple[int, str], tuple[str, ...]] = {}
        self._known: dict[tuple[int, str], set[tuple[str, ...]]] = {}
        self._cases: dict[tuple[int, str], set[tuple[str, ...]]] = {}

    def enter(self, folder: tuple[str, ...]) -> None:
        """Go on with the paths of a folder."""
        self._folder = self._numbers.setdefault(
            tuple([_fold(part) for part in folder]), len(self._numbers)
        )

    def add(self, path: tuple[str, ...]) -> None:
        """Look at the next path of the folder."""
        key = (self._folder, _fold(path[-1]))
        first = self._firsts.get(key)
        if first is None:
            self._firsts[key] = path
            return
        known = self._known.setdefault(key, {first})
        if path in known:
            self._found.add("duplicate-paths", "/".join(path))
        else:
            cases = self._cases.get(key)
            if cases is None:
                cases = self._cases[key] = {_casefold(twin) for twin in known}
            kind = "case-duplicates" if _casefold(path) in cases else "unicode-duplicates"
            cases.add(_casefold(path))
            for twin in (*known, path) if len(known) == 1 else (path,):
                self._found.add(kind, "/".join(twin))
        known.add(path)


class _Found:
    """Names by what is unwise in them: how many, and the first few."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, kind: str, example: str) -> None:
        number = self.numbers.get(kind, 0)
        self.numbers[kind] = number + 1
        if number < SHOWN_MAX:
            self._examples.setdefault(kind, []).append(example)

    def sentence(self, kind: str) -> str:
        return _sentence(kind, self._examples[kind], self.numbers[kind])


def _fold(part: str) -> str:
    return part.lower() if part.isascii() else unicodedata.normalize("NFC", part).casefold()


def _casefold(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([part.casefold() for part in path])


def _sentence(kind: str, examples: Sequence[str], number: int | None = None) -> str:
    number = len(examples) if number is None else number
    shown = ", ".join(f"`{printable(example)}`" for example in examples[:SHOWN_MAX])
    more = f" and {number - SHOWN_MAX} more" if number > SHOWN_MAX else ""
    return f"{LINTS[kind]}: {shown}{more}"


def _name_faults(name: str) -> Iterator[str]:
    if component_fault(name) is not None:
        yield "names-climb" if climbs(name) else "names-replaced"
        return
    # A letter has at most four bytes.
    is_long = len(name) > CUT_BYTES // 4 and len(_bytes(name)) > CUT_BYTES
    if is_long and libtorrent_name(name) != name:
        yield "names-long"
    stem = name.split(".", 1)[0].rstrip(" ").lower()
    if stem in _WINDOWS_DEVICES or name[-1] in ". " or _WINDOWS_SIGNS.search(name):
        yield "windows-names"
    if name.isascii():
        return
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        yield "names-not-utf8"
        return
    if not unicodedata.is_normalized("NFC", name):
        yield "names-decomposed"
    if any(is_unprintable(letter) for letter in name):
        yield "names-unprintable"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _lint_file(metainfo: Metainfo) -> Iterator[Lint]:
    if metainfo.unsorted_at is not None:
        yield Lint("unsorted-keys", f"{LINTS['unsorted-keys']} (byte {metainfo.unsorted_at})")
    if metainfo.trailing:
        yield Lint("trailing-bytes", f"{LINTS['trailing-bytes']}: {metainfo.trailing}")
    if metainfo.malformed:
        yield Lint("malformed-keys", _sentence("malformed-keys", metainfo.malformed))
    yield from lint_size(len(metainfo.raw))
    yield from lint_date(metainfo.creation_date)
    if "info.private" in metainfo.malformed:
        yield Lint("private-not-number", LINTS["private-not-number"])
    if metainfo.info.version == "hybrid" and not _is_in_order(metainfo.info):
        yield Lint("hybrid-order", LINTS["hybrid-order"])


def lint_size(size: int) -> Iterator[Lint]:
    """Say what is unwise in the bytes of a .torrent, made or about to be made."""
    if size > TORRENT_BYTES_LARGE:
        yield Lint("large-torrent", f"{LINTS['large-torrent']}: {format_size(size)}")


def lint_date(seconds: int | None) -> Iterator[Lint]:
    """Say what is unwise in the creation date of a torrent, made or about to be made."""
    if seconds is not None and seconds > DATE_MAX:
        yield Lint("date-milliseconds", f"{LINTS['date-milliseconds']}: {seconds}")


def _is_in_order(info: Info) -> bool:
    # What libtorrent asks of the v1 list of a hybrid: at each place the file that the tree has
    # there once padding is put behind every file that needs it; behind the last it may be left out.
    expected: list[tuple[tuple[str, ...], int, int]] = []
    offset = 0
    content = [file for file in info.files if not file.is_padding]
    for file in sorted(content, key=lambda file: [*map(_bytes, file.path)]):
        expected.append((file.path, file.length, offset))
        offset += file.length
        if offset % info.piece_length:
            expected.append(((), 0, 0))
            offset += -offset % info.piece_length
    listed = [
        ((), 0, 0) if file.is_padding else (file.path, file.length, file.offset)
        for file in info.files
    ]
    total = sum(file.length for file in info.files)
    if len(expected) == len(listed) + 1:
        tail = max((at for at, entry in enumerate(expected) if entry == ((), 0, 0)), default=None)
        if tail is not None and not any(length for _, length, _ in expected[tail:]):
            del expected[tail]
            offset = max((start + length for _, length, start in expected), default=0)
    # Where files without content stand is no matter.
    return offset == total and [_relevant(entry) for entry in expected] == [
        _relevant(entry) for entry in listed
    ]


def _relevant(entry: tuple[tuple[str, ...], int, int]) -> tuple[tuple[str, ...], int, int] | None:
    return entry if entry[1] else None


def lint_addresses(
    *, trackers: Sequence[str], web_seeds: Sequence[str], private: bool, has_nodes: bool
) -> Iterator[Lint]:
    """Say what is unwise in where a torrent, made or about to be made, sends its clients."""
    if not trackers:
        kind = "private-without-tracker" if private else "no-tracker"
        yield Lint(kind, LINTS[kind])
    if private and has_nodes:
        yield Lint("private-with-nodes", LINTS["private-with-nodes"])
    joined = [url for url in trackers if len(_SCHEME.findall(url)) > 1 or len(url.split()) > 1]
    if joined:
        yield Lint("tracker-joined", _sentence("tracker-joined", joined))
    bare = [it for url in (*trackers, *web_seeds) if (it := without_login(url)) != url]
    if bare:
        yield Lint("login-in-url", _sentence("login-in-url", bare))
    for kind, urls, schemes in (
        ("tracker-scheme", trackers, _TRACKER_SCHEMES),
        ("web-seed-scheme", web_seeds, _WEB_SEED_SCHEMES),
    ):
        odd = [url for url in urls if not url.lower().startswith(schemes)]
        if odd:
            yield Lint(kind, _sentence(kind, odd))


def lint_pieces(
    *, piece_length: int, piece_count: int, length: int, padding: int
) -> Iterator[Lint]:
    """Say what is unwise in the sizes of a torrent, made or about to be made.

    Args:
        piece_length: Bytes.
        piece_count: Of the v1 list, or in pure v2 of all files.
        length: Bytes of content.
        padding: Bytes of padding (BEP 47).
    """
    if piece_count > PIECES_MANY:
        yield Lint("many-pieces", f"{LINTS['many-pieces']}: {piece_count}")
    for kind, applies in (
        ("piece-length-odd", piece_length & (piece_length - 1) != 0),
        ("piece-length-small", piece_length < PIECE_LENGTH_SMALL),
        ("piece-length-large", piece_length > PIECE_LENGTH_LARGE),
    ):
        if applies:
            yield Lint(kind, f"{LINTS[kind]}: {format_size(piece_length)}")
    if padding > length:
        yield Lint("padding", f"{LINTS['padding']}: {format_size(padding)}")
    if length == 0:
        yield Lint("empty", LINTS["empty"])


def _lint_announce(metainfo: Metainfo) -> Iterator[Lint]:
    announce = metainfo.announce
    if announce and not any(announce in tier for tier in metainfo.tiers):
        yield Lint("announce-not-listed", _sentence("announce-not-listed", [announce]))


def _lint_layers(metainfo: Metainfo) -> Iterator[Lint]:
    roots = {
        file.pieces_root
        for file in metainfo.info.files
        if file.pieces_root is not None and file.length > metainfo.info.piece_length
    }
    if not roots <= metainfo.piece_layers.keys():
        yield Lint("missing-piece-layers", LINTS["missing-piece-layers"])
