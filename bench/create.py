"""Measure makers of torrents side by side: bytes a second of each on the same content.

In each round every maker runs once over the same files, which are in the page cache (`--cold`
drops them first); medians and ratios are taken over the rounds. `reading` reads all bytes and
hashes nothing, `OpenSSL` hashes memory on one core: what disk cache and processor allow at most.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import machine, makers, peers, plot, tables
from harness.makers import Maker, Task
from harness.program import BenchError, Usage, run

RUN_TIMEOUT_S = 600
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """What torrents are made of."""

    name: str
    title: str
    fill: Callable[[Path, bool], int]
    is_folder: bool


def large(path: Path, quick: bool) -> int:
    """Write one file of random bytes and return its length."""
    length = (512 if quick else 4096) * MIB
    with path.open("wb") as file:
        for _ in range(length // (8 * MIB)):
            file.write(os.urandom(8 * MIB))
    return length


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


CONTENTS = (
    Content("file", "one file of {size}", large, is_folder=False),
    Content("tree", "small files, {size} in all", many, is_folder=True),
)


def forget(path: Path) -> None:
    """Have the kernel drop a file or tree from the page cache."""
    os.sync()
    for file in (path,) if path.is_file() else path.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def play(
    contenders: Sequence[Maker], task: Task, rounds: int, *, cold: bool
) -> dict[str, list[Usage]]:
    """Run every maker of one format over the content, round by round."""
    results: dict[str, list[Usage]] = {}
    left = list(contenders)
    for turn in range(rounds):
        for maker in tuple(left):
            command = maker.command(task)
            if command is None:
                print(f"not installed: {maker.name}", file=sys.stderr)
                left.remove(maker)
                continue
            if cold:
                forget(task.content)
            shutil.rmtree(task.out, ignore_errors=True)
            task.out.mkdir()
            limited = command if task.threads > 1 else ["taskset", "-c", "0", *command]
            try:
                usage = run(
                    limited, cwd=task.out, timeout_s=RUN_TIMEOUT_S, env=os.environ | maker.env
                )
            except BenchError as error:
                print(f"left out: {maker.name}: {error}", file=sys.stderr)
                left.remove(maker)
                continue
            results.setdefault(maker.name, []).append(usage)
            print(
                f"{task.content.name} {task.format} {turn + 1}/{rounds} {maker.name}: "
                f"{usage.wall_s:.2f} s, CPU {usage.cpu_s:.2f} s",
                file=sys.stderr,
            )
    return results


def render(title: str, results: dict[str, list[Usage]]) -> str:
    """Return the table of one format over one content."""
    own = results.get(makers.OUTPOUR.name, [])
    rows = [
        [
            name,
            tables.spread([it.wall_s for it in usages]),
            "-"
            if name == makers.OUTPOUR.name
            else tables.ratio([it.wall_s for it in usages], [it.wall_s for it in own]) + " x",
            tables.spread([it.cpu_s for it in usages]),
            tables.spread([it.rss_bytes / MIB for it in usages], 0),
        ]
        for name, usages in results.items()
    ]
    head = ["maker", "seconds", "of outpour's time", "CPU seconds", "peak memory, MiB"]
    return f"### {title}\n\n{tables.table(head, rows)}"


def draw(title: str, results: dict[str, list[Usage]], length: int) -> str:
    """Return the chart of one table, in bytes a second."""
    rows = []
    for name, usages in results.items():
        middle = sorted(it.wall_s for it in usages)[len(usages) // 2]
        rate = length / middle / MIB
        rows.append((name, rate, f"{rate:,.0f} MiB/s"))
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


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="an eighth of the content, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, quick 1)")
    parser.add_argument("--threads", type=int, action="append", help="threads a maker (2)")
    parser.add_argument("--cold", action="store_true", help="drop the content from memory first")
    parser.add_argument("--format", action="append", choices=makers.FORMATS, help="only this one")
    names = [content.name for content in CONTENTS]
    parser.add_argument("--content", action="append", choices=names, help="only this one")
    parser.add_argument("--folder", type=Path, help="where content is written; needs 6 GB")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    parser.add_argument("--install", action="store_true", help="get the makers to compare with")
    return parser.parse_args()


def measure(options: argparse.Namespace, folder: Path) -> list[str]:
    """Measure everything asked for and return a section a table."""
    rounds = options.rounds or (1 if options.quick else 5)
    cold = ", not in memory" if options.cold else ""
    sections = [f"{machine.describe()} Medians of {rounds} interleaved rounds. {openssl()}"]
    for content in CONTENTS:
        if options.content and content.name not in options.content:
            continue
        path = folder / content.name
        length = content.fill(path, options.quick)
        size = f"{length / 1e9:.2f} GB"
        for format_ in options.format or makers.FORMATS:
            for threads in options.threads or [2]:
                task = Task(path, folder / "out", format_, threads)
                results = play(makers.of(format_), task, rounds, cold=options.cold)
                count = "two threads" if threads == 2 else f"{threads} thread"
                title = f"{format_}: {content.title.format(size=size)}, {count}{cold}"
                section = render(title, results)
                print(section)
                if options.write:
                    name = f"create-{content.name}-{format_}-{threads}{'-cold' * options.cold}.svg"
                    picture = tables.PAGE.with_name("benchmarks") / name
                    picture.parent.mkdir(exist_ok=True)
                    picture.write_text(draw(title, results, length))
                    section += f"\n![{title}](benchmarks/{name})\n"
                sections.append(section)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return sections


def main() -> int:
    """Measure, print the tables, and put them into the page if asked to."""
    options = arguments()
    if options.install:
        peers.install_python("torf", "py3createtorrent")
        peers.install_crate("imdl")
        peers.install_go("github.com/autobrr/mkbrr@latest")
        return 0
    with tempfile.TemporaryDirectory(prefix="outpour-bench-", dir=options.folder) as name:
        sections = measure(options, Path(name))
    if options.write:
        section = "create-cold" if options.cold else "create"
        tables.write_section(tables.PAGE, section, "\n\n".join(sections))
    return 0


if __name__ == "__main__":
    sys.exit(main())
