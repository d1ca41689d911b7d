from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import UsageError
from outpour.torrent import bencode, editor
from outpour.torrent.editor import KEEP, Changes
from outpour.torrent.metainfo import Metainfo

INFO: Any = {"length": 12, "name": "a.txt", "piece length": 16384, "pieces": b"\1" * 20}
UNSORTED_INFO = (
    b"d12:piece lengthi16384e7:privatei0e4:name5:a.txt6:pieces20:" + b"\1" * 20 + b"6:lengthi12ee"
)


def torrent(**root):
    value = {"announce": "http://old/", "info": INFO, **root}
    return Metainfo.parse(bencode.encode({k.replace("_", " "): v for k, v in value.items()}))


def decoded(metainfo):
    return bencode.decode(metainfo.raw)


CHANGES = st.builds(
    Changes,
    announce=st.just(KEEP) | st.none() | st.just("http://new/"),
    announce_list=st.just(KEEP) | st.none() | st.just([["http://a/", "http://b/"], ["http://c/"]]),
    web_seeds=st.just(KEEP) | st.just([]) | st.just(["http://seed/"]),
    http_seeds=st.just(KEEP) | st.just(["http://seed/"]),
    comment=st.just(KEEP) | st.none() | st.text(max_size=9),
    created_by=st.just(KEEP) | st.just("me"),
    creation_date=st.just(KEEP) | st.none() | st.integers(0, 2**40),
    nodes=st.just(KEEP) | st.just([("::1", 6881)]),
)


@given(CHANGES)
def test_no_change_outside_touches_the_infohash_or_unknown_fields(changes):
    for info in (bencode.encode(INFO), UNSORTED_INFO):
        raw = b"d7:comment1:c4:info" + info + b"7:unknownd1:zi1e1:ai2eee"
        before = Metainfo.parse(raw)
        after = editor.edit(before, changes)
        assert after.info.raw == info
        assert after.info.infohash == before.info.infohash
        assert b"7:unknownd1:zi1e1:ai2ee" in after.raw


def test_an_edit_of_a_canonical_torrent_is_canonical():
    after = editor.edit(torrent(zzz=1), Changes(comment="x", creation_date=5, web_seeds=["u"]))
    assert bencode.encode(decoded(after)) == after.raw
    assert (after.comment, after.creation_date, after.web_seeds) == ("x", 5, ("u",))
    assert decoded(after)[b"zzz"] == 1


def test_none_and_empty_remove_a_field():
    before = torrent(comment="x", **{"url-list": ["u"], "creation date": 5})
    after = editor.edit(before, Changes(comment="", web_seeds=(), creation_date=None))
    assert set(decoded(after)) == {b"announce", b"info"}


def test_nothing_to_change_gives_the_same_value():
    before = torrent()
    assert editor.edit(before, Changes(announce="http://old/", comment=None)) is before
    assert editor.reannounce(before, "http://old/") is before
    assert editor.rename(before, "a.txt") is before
    assert editor.set_private(before, private=False) is before
    assert editor.set_source(before, None) is before


def test_several_trackers_make_tiers_and_one_makes_none():
    several = editor.set_trackers(torrent(), [["http://a/", "http://b/"], [], ["http://c/"]])
    assert several.announce == "http://a/"
    assert several.tiers == (("http://a/", "http://b/"), ("http://c/",))
    one = editor.set_trackers(several, [["http://c/"]])
    assert (one.announce, one.announce_list) == ("http://c/", ())
    assert editor.set_trackers(one, []).tiers == ()


def test_the_list_of_tiers_follows_a_move():
    before = torrent(**{"announce-list": [["http://x/"], ["http://old/", "http://y/"]]})
    after = editor.reannounce(before, "http://new/")
    assert after.announce == "http://new/"
    assert after.announce_list == (("http://x/",), ("http://new/", "http://y/"))


def test_a_list_that_lacks_the_old_tracker_gets_the_new_one_first():
    before = torrent(**{"announce-list": [["http://x/"]]})
    assert editor.reannounce(before, "http://new/").announce_list == (
        ("http://new/",),
        ("http://x/",),
    )


def test_a_tracker_already_in_the_list_is_not_there_twice():
    before = torrent(**{"announce-list": [["http://old/", "http://new/"], ["http://x/"]]})
    assert editor.reannounce(before, "http://new/").announce_list == (
        ("http://new/",),
        ("http://x/",),
    )


@pytest.mark.parametrize(
    ("old", "twin", "new", "moved"),
    [
        ("http://old:6969/announce", "udp://old:6969/announce", "http://new:7070/a",
         "udp://new:7070/a"),
        ("http://OLD/announce", "udp://old:80", "http://new/announce", "udp://new:80/announce"),
        ("udp://old:6969/announce", "http://old:6969/announce", "udp://[::1]:1",
         "http://[::1]:1/announce"),
        ("http://old:6969/announce", "udp://old:6969", "https://new/announce", None),
        ("http://old:6969/announce", "udp://old:6969", "udp://new:1/announce", None),
        ("http://old:6969/announce", "udp://old:7000", "http://new:1/a", "udp://old:7000"),
        ("http://old:6969/announce", "udp://other:6969", "http://new:1/a", "udp://other:6969"),
        ("http://old:6969/announce", "http://old:6969/b", "http://new:1/a", "http://old:6969/b"),
    ],
)  # fmt: skip
def test_the_twin_of_the_old_tracker_moves_too(old, twin, new, moved):
    before = torrent(announce=old, **{"announce-list": [[old], ["http://third/"], [twin]]})
    after = editor.reannounce(before, new)
    kept = [(new,), ("http://third/",)]
    assert after.tiers == (*kept, *([(moved,)] if moved else []))
    assert after.announce == new


def test_a_move_of_all_tiers_drops_every_other_tracker():
    before = torrent(**{"announce-list": [["http://x/"], ["http://old/"]]})
    after = editor.reannounce(before, "http://new/", all_tiers=True)
    assert after.tiers == (("http://new/",),)


def test_trackers_are_copied_with_their_tiers_or_their_lack():
    source = torrent(announce="http://s/", **{"announce-list": [["http://s/"], ["http://t/"]]})
    after = editor.copy_announce(torrent(), source)
    assert (after.announce, after.announce_list) == (source.announce, source.announce_list)
    assert editor.copy_announce(after, torrent()).announce_list == ()


def test_renaming_makes_another_torrent_and_keeps_the_rest():
    before = torrent(comment="x")
    after = editor.rename(before, "b.txt")
    assert after.info.name == "b.txt"
    assert after.info.infohash != before.info.infohash
    assert decoded(after) == {
        **decoded(before),
        b"info": {**decoded(before)[b"info"], b"name": b"b.txt"},
    }


def test_renaming_changes_the_name_that_clients_prefer():
    before = Metainfo.parse(bencode.encode({"info": {**INFO, "name.utf-8": "ä"}}))
    assert editor.rename(before, "b").info.name == "b"


def test_renaming_a_single_file_of_v2_renames_its_leaf():
    leaf = {"": {"length": 3, "pieces root": b"\1" * 32}}
    info: Any = {"name": "a", "piece length": 16384, "meta version": 2, "file tree": {"a": leaf}}
    after = editor.rename(Metainfo.parse(bencode.encode({"info": info})), "b")
    assert [file.path for file in after.info.files] == [("b",)]
    assert not after.info.is_folder


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\nb"])
def test_a_name_that_could_not_be_stored_is_refused(name):
    with pytest.raises(UsageError):
        editor.rename(torrent(), name)


def test_private_and_source_come_and_go():
    before = torrent()
    private = editor.set_private(before, private=True)
    assert private.info.private
    assert editor.set_private(private, private=False).raw == before.raw
    source = editor.set_source(before, "S")
    assert source.info.source == "S"
    assert editor.set_source(source, None).raw == before.raw
