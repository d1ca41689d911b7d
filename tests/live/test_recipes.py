"""The jobs of docs/recipes.md as they stand there, with small files and servers on loopback."""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.free_ports import free_port
from tests.live.conftest import BIN, Start, peer
from tests.live.test_copies import cdn  # noqa: F401 - a fixture

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
FENCED = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCK_S = 180


def blocks(title: str) -> list[str]:
    """What a recipe has one type, block by block."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = FENCED.findall(section)
    assert found, title
    return found


class Recipe:
    """Runs the blocks of a recipe; one that publishes goes on while the others run."""

    def __init__(self, start: Start, root: Path, hosts: dict[str, str]) -> None:
        self._start = start
        self.root = root
        self.port = free_port()
        here = f"http://127.0.0.1:{self.port}"
        self._places = {
            "https://planet.example.org": here,
            "https://downloads.example.org": here,
            "http://tracker.example.net": "http://127.0.0.1:9",
            **hosts,
            **{
                f"{name}/": f"{root}/{name.strip('/')}/"
                for name in ("/srv", "/home", "/mnt", "/tmp")
            },
        }
        for name in ("srv", "home", "mnt/build", "tmp"):
            (root / name).mkdir(parents=True)

    def run(self, title: str) -> None:
        for block in blocks(title):
            # Each by itself, as what stands in for a place may hold the name of another.
            pattern = "|".join(map(re.escape, self._places))
            text = re.sub(pattern, lambda found: self._places[found[0]], block)
            if text.startswith("outpour publish"):
                self._publish(text.strip())
            else:
                self._shell(text)

    def _publish(self, text: str) -> None:
        own = f" --listen 127.0.0.1:{self.port} --peer-port {free_port()}"
        self._start(
            "bash", "-c", f"exec {BIN / text.partition(' ')[0]} {text.partition(' ')[2]}{own}"
        ).line_with("ready:")

    def _shell(self, text: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True,
            timeout=BLOCK_S, check=False,
            env={
                **os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.root),
                "XDG_STATE_HOME": str(self.root / "state"),
            },
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def filled(path: Path, count: int) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = random.Random(path.name).randbytes(count)
    path.write_bytes(raw)
    os.utime(path, (1_769_000_000, 1_769_000_000))
    return raw


def sums(folder: Path) -> None:
    lines = [
        f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n"
        for one in sorted(folder.iterdir())
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


@pytest.mark.long
def test_a_weekly_file_with_mirrors_and_a_feed(
    start: Start,
    tmp_path: Path,
    cdn: Callable[[], tuple[str, Path]],  # noqa: F811
) -> None:
    url, files = cdn()
    places = {"https://ftp.example.net": url.rstrip("/"), "https://s3.example.org": url.rstrip("/")}
    recipe = Recipe(start, tmp_path / "root", places)
    for name in ("planet-260126.osm.pbf", "planet-260202.osm.pbf"):
        raw = filled(recipe.root / "mnt/build" / name, 700_000)
        for folder in ("osm", "bucket"):
            (files / folder).mkdir(exist_ok=True)
            (files / folder / name).write_bytes(raw)
    (recipe.root / "srv/planet").mkdir()
    first = recipe.root / "mnt/build/planet-260126.osm.pbf"
    first.rename(recipe.root / "srv/planet" / first.name)
    recipe.run("A weekly file, mirrors, a feed")
    got = recipe.root / "home/volunteer/osm/planet-260126.osm.pbf"
    assert got.read_bytes() == (files / "osm" / got.name).read_bytes()


@pytest.mark.long
def test_images_on_a_cdn_and_no_copy_here(
    start: Start,
    tmp_path: Path,
    cdn: Callable[[], tuple[str, Path]],  # noqa: F811
) -> None:
    url, files = cdn()
    recipe = Recipe(start, tmp_path / "root", {"https://cdn.example.org": url.rstrip("/")})
    for name in (
        "images/tool-1.0.iso",
        "images/tool-1.1.iso",
        "sources-1.0/a.c",
        "sources-1.0/b.c",
    ):
        filled(files / name, 300_000)
    sums(files / "images")
    sums(files / "sources-1.0")
    recipe.run("Images on a CDN, no copy here")
    got = recipe.root / "home/helper/tool"
    for name in ("tool-1.0.iso", "sources-1.0/b.c"):
        source = files / name if "/" in name else files / "images" / name
        assert (got / name).read_bytes() == source.read_bytes()
    # Nothing of it is anywhere else.
    assert not [path for path in recipe.root.glob("srv/**/*.iso") if path.is_file()]


def test_a_tebibyte(start: Start, tmp_path: Path) -> None:
    for client in ("transmission-show", "aria2c"):
        peer(client)
    recipe = Recipe(start, tmp_path / "root", {})
    (recipe.root / "srv/images").mkdir()
    recipe.run("A tebibyte")
