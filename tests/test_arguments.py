"""What Python programs pass: understood where it is clear, else told what to pass."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from outpour import CreateOptions, Magnet, Metainfo, OutpourError, create, verify
from outpour.base.errors import UsageError
from outpour.making.walker import walk
from outpour.torrent import editor
from outpour.torrent.editor import Changes

URL = "http://127.0.0.1/a"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"trackers": URL}, {"trackers": ((URL,),)}),
        ({"trackers": (URL, "udp://127.0.0.1:1")}, {"trackers": ((URL,), ("udp://127.0.0.1:1",))}),
        ({"trackers": [[URL, "x:"], "y:"]}, {"trackers": ((URL, "x:"), ("y:",))}),
        ({"web_seeds": URL}, {"web_seeds": (URL,)}),
        ({"http_seeds": [URL]}, {"http_seeds": (URL,)}),
        ({"exclude": "*.tmp"}, {"exclude": ("*.tmp",)}),
        ({"include": iter(["a", "b"])}, {"include": ("a", "b")}),
        ({"collections": "c"}, {"collections": ("c",)}),
        ({"similar": bytes(20)}, {"similar": (bytes(20),)}),
        ({"nodes": ("::1", 6881)}, {"nodes": (("::1", 6881),)}),
        ({"nodes": [["::1", 6881]]}, {"nodes": (("::1", 6881),)}),
        ({"format": "V2"}, {"format": "v2"}),
        ({"symlinks": "Skip"}, {"symlinks": "skip"}),
        ({"piece_length": "1MiB"}, {"piece_length": 1 << 20}),
        ({"private": 1}, {"private": True}),
        (
            {"creation_date": datetime(2026, 1, 1, tzinfo=timezone.utc)},
            {"creation_date": 1_767_225_600},
        ),
    ],
)
def test_what_is_clearly_meant_is_taken(given: Any, meant):
    options = CreateOptions(**given)
    assert {name: getattr(options, name) for name in meant} == meant


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"trackers": b"http://a/"}, "a sequence of"),
        ({"trackers": [5]}, "a sequence of texts"),
        ({"trackers": None}, "a sequence of"),
        ({"web_seeds": 5}, "a sequence of texts"),
        ({"exclude": [b"*.tmp"]}, "a sequence of texts"),
        ({"exclude": [Path("a")]}, "a sequence of texts"),
        ({"similar": "ab" * 20}, "a sequence of bytes"),
        ({"nodes": "127.0.0.1:1"}, "a sequence of pairs"),
        ({"nodes": [("::1", "1")]}, "pairs of host and port"),
        ({"format": "v3"}, "one of `v1`, `v2`, `hybrid`"),
        ({"format": 2}, "one of `v1`"),
        ({"symlinks": "bogus"}, "one of `inside`, `follow`"),
        ({"piece_length": "big"}, "not a size"),
        ({"piece_length": 1.5}, "a whole number"),
        ({"piece_length": True}, "a whole number"),
        ({"threads": "2"}, "a whole number"),
        ({"private": "no"}, "True or False"),
        ({"comment": b"x"}, "a text or None"),
        ({"name": Path("x")}, "a text or None"),
        ({"creation_date": "2026-01-01"}, "a whole number"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_to_pass(given: Any, wanted):
    with pytest.raises(UsageError, match=wanted) as caught:
        CreateOptions(**given)
    assert caught.value.message.startswith(next(iter(given))) or "size" in wanted


def test_everything_else_that_takes_such_values_reads_them_alike(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    for name in ("a", "x.tmp"):
        (folder / name).write_bytes(name.encode())
    loose: Any = "*.tmp"
    assert [entry.path for entry in walk(folder, exclude=loose).entries] == [("a",)]
    assert Magnet(bytes(20), trackers=URL).trackers == (URL,)  # type: ignore[arg-type]
    metainfo = create(bytes(folder), CreateOptions(trackers=((URL,),)))  # type: ignore[arg-type]
    assert verify(metainfo, bytes(folder)).ok  # type: ignore[arg-type]
    assert editor.edit(metainfo, Changes(web_seeds=URL)).web_seeds == (f"{URL}/",)
    assert editor.edit(metainfo, Changes(announce_list="x:")).tiers == (("x:",),)
    assert editor.set_trackers(metainfo, ("x:", "y:")).tiers == (("x:",), ("y:",))
    assert editor.add_trackers(metainfo, "x:").tiers == ((URL,), ("x:",))
    assert editor.remove_trackers(metainfo, URL).tiers == ()
    nothing: Any = None
    number: Any = 5
    for call in (
        lambda: create(nothing),
        lambda: verify(metainfo, nothing),
        lambda: Metainfo.read(nothing),
        lambda: Changes(comment=number),
        lambda: Magnet(bytes(20), peers=nothing),
    ):
        with pytest.raises(OutpourError, match=r"is not"):
            call()
