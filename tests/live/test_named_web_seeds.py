"""Web seeds that an administrator names for many torrents at once, while they are published."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from outpour.torrent.metainfo import Metainfo
from tests.live.conftest import Start, get, get_json
from tests.live.publication import Publication
from tests.remote_server import Remote, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
TOKEN = "a-token-of-an-administrator-for-tests"


@pytest.fixture
def remote():
    with serving() as made:
        yield made


@pytest.fixture
def content(tmp_path: Path, remote: Remote) -> Path:
    folder = tmp_path / "content"
    folder.mkdir()
    for name in ("a.iso", "b.iso", "c.txt"):
        (folder / name).write_bytes(name.encode() * 9000)
        remote.files[f"/far/{name}"] = name.encode() * 9000
    return folder


def publication(start: Start, tmp_path: Path, *flags: str) -> Publication:
    (tmp_path / "token").write_text(TOKEN)
    config = tmp_path / "config.toml"
    if not config.exists():
        config.write_text(f'admin_token_file = "{tmp_path}/token"\n')
    return Publication(
        start, tmp_path / "content", "--config", str(config), "--state", str(tmp_path / "state"),
        "--no-seed", *flags,
    )  # fmt: skip


def ask(published: Publication, method: str, path: str, body: object = None) -> Any:
    request = urllib.request.Request(
        f"{published.url}api/v1/{path}", method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def seeds(published: Publication, name: str) -> tuple[str, ...]:
    raw = get(f"{published.url}torrents/{name}.torrent")
    found = Metainfo.parse(raw).web_seeds
    return tuple(seed for seed in found if not seed.startswith(published.url))


def has(published: Publication, seed: str, *names: str) -> bool:
    every = ("a.iso", "b.iso", "c.txt")
    expected = {name: (seed + name,) if name in names else () for name in every}
    return {name: seeds(published, name) for name in every} == expected


def test_one_call_names_web_seeds_of_all_or_some_and_keeps_infohashes_over_restarts(
    start: Start, tmp_path: Path, content: Path, remote: Remote
) -> None:
    published = publication(start, tmp_path)
    published.wait_published("a.iso", "b.iso", "c.txt")
    before = {row["name"]: row["infohash"] for row in published.torrents()}
    far = f"{remote.url}/far/"
    some = ask(published, "POST", "web-seeds", {"url": far, "where": "*.iso"})
    assert (some["url"], some["where"]) == (far, "*.iso")
    wait_for(lambda: has(published, far, "a.iso", "b.iso"), what="the web seeds of some")
    # The .torrent is read as it is on the disk, the list as the tracker knows it.
    wait_for(
        lambda: f"{far}a.iso" in published.row("a.iso")["web_seeds"], what="the web seed listed"
    )
    detail = get_json(f"{published.url}api/v1/torrents/{before['a.iso']}")
    copies = detail["copies"]
    assert isinstance(copies, list)
    assert {copy["url"]: copy["state"] for copy in copies}[f"{far}a.iso"] == "good"
    assert f"{far}a.iso" in get(f"{published.url}torrent/{before['a.iso']}").decode()
    assert published.process.stop() == 0
    published.again()
    published.wait_published("a.iso", "b.iso", "c.txt")
    wait_for(lambda: has(published, far, "a.iso", "b.iso"), what="the same after a restart")
    every = ask(published, "POST", "web-seeds", {"url": far})
    assert every["id"] != some["id"]
    wait_for(lambda: has(published, far, "a.iso", "b.iso", "c.txt"), what="the web seeds of all")
    listed = ask(published, "GET", "web-seeds")["web_seeds"]
    assert [one["id"] for one in listed] == [some["id"], every["id"]]
    assert ask(published, "DELETE", f"web-seeds/{every['id']}") == every
    wait_for(lambda: has(published, far, "a.iso", "b.iso"), what="those of some again")
    assert ask(published, "DELETE", f"web-seeds/{every['id']}") == 404
    ask(published, "DELETE", f"web-seeds/{some['id']}")
    wait_for(lambda: has(published, far), what="no web seeds")
    assert {row["name"]: row["infohash"] for row in published.torrents()} == before
    assert ask(published, "POST", "web-seeds", {"url": "ftp://a/"}) == 409
    assert ask(published, "POST", "web-seeds", {"link": far}) == 400


def test_settings_name_web_seeds_of_a_folder_or_of_names(
    start: Start, tmp_path: Path, content: Path, remote: Remote
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "d.iso").write_bytes(b"d" * 9000)
    remote.files["/there/d.iso"] = b"d" * 9000
    far, there = f"{remote.url}/far/", f"{remote.url}/there/"
    (tmp_path / "config.toml").write_text(
        f'web_seeds = ["{other}={there}", "c.*={far}", "*.iso={remote.url}/nowhere/"]\n'
    )
    published = publication(start, tmp_path, str(other))
    published.wait_published("a.iso", "b.iso", "c.txt", "d.iso")
    wait_for(lambda: seeds(published, "d.iso") == (f"{there}d.iso",), what="that of the folder")
    wait_for(lambda: has(published, far, "c.txt"), what="that of the name")
    assert published.process.stop() == 0
    (tmp_path / "config.toml").write_text('web_seeds = ["nowhere"]\n')
    process = start("outpour", "publish", content, "--config", tmp_path / "config.toml")
    assert process.wait() == 2
    assert "neither `http://` nor `https://`" in process.output
