"""Verifying content by the hashes of v1, v2 and both."""

import errno
import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import outpour
from outpour.base.errors import ReadError
from outpour.making import content_places, hasher
from outpour.making.maker import CreateOptions, create
from outpour.making.verifier import verify
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo

PIECE = 16384
FILES = {"a": 50_000, "empty": 0, "sub/b": 5, "sub/c": 70_000, "z": 16384}
FORMATS = ["v1", "v2", "hybrid"]


def content_of(length: int) -> bytes:
    return bytes(number * 7 % 251 for number in range(length))


def fill(root: Path) -> None:
    for name, length in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content_of(length))


def make(root: Path, version: Any) -> Metainfo:
    return create(
        root, CreateOptions(format=version, piece_length=PIECE, trackers=(("http://a/",),))
    )


@pytest.fixture(params=FORMATS)
def made(request, tmp_path):
    """A folder and the torrent of it."""
    root = tmp_path / "game"
    fill(root)
    return root, make(root, request.param)


def by_name(report):
    return {"/".join(file.path): file for file in report.files}


def test_what_was_made_is_right_and_told_once(made):
    root, metainfo = made
    calls: list[tuple[int, int]] = []
    report = verify(metainfo, root, progress=lambda done, total: calls.append((done, total)))
    assert report.ok
    assert set(by_name(report)) == set(FILES)
    assert calls[-1] == (sum(FILES.values()),) * 2


def test_a_bad_byte_is_narrowed_down_to_its_piece(made):
    root, metainfo = made
    raw = bytearray(content_of(70_000))
    raw[40_000] ^= 1
    (root / "sub/c").write_bytes(raw)
    files = by_name(verify(metainfo, root))
    ((low, high),) = files["sub/c"].bad
    assert low <= 40_000 < high
    assert high - low <= PIECE
    assert [name for name, file in files.items() if file.status != "ok"] == ["sub/c"]
    if metainfo.info.version != "v1":
        assert files["sub/c"].bad_blocks == ((2, 3),)


def test_a_missing_file_costs_no_hashing_and_leaves_its_neighbours(made, monkeypatch):
    root, metainfo = made
    (root / "sub/c").unlink()
    hashed: list[int] = []
    for name in ("hash_v1", "hash_v2", "hash_hybrid"):
        real = getattr(hasher, name)

        def call(files, *words, real=real, **named):
            hashed.append(sum(length for _, length in files))
            return real(files, *words, **named)

        monkeypatch.setattr(hasher, name, call)
    files = by_name(verify(metainfo, root))
    assert files["sub/c"].status == "missing"
    assert files["sub/c"].bad == ((0, 70_000),)
    assert files["a"].status in {"ok", "unverified"}
    assert not any(file.bad for name, file in files.items() if name != "sub/c")
    pieces = -(-70_000 // PIECE)
    assert hashed[0] <= sum(FILES.values()) - (pieces - 2) * PIECE + len(FILES) * PIECE


@pytest.mark.parametrize("length", [0, 1, PIECE, 40_000, 69_999])
def test_the_beginning_of_a_short_file_is_still_checked(made, length):
    root, metainfo = made
    (root / "sub/c").write_bytes(content_of(length))
    file = by_name(verify(metainfo, root))["sub/c"]
    assert (file.status, file.found) == ("wrong size", length)
    assert file.bad[-1][1] == 70_000
    assert file.bad[0][0] >= length - length % PIECE
    whole = sum(high - low for low, high in (*file.bad, *file.unverified))
    assert 70_000 - length <= whole <= 70_000 - length + PIECE + 5


def test_a_long_file_is_named_and_what_it_holds_is_left_open(made):
    root, metainfo = made
    (root / "sub/c").write_bytes(content_of(70_001))
    file = by_name(verify(metainfo, root))["sub/c"]
    assert (file.status, file.found, file.bad) == ("wrong size", 70_001, ())
    assert file.unverified == ((0, 70_000),)


def test_nothing_there_at_all_is_every_file_missing(made):
    root, metainfo = made
    for name in FILES:
        (root / name).unlink()
    report = verify(metainfo, root)
    assert {file.status for file in report.files} == {"missing"}
    assert sum(high - low for file in report.files for low, high in file.bad) == sum(FILES.values())
    assert len(report.bad_pieces) == metainfo.info.piece_count


def test_a_file_that_fails_half_way_does_not_hide_the_others(made, monkeypatch):
    root, metainfo = made
    (root / "a").write_bytes(b"x" * 50_000)
    failing = str(root / "sub/c")
    for name in ("hash_v1", "hash_v2", "hash_hybrid"):
        real = getattr(hasher, name)

        def call(files, *words, real=real, **named):
            if any(path == failing for path, _ in files):
                fault = OSError(errno.EIO, "Input/output error", failing)
                raise ReadError(f"`{failing}`: input/output error") from fault
            return real(files, *words, **named)

        monkeypatch.setattr(hasher, name, call)
    files = by_name(verify(metainfo, root))
    assert (files["sub/c"].status, files["sub/c"].reason) == ("unreadable", "input/output error")
    assert files["sub/c"].unverified == ((0, 70_000),)
    assert files["a"].status == "bad"
    assert files["a"].bad[0][0] == 0


def test_a_fault_without_a_file_of_the_torrent_is_an_error(made, monkeypatch):
    root, metainfo = made

    def fail(*_words: object, **_named: object) -> None:
        raise ReadError("`elsewhere`: gone") from OSError(errno.EIO, "gone", "elsewhere")

    for name in ("hash_v1", "hash_v2", "hash_hybrid"):
        monkeypatch.setattr(hasher, name, fail)
    with pytest.raises(ReadError, match="elsewhere"):
        verify(metainfo, root)


def test_a_file_that_changes_while_it_is_read_is_unreadable(made, monkeypatch):
    root, metainfo = made
    real = content_places.Place.present.fget  # type: ignore[attr-defined]

    def larger(place):
        # What the hasher meets when a file shrinks between looking and reading.
        shrunk = place.location.endswith("/z") and place.reason is None
        if shrunk:
            Path(place.location).write_bytes(content_of(16383))
        return real(place)

    monkeypatch.setattr(content_places.Place, "present", property(larger))
    files = by_name(verify(metainfo, root))
    assert files["z"].status == "unreadable"
    assert files["z"].reason == "changed while it was read"
    assert files["a"].status == "ok"


def test_names_and_sizes_are_enough_in_a_hurry(made):
    root, metainfo = made
    (root / "a").write_bytes(b"x" * 50_000)
    assert verify(metainfo, root, quick=True).ok
    (root / "a").unlink()
    report = verify(metainfo, root, quick=True)
    assert [file.status for file in report.files if file.status != "ok"] == ["missing"]


def test_intact_files_at_the_edge_of_a_bad_piece_do_not_differ(tmp_path):
    root = tmp_path / "d"
    root.mkdir()
    sizes = {"a": 10_000, "b": 60_000, "c": 20_000, "d": 10_000}
    for name, size in sizes.items():
        (root / name).write_bytes(content_of(size))
    metainfo = create(root, CreateOptions(piece_length=16384))
    assert verify(metainfo, root).right == sum(sizes.values())
    (root / "b").write_bytes(bytes(60_000))
    files = by_name(verify(metainfo, root))
    assert [files[name].status for name in "abcd"] == ["unverified", "bad", "unverified", "ok"]
    (root / "b").write_bytes(content_of(60_000))
    (root / "c").write_bytes(bytes(20_000))
    # Nothing tells which of the files in a piece it is.
    statuses = {name: file.status for name, file in by_name(verify(metainfo, root)).items()}
    assert statuses["c"] == "bad"
    assert statuses["a"] == "ok"


def test_what_is_bad_in_a_short_file_is_told_apart_from_what_is_missing(tmp_path):
    root = tmp_path / "d"
    root.mkdir()
    (root / "a").write_bytes(content_of(60_000))
    (root / "b").write_bytes(content_of(60_000))
    metainfo = create(root, CreateOptions(piece_length=16384))
    (root / "a").write_bytes(bytes(5) + content_of(60_000)[5:40_000])
    file = by_name(verify(metainfo, root))["a"]
    assert file.status == "wrong size"
    assert file.bad == ((0, 16384), (40_000, 60_000))
    assert file.unverified == ((32_768, 40_000),)


def test_a_folder_in_the_place_of_a_file_is_no_file(made):
    root, metainfo = made
    (root / "a").unlink()
    (root / "a").mkdir()
    assert by_name(verify(metainfo, root))["a"].status == "missing"


def test_files_that_the_torrent_lacks_are_named(made):
    root, metainfo = made
    (root / "sub/new").write_bytes(b"")
    report = verify(metainfo, root)
    assert report.ok
    assert report.extra == (("sub", "new"),)


@pytest.mark.parametrize("version", FORMATS)
def test_a_single_file_is_checked_by_itself_or_in_its_folder(tmp_path, version):
    path = tmp_path / "one.bin"
    path.write_bytes(content_of(100_000))
    metainfo = make(path, version)
    assert verify(metainfo, path).ok
    assert verify(metainfo, tmp_path).ok
    raw = bytearray(content_of(100_000))
    raw[99_999] ^= 1
    path.write_bytes(raw)
    (file,) = verify(metainfo, path).files
    assert file.bad == ((98_304, 100_000),)


@pytest.mark.parametrize("version", ["v2", "hybrid"])
def test_without_piece_layers_a_bad_file_is_bad_as_a_whole(tmp_path, version):
    root = tmp_path / "game"
    fill(root)
    table = bencode.decode(make(root, version).raw)
    assert isinstance(table, dict)
    del table[b"piece layers"]
    metainfo = Metainfo.parse(bencode.encode(table))
    assert verify(metainfo, root).ok
    (root / "a").write_bytes(b"x" + content_of(50_000)[1:])
    file = by_name(verify(metainfo, root))["a"]
    assert file.bad == ((0, 50_000),)


def linked(target: list[str], **changes: Any) -> Metainfo:
    raw = b"hello"
    files = [
        {"length": 5, "path": ["data", "x"]},
        {"attr": "l", "length": 0, "path": ["latest"], "symlink path": target, **changes},
    ]
    info: Any = {
        "name": "game", "piece length": PIECE, "pieces": hashlib.sha1(raw).digest(), "files": files
    }  # fmt: skip
    return Metainfo.parse(bencode.encode({"info": info}))


def test_links_are_checked_for_where_they_lead(tmp_path):
    root = tmp_path / "game"
    (root / "data").mkdir(parents=True)
    (root / "data/x").write_bytes(b"hello")
    metainfo = linked(["data", "x"])
    latest = root / "latest"
    assert by_name(verify(metainfo, root))["latest"].status == "missing"
    latest.symlink_to("data/x")
    report = verify(metainfo, root)
    assert report.ok
    assert report.extra == ()
    latest.unlink()
    latest.symlink_to("data/y")
    file = by_name(verify(metainfo, root))["latest"]
    assert (file.status, file.reason) == ("bad", "a link to `data/y`")
    latest.unlink()
    latest.write_bytes(b"hello")
    file = by_name(verify(metainfo, root))["latest"]
    assert (file.status, file.reason) == ("bad", "not a link to `data/x`")


def test_a_link_to_a_link_and_to_nowhere_counts_by_its_text(tmp_path):
    root = tmp_path / "game"
    (root / "data").mkdir(parents=True)
    (root / "data/x").write_bytes(b"hello")
    (root / "latest").symlink_to(root / "data" / "none")
    assert verify(linked(["data", "none"]), root).ok


@pytest.mark.parametrize("version", FORMATS)
def test_padding_on_disk_is_neither_read_nor_extra(tmp_path, version):
    root = tmp_path / "game"
    fill(root)
    metainfo = make(root, version)
    for file in metainfo.info.files:
        if file.is_padding:
            (root / ".pad").mkdir(exist_ok=True)
            (root.joinpath(*file.path)).write_bytes(b"not zeros")
    report = verify(metainfo, root)
    assert report.ok
    assert report.extra == ()


def test_the_package_gives_verify_and_takes_a_path(made, tmp_path):
    root, metainfo = made
    metainfo.write(tmp_path / "game.torrent")
    assert outpour.verify(tmp_path / "game.torrent", root).ok
    assert outpour.Metainfo is Metainfo
    with pytest.raises(ReadError):
        outpour.verify(tmp_path / "none.torrent", root)
    with pytest.raises(AttributeError):
        _ = outpour.no_such_name  # type: ignore[attr-defined]


DAMAGE = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, 10**6)),
    st.tuples(st.just("cut"), st.integers(0, 10**6)),
    st.tuples(st.just("grow"), st.just(0)),
    st.tuples(st.just("remove"), st.just(0)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    version=st.sampled_from(FORMATS),
    lengths=st.lists(st.integers(0, 3 * PIECE), min_size=1, max_size=5).filter(any),
    damage=st.dictionaries(st.integers(0, 4), DAMAGE, max_size=3),
)
def test_every_byte_that_differs_is_reported_and_no_sound_file_is_blamed(
    tmp_path_factory, version, lengths, damage
):
    root = tmp_path_factory.mktemp("content") / "game"
    root.mkdir()
    for number, length in enumerate(lengths):
        (root / str(number)).write_bytes(content_of(length))
    metainfo = make(root, version)
    for number, (kind, at) in damage.items():
        path = root / str(number)
        if not path.exists() or not lengths[number]:
            continue
        raw = bytearray(path.read_bytes())
        if kind == "flip":
            raw[at % len(raw)] ^= 0x55
        elif kind == "cut":
            del raw[at % len(raw) :]
        elif kind == "grow":
            raw += b"x"
        path.write_bytes(raw)
        if kind == "remove":
            path.unlink()
    report = verify(metainfo, root)
    for number, file in enumerate(report.files):
        path, wanted = root / str(number), content_of(lengths[number])
        found = path.read_bytes() if path.exists() else None
        assert file.found == (None if found is None else len(found))
        suspected = [*file.bad, *file.unverified]
        assert all(0 <= low < high <= file.length for low, high in suspected)
        if found == wanted:
            # Its own bytes are right, so only a piece shared with another can speak against it.
            assert file.status in {"ok", "unverified", "bad"}
            assert version == "v1" or file.status == "ok"
            continue
        assert file.status != "ok"
        differing = [
            at
            for at in range(len(wanted))
            if found is None or at >= len(found) or found[at] != wanted[at]
        ]
        for at in differing[:3] + differing[-3:]:
            assert any(low <= at < high for low, high in suspected)
    assert report.ok == all(
        (root / str(number)).exists() and (root / str(number)).read_bytes() == content_of(length)
        for number, length in enumerate(lengths)
    )
