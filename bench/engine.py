"""Measure libtorrent's settings one by one: a transfer on loopback with each, beside none changed.

In each round every variation moves the same file once, from one engine to another in a process of
its own, and what both take is compared with the round's own plain run. On a machine that others
use too the CPU seconds are what can be compared.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import machine, tables
from harness.content import MIB, write_random
from harness.process import BenchError, go_first

from outpour.making.maker import create

PEER = Path(__file__).parent / "harness" / "engine_peer.py"
RUN_TIMEOUT_S = 600
PLAIN = "as outpour has it"


@dataclass(frozen=True, slots=True)
class Variation:
    """Settings of libtorrent for both sides, and what else differs."""

    name: str
    settings: dict[str, object] = field(default_factory=dict)
    profile: str = "desktop"
    mib: int | None = None


VARIATIONS = (
    Variation(PLAIN),
    Variation("`server`", profile="server"),
    Variation("`small`", profile="small"),
    Variation("uTP, as libtorrent chooses", {
        "enable_outgoing_utp": True, "enable_incoming_utp": True, "mixed_mode_algorithm": 1,
    }, mib=64),
    Variation("RC4 required", {
        "out_enc_policy": 0, "in_enc_policy": 0, "allowed_enc_level": 2, "prefer_rc4": True,
    }),
    Variation("encryption off", {"out_enc_policy": 2, "in_enc_policy": 2}),
    Variation("send buffer 1/8 MiB", {
        "send_buffer_low_watermark": 1 << 20, "send_buffer_watermark": 8 << 20,
    }),
    Variation("send buffer 128 KiB", {"send_buffer_watermark": 128 << 10}),
    Variation("socket buffers 4 MiB", {
        "send_socket_buffer_size": 4 << 20, "recv_socket_buffer_size": 4 << 20,
    }),
    Variation("request queue 1500", {"max_out_request_queue": 1500}),
    Variation("request queue 250", {"max_out_request_queue": 250}),
    Variation("request queue 128", {"max_out_request_queue": 128}),
    Variation("affinity to extents", {"piece_extent_affinity": True}),
    Variation("queued disk bytes 4 MiB", {"max_queued_disk_bytes": 4 << 20}),
    Variation("queued disk bytes 16 MiB", {"max_queued_disk_bytes": 16 << 20}),
    Variation("queued disk bytes 256 MiB", {"max_queued_disk_bytes": 256 << 20}),
    Variation("aio threads 10, as libtorrent", {"aio_threads": 10}),
    Variation("aio threads 1", {"aio_threads": 1}),
    Variation("aio threads 2", {"aio_threads": 2}),
    Variation("aio threads 4", {"aio_threads": 4}),
    Variation("hashing threads 2", {"hashing_threads": 2}),
    Variation("hashing threads 0", {"hashing_threads": 0}),
    Variation("receive buffer 256 KiB", {"max_peer_recv_buffer_size": 256 << 10}),
    Variation("receive buffer 8 MiB", {"max_peer_recv_buffer_size": 8 << 20}),
    Variation("whole pieces, as libtorrent", {"whole_pieces_threshold": 20}),
    Variation("whole pieces always", {"whole_pieces_threshold": 10_000}),
    Variation("redundant have off", {"send_redundant_have": False}),
    Variation("not-sent low watermark 0", {"send_not_sent_low_watermark": 0}),
    Variation("not-sent low watermark 128 KiB", {"send_not_sent_low_watermark": 128 << 10}),
    Variation("tick 1000 ms", {"tick_interval": 1000}),
    Variation("write through", {"disk_io_write_mode": 3}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """What moving the file once took."""

    rate: float
    fetch_cpu_s_a_gb: float
    seed_cpu_s_a_gb: float
    rss_bytes: int


def move(variation: Variation, torrent: Path, source: Path, out: Path, length: int) -> Move:
    """Move the file once.

    Raises:
        BenchError: One of the sides failed.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    order: dict[str, Any] = {
        "torrent": str(torrent), "settings": variation.settings, "profile": variation.profile
    }  # fmt: skip
    seeder = subprocess.Popen(
        [sys.executable, str(PEER), "seed"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert seeder.stdin is not None
    assert seeder.stdout is not None
    try:
        seeder.stdin.write(json.dumps(order | {"folder": str(source)}).encode() + b"\n")
        seeder.stdin.flush()
        order |= json.loads(seeder.stdout.readline())
        wanted = json.dumps(order | {"folder": str(out)}).encode() + b"\n"
        fetched = subprocess.run(
            [sys.executable, str(PEER), "fetch"], input=wanted, stdout=subprocess.PIPE,
            timeout=RUN_TIMEOUT_S, check=True,
        )  # fmt: skip
        seeder.stdin.close()
        seeded = json.loads(seeder.stdout.readline())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise BenchError(f"`{variation.name}`: {error}") from error
    finally:
        seeder.kill()
        seeder.wait()
    took = json.loads(fetched.stdout)
    gb = length / 1e9
    return Move(
        length / 1e6 / took["wall_s"], took["cpu_s"] / gb, seeded["cpu_s"] / gb, took["rss_bytes"]
    )


def measure(options: argparse.Namespace) -> dict[str, list[Move]]:
    """Run every variation, round by round."""
    moves: dict[str, list[Move]] = {}
    with tempfile.TemporaryDirectory(prefix="outpour-bench-", dir=options.folder) as name:
        folder = Path(name)
        sizes = {it.mib or options.mib for it in VARIATIONS}
        for mib in sizes:
            (folder / str(mib)).mkdir()
            write_random(folder / str(mib) / "content.bin", mib * MIB)
            create(folder / str(mib) / "content.bin").write(folder / f"{mib}.torrent")
        for turn in range(options.rounds):
            for variation in VARIATIONS:
                mib = variation.mib or options.mib
                torrent, source = folder / f"{mib}.torrent", folder / str(mib)
                try:
                    took = move(variation, torrent, source, folder / "out", mib * MIB)
                except BenchError as error:
                    print(f"left out: {error}", file=sys.stderr)
                    continue
                moves.setdefault(variation.name, []).append(took)
                print(f"{turn + 1}/{options.rounds} {variation.name}: {took.rate:.0f} MB/s, CPU "
                      f"{took.fetch_cpu_s_a_gb:.2f} and {took.seed_cpu_s_a_gb:.2f}",
                      file=sys.stderr)  # fmt: skip
    return moves


def render(moves: dict[str, list[Move]]) -> str:
    """Return the table."""
    plain = moves[PLAIN]
    rows = [
        [
            name,
            tables.spread([it.rate for it in made], 0),
            tables.ratio([it.rate for it in made], [it.rate for it in plain]),
            tables.spread([it.fetch_cpu_s_a_gb for it in made]),
            tables.spread([it.seed_cpu_s_a_gb for it in made]),
            tables.spread([it.rss_bytes / MIB for it in made], 0),
        ]
        for name, made in moves.items()
    ]
    head = ["setting", "MB/s", "of plain", "CPU s a GB, to fetch", "to seed", "peak MiB, to fetch"]
    return tables.table(head, rows)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="128 MiB instead of 512, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, quick 1)")
    parser.add_argument("--folder", type=Path, help="where content is written; needs 2 GB")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.mib = 128 if options.quick else 512
    return options


def main() -> int:
    """Measure, print the table, and put it into the page if asked to."""
    options = arguments()
    go_first()
    moves = measure(options)
    section = (
        f"{machine.describe()} {options.mib} MiB a run ({VARIATIONS[3].mib} MiB over uTP), "
        f"medians of {options.rounds} interleaved rounds.\n\n{render(moves)}"
    )
    print(section)
    if options.write:
        tables.write_section(tables.PAGE, "engine", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
