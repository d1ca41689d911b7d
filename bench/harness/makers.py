"""How each maker of torrents under comparison is called for one task."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness import programs
from harness.programs import Command

TRACKER = "http://127.0.0.1:6969/announce"
PIECE_LENGTH = 1 << 20
FORMATS = ("v1", "v2", "hybrid")

_LIBTORRENT = """
import sys, libtorrent as lt
path, folder, out, format, threads, length = sys.argv[1:]
flags = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}[format]
files = lt.file_storage()
lt.add_files(files, path)
torrent = lt.create_torrent(files, int(length), flags)
lt.set_piece_hashes(torrent, folder)
open(out, "wb").write(lt.bencode(torrent.generate()))
"""

_TORF = """
import sys, torf
path, out, threads, length = sys.argv[1:]
torrent = torf.Torrent(path, piece_size=int(length))
torrent.generate(threads=int(threads))
torrent.write(out)
"""

_READ = """
import pathlib, sys, threading
path, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
files = [path] if path.is_file() else sorted(path.rglob("*.bin"))
def read(index):
    buffer = bytearray(1 << 18)
    if len(files) == 1:
        part = path.stat().st_size // threads
        with open(path, "rb", buffering=0) as opened:
            opened.seek(part * index)
            for _ in range(part // len(buffer)):
                opened.readinto(buffer)
        return
    for file in files[index::threads]:
        with open(file, "rb", buffering=0) as opened:
            while opened.readinto(buffer):
                pass
running = [threading.Thread(target=read, args=(index,)) for index in range(threads)]
for thread in running:
    thread.start()
for thread in running:
    thread.join()
"""


@dataclass(frozen=True, slots=True)
class Task:
    """What a maker is asked to do."""

    content: Path
    out: Path
    format: str
    threads: int

    @property
    def torrent(self) -> str:
        """The file to write."""
        return str(self.out / "made.torrent")

    @property
    def reference(self) -> Path:
        """A torrent of the content that is there before."""
        return self.out.with_name("reference.torrent")


@dataclass(frozen=True, slots=True)
class Maker:
    """One contender: `command` gives its arguments, or `None` when the program is not here."""

    name: str
    command: Callable[[Task], Command | None]
    formats: tuple[str, ...] = ("v1",)
    env: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    """What it is installed as, where that is not its name."""
    contents: tuple[str, ...] = ("file", "tree")

    def __post_init__(self) -> None:
        object.__setattr__(self, "program", self.program or self.name)


def _outpour(task: Task) -> Command:
    return [*_outpour_freely(task), "--piece-length", str(PIECE_LENGTH), "--allow", "padding"]


def _outpour_freely(task: Task) -> Command:
    flags = ["--format", task.format, "--threads", str(task.threads), "--tracker", TRACKER]
    return [*programs.outpour(), "create", str(task.content), *flags, "-o", task.torrent]


def _verify(task: Task) -> Command:
    flags = ["--threads", str(task.threads)]
    return [*programs.outpour(), "verify", *flags, str(task.reference), str(task.content)]


def _mktorrent(task: Task) -> Command | None:
    flags = ["-t", str(task.threads), "-l", "20", "-a", TRACKER, "-o", task.torrent]
    return programs.call("mktorrent", *flags, task.content)


def _transmission(task: Task) -> Command | None:
    flags = ["-s", "1024", "-t", TRACKER, "-o", task.torrent]
    return programs.call("transmission-create", *flags, task.content)


def _mkbrr(task: Task) -> Command | None:
    flags = ["-l", "20", "--workers", str(task.threads), "-t", TRACKER, "-o", task.torrent]
    return programs.call("mkbrr", "create", task.content, *flags)


def _imdl(task: Task) -> Command | None:
    flags = ["--input", str(task.content), "--piece-length", "1MiB", "--output", task.torrent]
    return programs.call("imdl", "torrent", "create", *flags)


def _torf(task: Task) -> Command | None:
    if not os.access(programs.python_cache(), os.X_OK):
        return None
    flags = [str(task.content), task.torrent, str(task.threads), str(PIECE_LENGTH)]
    return [str(programs.python_cache()), "-c", _TORF, *flags]


def _py3createtorrent(task: Task) -> Command | None:
    program = programs.python_cache().with_name("py3createtorrent")
    if not os.access(program, os.X_OK):
        return None
    flags = ["-p", "1024", "-t", TRACKER, "--threads", str(task.threads), "-o", task.torrent]
    return [str(program), "--quiet", *flags, str(task.content)]


def _libtorrent(task: Task) -> Command:
    # The engine that outpour itself depends on is in this environment.
    places = [str(task.content), str(task.content.parent), task.torrent]
    numbers = [str(task.threads), str(PIECE_LENGTH)]
    return [sys.executable, "-c", _LIBTORRENT, *places, task.format, *numbers]


def _reading(task: Task) -> Command:
    return [sys.executable, "-c", _READ, str(task.content), str(task.threads)]


OUTPOUR = Maker("outpour", _outpour, FORMATS)
# A file of some gigabytes shows the kernels; small files show everything else.
_FILE = ("file",)
MAKERS = (
    OUTPOUR,
    Maker("outpour verify", _verify, FORMATS),
    Maker("outpour, its own piece length", _outpour_freely, ("hybrid",), contents=("tree",)),
    Maker("outpour, SHA-NI streams", _outpour, FORMATS, {"OUTPOUR_HASH": "shani"}, contents=_FILE),
    Maker("outpour, portable", _outpour, FORMATS, {"OUTPOUR_HASH": "portable"}, contents=_FILE),
    Maker("reading", _reading, FORMATS),
    Maker("mktorrent", _mktorrent),
    Maker("mkbrr", _mkbrr),
    # Over the tree it takes minutes: its time grows with the square of the number of files.
    Maker("torf", _torf, contents=_FILE),
    Maker("py3createtorrent", _py3createtorrent),
    Maker("intermodal", _imdl, program="imdl"),
    Maker("transmission-create", _transmission),
    Maker("libtorrent", _libtorrent, FORMATS),
)


def of(format_: str, content: str) -> tuple[Maker, ...]:
    """Return who makes torrents of this format from this content."""
    return tuple(it for it in MAKERS if format_ in it.formats and content in it.contents)
