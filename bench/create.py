"""Measure makers of torrents side by side: bytes a second of each on the same content.

In each round every maker runs once over the same files, one after the other; medians and ratios
are taken over the rounds. `reading` reads all bytes and hashes nothing, and OpenSSL hashes memory:
what the disk or its cache and the processor allow at most.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import goals, machine, makers, plot, programs, tables
from harness.content import MIB, write_random
from harness.makers import Maker, Task
from harness.process import BenchError, Usage, go_first, run

RUN_TIMEOUT_S = 120
START_UPS = 10

Results = dict[str, list[Usage]]


@dataclass(frozen=True, slots=True)
class Content:
    """What torrents are made of."""

    title: str
    fill: Callable[[Path, bool], int]


def large(path: Path, quick: bool) -> int:
    """Write one file of random bytes and return its length."""
    return write_random(path, (512 if quick else 4096) * MIB)


def many(path: Path, quick: bool) -> int:
    """Write many small files in folders of a hundred and return their total length."""
    count, length, draw = 2_000 if quick else 20_000, 0, random.Random(1)
    for number in range(count):
        folder = path / f"folder {number // 100:03}"
        folder.mkdir(parents=True, exist_ok=True)
        size = min(int(draw.lognormvariate(10.2, 1.2)), 4 * MIB)
        (folder / f"file {number:05}.bin").write_bytes(os.urandom(size))
        length += size
    return length


CONTENTS = {
    "file": Content("one file of {size}", large),
    "tree": Content("small files, {size} in all", many),
}


@dataclass(frozen=True, slots=True)
class Series:
    """One table. With few contenders it is about what changes for them, not about all."""

    content: str
    format: str
    threads: int = 2
    cold: bool = False
    only: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Tells the table apart from the others, in file names too."""
        cold = "-cold" if self.cold else ""
        return f"{self.content}-{self.format}-{self.threads}{cold}"

    def contenders(self) -> tuple[Maker, ...]:
        """Who takes part."""
        able = makers.of(self.format, self.content)
        return tuple(it for it in able if not self.only or it.name in self.only)


_ALONE = ("outpour", "mktorrent", "torf", "libtorrent")
_COLD = ("outpour", "reading", "mktorrent", "transmission-create", "libtorrent")
SERIES = (
    *(Series(content, format_) for content in CONTENTS for format_ in makers.FORMATS),
    *(Series("file", format_, threads=1, only=_ALONE) for format_ in makers.FORMATS),
    Series("tree", "v1", threads=1, only=_ALONE),
    Series("tree", "v2", threads=1, only=_ALONE),
    Series("tree", "hybrid", threads=1, only=("outpour",)),
    Series("file", "v1", cold=True, only=_COLD),
    Series("file", "hybrid", cold=True, only=_COLD),
    Series("tree", "v1", cold=True, only=_COLD),
)


def forget(path: Path) -> None:
    """Have the kernel drop a file or tree from the page cache."""
    for file in (path,) if path.is_file() else path.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(path: Path) -> None:
    """Have the kernel read a file or tree into the page cache."""
    buffer = bytearray(MIB)
    for file in (path,) if path.is_file() else path.rglob("*.bin"):
        with file.open("rb", buffering=0) as opened:
            while opened.readinto(buffer):
                pass


def play(series: Series, task: Task, rounds: int) -> tuple[Results, list[str]]:
    """Run every contender over the content, round by round; return who was left out, and why."""
    results: Results = {}
    left_out: list[str] = []
    contenders = list(series.contenders())
    os.sync()
    warm(task.content)
    prepare(task)
    for turn in range(rounds):
        for maker in tuple(contenders):
            command = maker.command(task)
            if command is None:
                contenders.remove(maker)
                left_out.append(f"{maker.name} ({programs.why_missing(maker.program)})")
                continue
            if series.cold:
                forget(task.content)
            if task.threads == 1:
                command = ["taskset", "-c", "0", *command]
            try:
                usage = once(maker, task, command)
            except BenchError as error:
                contenders.remove(maker)
                left_out.append(f"{maker.name} ({str(error).splitlines()[0]})")
                continue
            results.setdefault(maker.name, []).append(usage)
            print(
                f"{series.name} {turn + 1}/{rounds} {maker.name}: "
                f"{usage.wall_s:.2f} s, CPU {usage.cpu_s:.2f} s",
                file=sys.stderr,
            )
    return results, left_out


def once(maker: Maker, task: Task, command: Sequence[str]) -> Usage:
    """Run one maker once, in a folder that is empty before."""
    shutil.rmtree(task.out, ignore_errors=True)
    task.out.mkdir()
    env = os.environ | maker.env
    return run(command, cwd=task.out, timeout_s=RUN_TIMEOUT_S, env=env)


def prepare(task: Task) -> None:
    """Make the torrent that is verified later."""
    command = makers.OUTPOUR.command(task)
    assert command is not None
    once(makers.OUTPOUR, task, command)
    Path(task.torrent).replace(task.reference)


def render(title: str, results: Results, length: int, left_out: Sequence[str]) -> str:
    """Return the table of one series."""
    own = [it.wall_s for it in results.get(makers.OUTPOUR.name, [])]
    rows = []
    for name, usages in results.items():
        walls = [it.wall_s for it in usages]
        rate = length / statistics.median(walls) / 1e6
        rows.append(
            [
                name,
                tables.spread(walls),
                "-" if name == makers.OUTPOUR.name else f"{tables.ratio(walls, own)} x",
                f"{rate:,.0f}",
                tables.spread([it.cpu_s for it in usages]),
                tables.spread([it.rss_bytes / MIB for it in usages], 0),
            ]
        )
    head = ["maker", "seconds", "of outpour's time", "MB/s", "CPU seconds", "peak memory, MiB"]
    missing = f"\nLeft out: {', '.join(left_out)}.\n" if left_out else ""
    return f"### {title}\n\n{tables.table(head, rows)}{missing}"


def draw(title: str, results: Results, length: int) -> str:
    """Return the chart of one table, in bytes a second."""
    rows = []
    for name, usages in results.items():
        rate = length / statistics.median(it.wall_s for it in usages) / 1e6
        rows.append((name, rate, f"{rate:,.0f} MB/s"))
    return plot.bars(title, rows, makers.OUTPOUR.name)


def openssl() -> str:
    """Return one sentence on the rate of OpenSSL over memory, on one core."""
    program = shutil.which("openssl")
    if program is None:
        return "OpenSSL is not here to compare with."
    rates = []
    for digest in ("sha1", "sha256"):
        command = [program, "speed", "-seconds", "1", "-bytes", "16384", "-evp", digest]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        rates.append(float(done.stdout.split()[-1].rstrip("k")) / 1000)
    return f"OpenSSL on one core: SHA-1 {rates[0]:,.0f} MB/s, SHA-256 {rates[1]:,.0f} MB/s."


def start_up(folder: Path) -> list[Usage]:
    """Run `outpour create` on next to nothing, which is the start of the command alone."""
    tiny = folder / "tiny"
    tiny.write_bytes(b"tiny")
    task = Task(tiny, folder / "out", "v1", 1)
    command = makers.OUTPOUR.command(task)
    assert command is not None
    once(makers.OUTPOUR, task, command)
    return [once(makers.OUTPOUR, task, command) for _ in range(START_UPS)]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="an eighth of the content, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, cold 3)")
    parser.add_argument("--threads", type=int, choices=(1, 2), help="only this many threads")
    parser.add_argument("--cold", action="store_true", help="only what is not in memory before")
    parser.add_argument("--warm", action="store_true", help="only what is in memory before")
    parser.add_argument("--format", action="append", choices=makers.FORMATS, help="only this one")
    parser.add_argument("--content", choices=CONTENTS, help="only this one")
    parser.add_argument("--folder", type=Path, help="where content is written; needs 6 GB")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    parser.add_argument("--install", action="store_true", help="get the makers to compare with")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Series]:
    """Return the tables that were asked for: all, or where few filters apply, those they let by."""
    asked = [
        it
        for it in SERIES
        if options.threads in (None, it.threads)
        and options.content in (None, it.content)
        and (not options.format or it.format in options.format)
        and not (options.cold and not it.cold)
        and not (options.warm and it.cold)
    ]
    return [it for it in asked if it.threads == 2 and not it.cold] if options.quick else asked


def measure(options: argparse.Namespace, folder: Path) -> list[str]:
    """Measure everything asked for and return a section a table."""
    go_first()
    programs.compile_outpour()
    started = start_up(folder)
    sections = []
    found: dict[str, Results] = {}
    asked = chosen(options)
    for name, content in CONTENTS.items():
        if all(it.content != name for it in asked):
            continue
        path = folder / name
        length = content.fill(path, options.quick)
        about = content.title.format(size=f"{length / 1e9:.2f} GB")
        for series in (it for it in asked if it.content == name):
            rounds = options.rounds or (1 if options.quick else 3 if series.cold else 5)
            task = Task(path, folder / "out", series.format, series.threads)
            results, left_out = play(series, task, rounds)
            found[series.name] = results
            count = "two threads" if series.threads == 2 else "one thread"
            title = f"{series.format}: {about}, {count}{', not in memory' * series.cold}"
            sections.append(render(title, results, length, left_out))
            print(sections[-1])
            if options.write:
                chart = draw(title, results, length)
                sections[-1] += tables.write_picture(f"create-{series.name}", title, chart)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    reached = goals.table(found, started)
    print(reached)
    many_rounds = "Medians of five interleaved rounds, three where the content is not in memory."
    once_only = "One round over an eighth of the content: a look, not a measurement."
    rounds_said = once_only if options.quick else many_rounds
    return [f"{machine.describe()} {rounds_said} {openssl()}", reached, *sections]


def main() -> int:
    """Measure, print the tables, and put them into the page if asked to."""
    options = arguments()
    if options.install:
        programs.install_python("torf", "py3createtorrent")
        programs.install_crate("imdl")
        programs.install_go("github.com/autobrr/mkbrr@latest")
        return 0
    with tempfile.TemporaryDirectory(prefix="outpour-bench-", dir=options.folder) as name:
        sections = measure(options, Path(name))
    if options.write:
        tables.write_section(tables.PAGE, "create", "\n\n".join(sections))
    return 0


if __name__ == "__main__":
    sys.exit(main())
