"""What a folder gives a torrent, and what is refused, on real files."""

import os
import socket

import pytest

from outpour._core import list_folder
from outpour.base.errors import ReadError
from outpour.making import symlinks as links
from outpour.making import walker
from outpour.making.batch import things
from outpour.making.globs import matcher
from outpour.making.walker import fingerprint, walk


@pytest.fixture
def root(tmp_path):
    """A folder `d` with `a` and `sub/b`, and a file `outside` beside it."""
    folder = tmp_path / "d"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"a")
    (folder / "sub" / "b").write_bytes(b"bb")
    (tmp_path / "outside").write_bytes(b"secret")
    return folder


def names(tree):
    return ["/".join(entry.path) for entry in tree.entries]


def test_files_are_in_the_byte_order_of_their_components(root):
    for name in ("a.b", "a-b", "Z", "é", "sub2/x", "sub.x"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    assert names(walk(root)) == ["Z", "a", "a-b", "a.b", "sub/b", "sub.x", "sub2/x", "é"]


def test_hidden_and_junk_are_left_out_unless_asked_for(root):
    for name in (".hidden", "Thumbs.db", ".DS_Store", "sub/desktop.ini"):
        (root / name).write_bytes(b"x")
    tree = walk(root)
    assert names(tree) == ["a", "sub/b"]
    left_out = [".DS_Store", ".hidden", "Thumbs.db", "sub/desktop.ini"]
    assert ["/".join(path) for path in tree.skipped] == left_out
    assert names(walk(root, hidden=True)) == [".hidden", "a", "sub/b"]
    assert names(walk(root, junk=True)) == ["Thumbs.db", "a", "sub/b", "sub/desktop.ini"]
    assert len(names(walk(root, hidden=True, junk=True))) == 6


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        ({"include": ["*.iso"]}, ["sub/x.iso"]),
        ({"include": ["sub/*"]}, ["sub/b", "sub/x.iso"]),
        ({"exclude": ["sub"]}, ["a"]),
        ({"exclude": ["sub/b", "a"]}, ["sub/x.iso"]),
        ({"include": ["[ab]"], "exclude": ["sub/b"]}, ["a"]),
    ],
)
def test_patterns_choose_files(root, choice, taken):
    (root / "sub" / "x.iso").write_bytes(b"x")
    assert names(walk(root, **choice)) == taken


def test_no_patterns_make_no_test():
    assert matcher([]) is None


def test_links_inside_are_published_as_what_they_lead_to(root):
    (root / "link").symlink_to("sub/b")
    (root / "folder").symlink_to("sub")
    assert names(walk(root)) == ["a", "folder/b", "link", "sub/b"]
    assert [entry.length for entry in walk(root).entries] == [1, 2, 2, 2]


def test_links_are_left_out_on_request(root):
    (root / "link").symlink_to("sub/b")
    (root / "broken").symlink_to("nothing")
    tree = walk(root, symlinks="skip")
    assert names(tree) == ["a", "sub/b"]
    assert tree.skipped == (("broken",), ("link",))


def test_links_out_of_the_folder_are_followed_on_request_only(root):
    (root / "link").symlink_to("../outside")
    for symlinks in ("inside", "keep"):
        with pytest.raises(ReadError, match="outside of the folder") as caught:
            walk(root, symlinks=symlinks)
        assert "`--symlinks follow`" in (caught.value.hint or "")
    assert names(walk(root, symlinks="follow")) == ["a", "link", "sub/b"]


def test_no_link_is_taken_when_links_are_refused(root):
    (root / "link").symlink_to("a")
    with pytest.raises(ReadError, match=r"`.*/link`: a link$"):
        walk(root, symlinks="refuse")


def test_a_kept_link_says_where_it_leads(root):
    (root / "absolute").symlink_to(root / "a")
    (root / "sub" / "up").symlink_to("../a")
    (root / "folder").symlink_to("./sub/")
    (root / "through").symlink_to("folder/b")
    (root / "sub" / "again").symlink_to("../absolute")
    tree = walk(root, symlinks="keep")
    assert {"/".join(entry.path): entry.target for entry in tree.entries if entry.target} == {
        "absolute": ("a",),
        "folder": ("sub",),
        "sub/again": ("absolute",),
        "sub/up": ("a",),
        "through": ("sub", "b"),
    }
    assert tree.length == 3


def test_another_target_of_a_kept_link_is_another_fingerprint(root):
    (root / "link").symlink_to("a")
    first = walk(root, symlinks="keep")
    (root / "link").unlink()
    (root / "link").symlink_to("sub/b")
    assert fingerprint(first) != fingerprint(walk(root, symlinks="keep"))


def test_a_kept_link_must_lead_to_something_published(root):
    (root / "link").symlink_to("sub/b")
    with pytest.raises(ReadError, match="a link to `sub/b`, which is left out"):
        walk(root, symlinks="keep", exclude=["sub"])


@pytest.mark.parametrize("symlinks", ["inside", "follow", "keep"])
@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("nothing", "a link to nothing"),
        ("loop", "a link that leads to itself"),
        (".", "leads back to a folder around it"),
        ("sub/..", "leads back to a folder around it"),
    ],
)
def test_links_without_an_end_are_refused(root, symlinks, target, fault):
    (root / "loop").symlink_to(target)
    with pytest.raises(ReadError, match=fault):
        walk(root, symlinks=symlinks)


def test_a_link_to_a_folder_around_it_is_refused_deep_down_too(root):
    (root / "sub" / "up").symlink_to("..")
    for symlinks in ("inside", "follow", "keep"):
        with pytest.raises(ReadError, match="leads back to a folder around it"):
            walk(root, symlinks=symlinks)


def test_links_that_stand_for_too_many_files_are_refused(root, monkeypatch):
    monkeypatch.setattr(walker, "ENTRIES_MAX", 1000)
    # Linux follows forty links in a path, and counts them twice when it has to begin again.
    for number in range(15):
        level = root / f"{number:02}"
        level.mkdir()
        (level / "x").write_bytes(b"x")
        for side in "lr":
            (level / side).symlink_to(f"../{number + 1:02}")
    (root / "15").mkdir()
    (root / "15" / "x").write_bytes(b"x")
    with pytest.raises(ReadError, match="holds more than 1000 files"):
        walk(root)


def test_what_is_neither_file_nor_folder_is_refused_unless_excluded(root):
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    (root / "null").symlink_to("/dev/null")
    for name in ("fifo", "socket", "null"):
        others = [other for other in ("fifo", "socket", "null") if other != name]
        with pytest.raises(ReadError, match=f"`.*/{name}`: neither a file nor a folder"):
            walk(root, exclude=others, symlinks="follow")
    assert names(walk(root, exclude=["fifo", "socket", "null"])) == ["a", "sub/b"]
    with pytest.raises(ReadError, match="neither a file nor a folder"):
        walk(root / "fifo")


def test_names_that_are_not_utf8_are_refused_and_shown_with_escapes(root):
    (root / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    with pytest.raises(ReadError, match=r"caf\\xe9`: a name that is not UTF-8") as caught:
        walk(root)
    assert "`--allow names-not-utf8`" in (caught.value.hint or "")
    assert os.fsencode(walk(root, any_bytes=True).entries[1].path[0]) == b"caf\xe9"


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "C:", "\x1b[2J"])
def test_names_that_no_downloader_could_store_are_refused(root, name):
    (root / name).write_bytes(b"x")
    with pytest.raises(ReadError, match="a name that") as caught:
        walk(root)
    assert caught.value.message.isprintable()


def test_paths_deeper_than_readers_take_are_refused(root, monkeypatch):
    deep = root
    for _ in range(130):
        deep /= "x"
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x")
    with pytest.raises(ReadError, match="deeper than 128 folders"):
        walk(root)


def test_nothing_to_publish_is_said_with_the_reason(root, tmp_path):
    with pytest.raises(ReadError, match="2 left out, such as `a`"):
        walk(root, include=["*.none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="holds no files"):
        walk(tmp_path / "empty")
    with pytest.raises(ReadError, match="no such file"):
        walk(tmp_path / "none")


def test_a_link_given_by_name_is_followed_and_keeps_its_name(root, tmp_path):
    (tmp_path / "other").symlink_to("d")
    assert walk(tmp_path / "other").root.name == "other"


def test_things_of_a_folder_are_files_and_folders_without_torrents(root, tmp_path):
    for name in ("x.torrent", ".hidden", "Thumbs.db", "b.tmp"):
        (root / name).write_bytes(b"x")
    (root / "link").symlink_to("a")
    assert [path.name for path in things(root, exclude=["*.tmp"]).paths] == ["a", "link", "sub"]
    assert [path.name for path in things(root, symlinks="skip").paths] == ["a", "b.tmp", "sub"]
    assert ".hidden" in [path.name for path in things(root, hidden=True).paths]
    (root / "out").symlink_to("../outside")
    found = things(root)
    assert "out" not in [path.name for path in found.paths]
    (fault,) = found.faults
    assert "outside of the folder" in fault.message
    assert "out" in [path.name for path in things(root, symlinks="follow").paths]
    with pytest.raises(ReadError, match="no such file"):
        things(tmp_path / "none")


def test_a_link_that_goes_while_it_is_looked_at_is_a_read_error(root):
    with pytest.raises(ReadError, match="a link to nothing"):
        links.target_of(str(root / "gone"), ("gone",), str(root))


def test_a_folder_is_listed_with_what_the_system_knows(root):
    (root / os.fsdecode(b"\xff")).symlink_to("a")
    (root / "a.b").mkdir()
    rows = list_folder(root)
    assert [os.fsencode(row[0]) for row in rows] == [b"a", b"a.b", b"sub", b"\xff"]
    for name, *facts in rows:
        status = (root / name).lstat()
        wanted = [status.st_mode, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
        assert facts == wanted


def test_a_folder_that_cannot_be_listed_says_which_and_why(root):
    with pytest.raises(NotADirectoryError) as caught:
        list_folder(root / "a")
    assert (caught.value.filename, caught.value.strerror) == (str(root / "a"), "Not a directory")
