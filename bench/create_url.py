"""Measure torrents of what lies on an nginx: `create URL` against curl, which hashes nothing.

In each round curl reads the file once and `outpour create` makes each kind of torrent of it, one
after the other, from the same nginx over loopback. Nothing is written but the torrents. Without a
limit the processor is what all of them have to share; with one, nginx gives each connection what a
network would.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import machine, programs, tables
from harness.content import MIB, write_random
from harness.process import BenchError, Server, Usage, free_port, go_first, run

RUN_TIMEOUT_S = 300
FORMATS = ("v1", "v2", "hybrid")
CURL = "curl, to nowhere"
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; {user}
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}/www;
    location /far/ {{ alias {folder}/www/; limit_rate 125m; limit_rate_after 0; }} }} }}
"""
PLACES = (("", "from nginx on the same machine"), ("far/", "the same, a gigabit each connection"))


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Serve a folder with nginx; yields its URL.

    Raises:
        BenchError: There is no nginx here.
    """
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "conf"
    config.write_text(NGINX.format(folder=folder, port=port, user=user))
    command = programs.call("nginx", "-c", config, "-p", folder)
    if command is None:
        raise BenchError("not installed: nginx")
    with Server(command, cwd=folder) as nginx:
        nginx.wait_until_listening(port)
        yield f"http://127.0.0.1:{port}"


def play(url: str, folder: Path, rounds: int) -> dict[str, list[Usage]]:
    """Run curl and every kind of torrent, round by round."""
    curl = programs.call("curl", "-s", "-o", os.devnull, url)
    if curl is None:
        raise BenchError("not installed: curl")
    target = folder / "made.torrent"
    commands = {CURL: curl}
    for kind in FORMATS:
        commands[f"outpour, {kind}"] = [
            *programs.outpour(), "create", url, "-o", str(target), "--force", "--format", kind,
        ]  # fmt: skip
    results: dict[str, list[Usage]] = {name: [] for name in commands}
    for turn in range(rounds):
        for name, command in commands.items():
            usage = run(command, cwd=folder, timeout_s=RUN_TIMEOUT_S)
            results[name].append(usage)
            print(f"{turn + 1}/{rounds} {name}: {usage.wall_s:.2f} s", file=sys.stderr)
    return results


def render(results: dict[str, list[Usage]], length: int) -> str:
    """Return the table."""
    reading = [usage.wall_s for usage in results[CURL]]
    rows = [
        [
            name,
            tables.spread([length / 1e6 / it.wall_s for it in usages], 0),
            "-" if name == CURL else tables.ratio(reading, [it.wall_s for it in usages]),
            tables.spread([it.cpu_s / length * 1e9 for it in usages]),
            tables.spread([it.rss_bytes / MIB for it in usages], 0),
        ]
        for name, usages in results.items()
    ]
    head = ["reader", "MB/s", "of curl's rate", "CPU seconds a GB", "peak memory, MiB"]
    return tables.table(head, rows)


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="512 MiB instead of 2 GiB, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, quick 1)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    go_first()
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www").mkdir()
        length = write_random(folder / "www" / "big.bin", (512 if options.quick else 2048) * MIB)
        with server(folder) as url:
            found = [
                f"### {length / 1e9:.2f} GB {what}\n\n"
                + render(play(f"{url}/{place}big.bin", folder, rounds), length)
                for place, what in PLACES
            ]
    head = f"{machine.describe()} Medians of {rounds} interleaved rounds."
    section = "\n\n".join([head, *found])
    print(section)
    if options.write:
        tables.write_section(tables.PAGE, "create-url", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
