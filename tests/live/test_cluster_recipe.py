"""The recipe of README.md and docs/cluster.md, typed as it is printed, on machines of their own.

The machines are network namespaces at one bridge, so this needs the rights to make them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from functools import partial

import pytest

from tests.conftest import BIN, ROOT
from tests.live.clients import aria2, transmission
from tests.waiting import wait_for

pytestmark = pytest.mark.live
MACHINES = tuple(f"10.77.0.{number}" for number in range(1, 7))
SIZE = 3_000_000


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, check=False, timeout=60)


class Machines:
    """Namespaces with an address each, and what runs in them."""

    def __init__(self, folder):
        self.folder = folder
        self.name = f"op{os.getpid() % 10_000}"
        self.running = []

    def up(self):
        if not shutil.which("ip") or ip("netns", "add", f"{self.name}hub").returncode:
            pytest.skip("network namespaces cannot be made here")
        hub = ("-n", f"{self.name}hub")
        ip(*hub, "link", "add", "bridge", "type", "bridge")
        ip(*hub, "link", "set", "bridge", "up")
        for number, address in enumerate(MACHINES):
            one = f"{self.name}{number}"
            ip("netns", "add", one)
            inner, outer = f"{one}i", f"{one}o"
            ip("link", "add", inner, "netns", one, "type", "veth", "peer", "name", outer, "netns",
               f"{self.name}hub")  # fmt: skip
            ip(*hub, "link", "set", outer, "master", "bridge", "up")
            ip("-n", one, "address", "add", f"{address}/24", "dev", inner)
            ip("-n", one, "link", "set", inner, "up")
            ip("-n", one, "link", "set", "lo", "up")
            # Without a way to everywhere Transmission thinks that it has no network.
            ip("-n", one, "route", "add", "default", "via", MACHINES[0])
        return self

    def run(self, address, words, folder):
        folder.mkdir(exist_ok=True)
        path = f"{BIN}:{os.environ['PATH']}"
        number = MACHINES.index(address)
        with (folder / "said").open("wb") as said:
            one = subprocess.Popen(
            ["ip", "netns", "exec", f"{self.name}{number}", *map(str, words)],
            cwd=folder, stdout=said, stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": path, "HOME": str(folder), "XDG_STATE_HOME": str(folder)},
        )  # fmt: skip
        self.running.append(one)
        return one

    def ask(self, address, url):
        number = MACHINES.index(address)
        words = ["ip", "netns", "exec", f"{self.name}{number}", "curl", "-s", "-m", "30", url]
        return subprocess.run(words, capture_output=True, check=False, timeout=60).stdout.decode()

    def is_healthy(self, tracker):
        return self.ask(MACHINES[3], f"http://{tracker}:6969/healthz") == "ok\n"

    def close(self):
        for one in self.running:
            if one.poll() is None:
                one.kill()
                one.wait(20)
        for number in range(len(MACHINES)):
            ip("netns", "del", f"{self.name}{number}")
        ip("netns", "del", f"{self.name}hub")


@pytest.fixture
def machines(tmp_path):
    made = Machines(tmp_path)
    try:
        yield made.up()
    finally:
        made.close()


def commands():
    """The commands of the recipe, in their order, as the page and README.md print them."""
    page = (ROOT / "docs/cluster.md").read_text()
    recipe = page.partition("## Two trackers, one server")[2].partition("\n## ")[0]
    short = (ROOT / "README.md").read_text().partition("Several trackers act as one")[2]
    printed = [shell_lines(recipe), shell_lines(short.partition("\n#")[0])]
    assert printed[0] == printed[1]
    return printed[0]


def shell_lines(text):
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


@pytest.mark.long
@pytest.mark.skipif(
    not all(map(shutil.which, ("redis-server", "aria2c", "transmission-cli", "curl"))),
    reason="a program of the recipe is not installed",
)
def test_clients_download_through_both_trackers_and_through_the_one_that_is_left(
    machines, tmp_path
):
    server, first, second, create = commands()
    folders = [tmp_path / name for name in ("server", "first", "second", "seeder", "leecher")]
    for folder in folders:
        folder.mkdir()
    page = (ROOT / "docs/cluster.md").read_text()
    (folders[0] / "users.acl").write_text(
        "user default off\n" + page.partition("begin -->\n```\n")[2].partition("```")[0]
    )
    machines.run(MACHINES[0], server, folders[0])
    # A tracker that finds no server goes on alone.
    said = folders[0] / "said"
    wait_for(lambda: "Ready to accept" in said.read_text(), what="the server", still=said.read_text)
    trackers = []
    for address, command, folder in zip(MACHINES[1:3], (first, second), folders[1:3], strict=True):
        trackers.append(machines.run(address, command, folder))
        wait_for(partial(machines.is_healthy, address), seconds=60, what="a tracker")
        said = (folder / "said").read_text()
        assert "going on alone" not in said, said
    (folders[3] / "big.iso").write_bytes(os.urandom(SIZE))
    made = machines.run(MACHINES[3], create, folders[3])
    assert made.wait(100) == 0
    torrent = folders[3] / "big.iso.torrent"
    seeder = transmitting(torrent, folders[3], MACHINES[3])
    machines.run(MACHINES[3], seeder, folders[3])

    def counts(tracker):
        text = machines.ask(MACHINES[4], f"http://{tracker}:6969/api/v1/torrents")
        return re.findall(r'"complete": ?(\d+).*?"downloaded": ?(\d+)', text, re.DOTALL)

    # The seeder announces to one tracker alone; both know it.
    wait_for(
        lambda: all(("1", "0") in counts(one) for one in MACHINES[1:3]),
        seconds=60, what="the seeder at both", still=lambda: list(map(counts, MACHINES[1:3])),
    )  # fmt: skip
    downloaded(machines, torrent, MACHINES[4], folders[4] / "one")
    wait_for(
        lambda: all(("1" in [c[1] for c in counts(one)]) for one in MACHINES[1:3]),
        seconds=60, what="the download at both", still=lambda: list(map(counts, MACHINES[1:3])),
    )  # fmt: skip
    pid = subprocess.run(["pgrep", "-P", str(trackers[0].pid)], capture_output=True, check=False)
    os.kill(int(pid.stdout or trackers[0].pid), signal.SIGKILL)
    trackers[0].wait(20)
    assert machines.is_healthy(MACHINES[2])
    assert "1" in [c[1] for c in counts(MACHINES[2])]
    # To Transmission all at an address that finished once are seeds, and of no use to one.
    downloaded(machines, torrent, MACHINES[5], folders[4] / "two")
    wait_for(
        lambda: "2" in [c[1] for c in counts(MACHINES[2])],
        seconds=60, what="the download at the one left", still=lambda: counts(MACHINES[2]),
    )  # fmt: skip


def transmitting(torrent, target, address):
    """Transmission, at this address alone."""
    config = target / "config"
    words = transmission("transmission-cli", torrent, target, 51413, config=config, host="any")
    chosen = config / "settings.json"
    settings = json.loads(chosen.read_text())
    chosen.write_text(json.dumps({**settings, "bind-address-ipv4": address}))
    return words


def downloaded(machines, torrent, address, target):
    """Download with aria2, at this address, and see that all is there."""
    target.mkdir(parents=True)
    leecher = aria2("aria2c", torrent, target, 6890, host=address)
    done = machines.run(address, leecher, target)
    assert done.wait(100) == 0, (target / "said").read_text()[-2000:]
    assert (target / "big.iso").read_bytes() == (torrent.parent / "big.iso").read_bytes()
