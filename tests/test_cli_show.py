"""What `show`, `verify` and `magnet` tell people and programs."""

import http.server
import json
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from outpour.torrent import bencode

ROOT = Path(__file__).resolve().parent.parent
URL = "http://127.0.0.1:6969/announce"
LINK = "magnet:?xt=urn:btih:" + "ab" * 20
HELLO = "e25d7c06d525617193e405c30a3c6a77b2e56510"


def torrent(**changes):
    """A folder `d` with a file in a folder, a link, a program and padding."""
    files: list[Any] = [
        {"length": 2000, "path": ["sub", "a"], "attr": "x"},
        {"length": 14384, "path": [".pad", "14384"], "attr": "p"},
        {"length": 0, "path": ["latest"], "attr": "l", "symlink path": ["sub", "a"]},
        {"length": 1000, "path": ["sub", "b"]},
    ]
    info: Any = {"name": "d", "piece length": 16384, "pieces": b"\1" * 40, "files": files}
    return bencode.encode({"announce": URL, "info": info, **changes})


@pytest.fixture
def served():
    """Serve bytes over HTTP on loopback; what is put into `content` is found by its path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = content.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *words):
            pass

    content: dict[str, bytes] = {}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield content, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def documented(section: str) -> set[str]:
    text = (ROOT / "docs" / "json.md").read_text()
    (table,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return set(re.findall(r"^\| `(\w+)`", table, re.M))


def test_every_name_of_the_json_is_documented(run, tmp_path):
    path = tmp_path / "t"
    leaf = {"": {"length": 5, "pieces root": b"\1" * 32}}
    info: Any = {"name": "d", "piece length": 16384, "meta version": 2, "file tree": {"a": leaf}}
    path.write_bytes(torrent())
    v1 = json.loads(run("show", "--json", path).out)
    path.write_bytes(bencode.encode({"info": info}))
    v2 = json.loads(run("show", "--json", path).out)
    assert set(v1) == set(v2) == documented("outpour show")
    names = {name for shown in (v1, v2) for file in shown["files"] for name in file}
    assert names == documented("A file of outpour show")
    link = json.loads(run("show", "--json", LINK).out)
    assert set(link) == documented("outpour magnet") | {"torrent"}
    assert set(json.loads(run("magnet", "--json", LINK).out)) == documented("outpour magnet")
    (tmp_path / "d").mkdir()
    report = json.loads(run("verify", "--json", path, tmp_path / "d").out)
    assert set(report) == documented("outpour verify")
    assert set(report["files"][0]) == documented("A file of outpour verify")


def test_the_tree_has_sizes_links_and_attributes(run, tmp_path):
    (tmp_path / "t").write_bytes(torrent())
    lines = run("show", tmp_path / "t").out.splitlines()
    assert lines[lines.index("files") + 1 : lines.index("files") + 6] == [
        "  d/  2.93 KiB",
        "  ├── sub/  2.93 KiB",
        "  │   ├── a  1.95 KiB  executable",
        "  │   └── b  1000 B",
        "  └── latest -> sub/a",
    ]
    files = json.loads(run("show", "--json", tmp_path / "t").out)["files"]
    assert [file["index"] for file in files] == [0, 2, 3]
    assert files[1]["symlink"] == "sub/a"


def test_hints_at_other_torrents_are_shown(run, tmp_path):
    similar = [b"\1" * 20, b"no infohash"]
    (tmp_path / "t").write_bytes(torrent(similar=similar, collections=["org.example"]))
    said = run("show", tmp_path / "t").out
    assert "similar       " + "01" * 20 in said
    assert "collections   org.example" in said
    assert json.loads(run("show", "--json", tmp_path / "t").out)["similar"] == ["01" * 20]


def test_a_path_that_is_a_folder_and_a_file_shows_both_in_either_order(run, tmp_path):
    pairs = [(["a"], ["a", "b"]), (["a", "b"], ["a"])]
    for first, second in pairs:
        files: Any = [{"length": 1, "path": first}, {"length": 2, "path": second}]
        info: Any = {"name": "d", "piece length": 16384, "pieces": b"\1" * 20, "files": files}
        (tmp_path / "t").write_bytes(bencode.encode({"info": info}))
        said = run("show", tmp_path / "t").out
        assert "── a/  " in said
        assert "── a  " in said
        assert "── b  " in said


def test_a_magnet_link_is_shown_as_far_as_it_tells(run):
    said = run(
        "show",
        f"{LINK}&xt=urn:btmh:1220{'cd' * 32}&dn=game&xl=2048&tr={URL}&x.pe=[::1]:6881&so=0,2-3"
        "&ws=http://127.0.0.1/seed&xs=http://127.0.0.1/t.torrent",
    )
    assert said.code == 0
    assert said.out.splitlines()[:10] == [
        "name          game",
        "infohash      " + "ab" * 20,
        "infohash v2   " + "cd" * 32,
        "size          2 KiB (2048 bytes)",
        f"trackers      {URL}",
        "web seeds     http://127.0.0.1/seed",
        "sources       http://127.0.0.1/t.torrent",
        "peers         [::1]:6881",
        "files wanted  0, 2-3",
        said.out.splitlines()[9],
    ]
    assert run("show", "--magnet", LINK).out == f"{LINK}\n"
    assert run("show", "--files", LINK).code == 2
    assert run("show", "magnet:?dn=x").code == 4


def test_a_torrent_behind_a_url_is_read_by_show_verify_and_magnet(run, served, classic, tmp_path):
    content, url = served
    content["/hello.torrent"] = (classic / "hello.torrent").read_bytes()
    content["/page"] = b"<html>"
    source = f"{url}/hello.torrent"
    assert f"infohash      {HELLO}" in run("show", source).out
    assert HELLO in run("magnet", source).out
    assert run("verify", source, tmp_path).code == 6
    said = run("edit", "--comment", "x", "-o", tmp_path / "new.torrent", source)
    assert said.code == 0, said.err
    said = run("show", f"{url}/page")
    assert (said.code, said.err.startswith(f"error: `{url}/page`: not a torrent")) == (4, True)
    assert run("show", f"{url}/none").code == 7


def test_show_goes_on_after_a_file_that_is_no_torrent(run, classic, tmp_path):
    (tmp_path / "bad").write_bytes(b"bad")
    paths = [tmp_path / "bad", classic / "hello.torrent", tmp_path / "none"]
    said = run("show", *paths)
    assert said.code == 4
    assert said.err.count("error: ") == 2
    assert said.out.startswith("name          hello.txt")
    (entry,) = json.loads(run("show", "--json", *paths).out)
    assert entry["infohash"] == HELLO


def test_a_torrent_cannot_drive_the_terminal(run, tmp_path):
    text = "a\x1b[31m\u202eb\x9bc"
    raw = torrent(
        comment=text, announce=f"http://{text}/", **{"created by": text, "url-list": text}
    )
    (tmp_path / "t").write_bytes(raw)
    for words in ([], ["--json"], ["--files"], ["--magnet"]):
        said = run("show", *words, tmp_path / "t")
        assert said.code == 0
        assert not {"\x1b", "\u202e", "\x9b"} & set(said.out + said.err)


def test_a_reader_that_takes_the_first_lines_only_is_no_fault(outpour, tmp_path):
    files = [{"length": 1, "path": [f"{number:06}" * 20]} for number in range(20_000)]
    info: Any = {"name": "d", "piece length": 16384, "pieces": b"\1" * 40, "files": files}
    (tmp_path / "t").write_bytes(bencode.encode({"info": info}))
    for words in (["--files"], ["--json"], []):
        with subprocess.Popen(
            [outpour, "show", *words, tmp_path / "t"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
