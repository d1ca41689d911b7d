"""A publisher, two mirrors and ten downloaders: the publisher is killed, and everybody finishes."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

import pytest

from outpour.client import Client
from outpour.torrent.metainfo import Metainfo
from tests.free_ports import free_port
from tests.live.clients import aria2, rtorrent, transmission
from tests.live.conftest import Start, peer
from tests.live.mirroring import Mirror
from tests.live.publication import Publication, status
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(420)]

NAME = "release.img"
LENGTH = 3 << 20
UP = 150 << 10
"""Bytes a second that each sends; with so little nobody is done before the publisher dies."""
QBITTORRENT = """[LegalNotice]
Accepted=true
[BitTorrent]
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=true
Session\\Interface=lo
Session\\InterfaceName=lo
Session\\InterfaceAddress={host}
Session\\GlobalUPSpeedLimit=150
Session\\IgnoreLimitsOnLAN=false
Session\\MultiConnectionsPerIp=true
[Network]
PortForwardingEnabled=false
[Preferences]
WebUI\\Enabled=true
WebUI\\Port={web}
WebUI\\Address=127.0.0.1
"""


def qbittorrent(
    executable: str, torrent: Path, target: Path, port: int, *, profile: Path, host: str
) -> list[str]:
    """qBittorrent without a window, that goes on seeding when the content is complete."""
    folder = profile / "qBittorrent" / "config"
    folder.mkdir(parents=True)
    (folder / "qBittorrent.conf").write_text(QBITTORRENT.format(web=free_port(), host=host))
    return [
        executable, f"--profile={profile}", f"--save-path={target}", f"--torrenting-port={port}",
        "--skip-dialog=true", "--add-paused=false", str(torrent),
    ]  # fmt: skip


class Spread:
    """The pieces that somebody has on disk, complete or on the way; each is looked for until then.

    It has to be quick: while it looks, the swarm goes on without us.
    """

    def __init__(self, root: Path, metainfo: Metainfo, content: bytes) -> None:
        self._root = root
        length = metainfo.info.piece_length
        self.missing = {at: content[at : at + length] for at in range(0, len(content), length)}

    def is_whole(self) -> bool:
        for path in self._root.rglob(f"{NAME}*"):
            # Somebody may just give it its name, or remove what is no longer needed.
            with suppress(FileNotFoundError, IsADirectoryError), path.open("rb") as file:
                if path.stat().st_size > LENGTH // 10:
                    for at in [at for at in self.missing if self._holds(file, at)]:
                        del self.missing[at]
        return not self.missing

    def _holds(self, file: BinaryIO, at: int) -> bool:
        file.seek(at)
        return file.read(len(self.missing[at])) == self.missing[at]


def is_there(target: Path, content: bytes) -> bool:
    path = target / NAME
    try:
        return path.stat().st_size == LENGTH and path.read_bytes() == content
    except FileNotFoundError:
        return False


@pytest.mark.long
def test_the_publisher_is_killed_half_way_and_everyone_finishes(start: Start, tmp_path: Path):
    releases, swarm = tmp_path / "releases", tmp_path / "swarm"
    releases.mkdir()
    content = os.urandom(LENGTH)
    (releases / NAME).write_bytes(content)
    token, config = tmp_path / "token", tmp_path / "config.toml"
    token.write_text("0123456789abcdef")
    config.write_text(f'admin_token_file = "{token}"\n')
    # Next to nothing is given before all are there, however long they take to start.
    publication = Publication(
        start, releases, "--no-content", "--up-rate", "4KiB", "--piece-length", "32KiB",
        "--config", str(config),
    )  # fmt: skip
    publication.wait_published(NAME)
    torrent = publication.torrent_file(NAME, tmp_path)
    metainfo = Metainfo.read(torrent)
    targets: dict[str, Path] = {}
    # As machines of their own have them: Transmission keeps one peer of each address.
    hosts = (f"127.0.0.{number}" for number in count(2))

    def target(name: str) -> Path:
        targets[name] = swarm / name
        targets[name].mkdir(parents=True)
        return targets[name]

    def are_in_the_swarm(many: int) -> None:
        wait_for(
            lambda: publication.row(NAME)["downloading"] == many, seconds=120,
            what=f"{many} in the swarm", still=lambda: publication.row(NAME),
        )  # fmt: skip

    # It connects to nobody on loopback, so it has to be there for the others to connect to.
    for number in range(2):
        folder, config = target(f"transmission-{number}"), tmp_path / f"config-{number}"
        words = transmission(
            peer("transmission-cli"), torrent, folder, free_port(), config=config, host=next(hosts)
        )
        settings = config / "settings.json"
        # Without it, a client that has lost its tracker knows only whom it knew before.
        settings.write_text(
            settings.read_text().replace('"pex-enabled": false', '"pex-enabled": true')
        )
        words[words.index("--no-uplimit")] = f"--uplimit={UP >> 10}"
        start(*words)
    are_in_the_swarm(2)
    mirrors = [
        Mirror(
            start, publication.url, target(f"mirror-{number}"), "--up-rate", str(UP),
            "--bind", host, host=host,
        )
        for number, host in enumerate((next(hosts), next(hosts)))
    ]  # fmt: skip
    for number in range(4):
        start(
            "outpour", "download", torrent, "-o", target(f"outpour-{number}"), "--seed",
            "--up-rate", str(UP), "--bind", next(hosts),
        )  # fmt: skip
    for number in range(2):
        folder = target(f"aria2-{number}")
        words = aria2(peer("aria2c"), torrent, folder, free_port(), host=next(hosts))
        # It goes on giving when it is done, as the others do.
        words[words.index("--seed-time=0")] = "--seed-time=10"
        words.remove("--stop=110")
        start(*words[:-1], f"--max-upload-limit={UP}", words[-1])
    folder = target("rtorrent")
    words = rtorrent(
        peer("rtorrent"), torrent, folder, free_port(), session=tmp_path / "session",
        host=next(hosts),
    )  # fmt: skip
    rate = f"throttle.global_up.max_rate.set_kb={UP >> 10}"
    start(*words[:-1], "-o", rate, words[-1])
    folder = target("qbittorrent")
    words = qbittorrent(
        peer("qbittorrent-nox"), torrent, folder, free_port(), profile=tmp_path / "profile",
        host=next(hosts),
    )  # fmt: skip
    start(*words)
    assert len(targets) == 12
    are_in_the_swarm(12)
    Client(publication.url, token=token.read_text()).change(
        "PATCH", "rates", {"upload_rate": 1 << 20}
    )
    # All of it is somewhere besides; nobody but perhaps the fastest has all of it.
    spread = Spread(swarm, metainfo, content)
    wait_for(
        spread.is_whole, seconds=150, what="every piece with somebody",
        still=lambda: len(spread.missing),
    )  # fmt: skip
    publication.process.stop(signal.SIGKILL)
    missing = [name for name, folder in targets.items() if not is_there(folder, content)]
    assert len(missing) >= 6, f"only {missing} were still on the way"

    # Who comes now finds the others by a mirror alone.
    late = target("late")
    start("outpour", "download", mirrors[0].url, "-o", late, "--bind", next(hosts))
    for name, folder in targets.items():
        wait_for(
            lambda: is_there(folder, content),  # noqa: B023
            seconds=200, what=f"all of it at {name}",
            still=lambda: [
                {one: is_there(where, content) for one, where in targets.items()},
                *(mirror.process.output for mirror in mirrors),
            ],
        )  # fmt: skip
    for mirror in mirrors:
        mirror.process.line_with(f"mirrored {NAME}")
        wait_for(
            lambda: status(f"{mirror.url}content/{NAME}") == 200,  # noqa: B023
            what="the content at the mirror",
        )
