"""`outpour.create` and what the options become."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import outpour
from outpour import CreateOptions, Metainfo, OutpourError
from outpour.base.errors import ReadError, SettingsError, UsageError
from outpour.base.units import GIB, KIB, MIB, TIB
from outpour.making.maker import Draft, create_from_tree, plan, plan_path
from outpour.making.piece_length import PIECE_LENGTH_MIN, pick_piece_length, piece_length_of_count
from outpour.making.walker import walk
from tests.waiting import wait_for

FORMATS = ["v1", "v2", "hybrid"]


@pytest.fixture
def content(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "a").write_bytes(b"a" * 40_000)
    (folder / "b").write_bytes(b"b" * 10)
    return folder


def test_the_package_is_light_and_gives_what_it_says():
    code = "import outpour, sys; print(*[name for name in sys.modules if 'outpour' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["outpour"]
    for name in outpour.__all__:
        assert getattr(outpour, name).__doc__
        assert name in dir(outpour)
    with pytest.raises(AttributeError, match="nothing"):
        outpour.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("format", FORMATS)
def test_progress_is_told_in_bytes_of_content(content, format):
    told: list[tuple[int, int]] = []
    options = CreateOptions(format=format)
    outpour.create(content, options, lambda done, total: told.append((done, total)))
    assert told[-1] == (40_010, 40_010)


def test_a_caller_stops_the_hashing_by_raising(tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(TIB)

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        outpour.create(huge, progress=stop)


def test_what_was_made_is_written_whole_and_read_again(content, tmp_path):
    made = outpour.create(str(content), CreateOptions(creation_date=None))
    made.write(tmp_path / "d.torrent")
    assert Metainfo.read(tmp_path / "d.torrent") == made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "d.torrent"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_draft_knows_the_infohash_that_a_reader_finds(content, format):
    (content / "sub").mkdir()
    (content / "sub" / "é").write_bytes(b"c" * 70_000)
    options = CreateOptions(format=format, piece_length=32 * KIB)
    with Draft(plan_path(content, options)) as draft:
        made = draft.finish()
    read = Metainfo.parse(made.raw)
    assert (read.info.infohash, read.info.version) == (made.infohash, format)
    assert read.unsorted_at is None


def test_leaving_a_draft_stops_its_hashing(tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(TIB)
    with Draft(plan_path(huge)) as draft:
        pass
    with pytest.raises(RuntimeError, match="cancelled"):
        draft.finish()


def turn_into_folder(path):
    path.unlink()
    path.mkdir()


def turn_into_fifo(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"b" * 11),
        lambda path: path.write_bytes(b"b" * 9),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        turn_into_folder,
        turn_into_fifo,
    ],
    ids=["grows", "shrinks", "empties", "vanishes", "turns folder", "turns fifo"],
)
def test_a_file_that_changes_before_it_is_read_is_named(content, format, change):
    tree = walk(content)
    change(content / "b")
    with pytest.raises(ReadError, match=r"`.*/d/b`: (changed while|no such file)"):
        create_from_tree(tree, CreateOptions(format=format))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named(content):
    (content / "b").chmod(0)
    with pytest.raises(ReadError, match=r"`.*/d/b`: permission denied"):
        outpour.create(content)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (CreateOptions(similar=(b"short",)), "no infohash"),
        (CreateOptions(nodes=(("h", 0),)), "not a port"),
        (CreateOptions(piece_length=MIB, piece_count=1), "contradicts"),
        (CreateOptions(piece_length=3 * MIB), "not a power of two"),
        (CreateOptions(piece_length=8 * KIB), "not a power of two"),
        (CreateOptions(piece_count=0), "not a number of pieces"),
        (CreateOptions(format="v2", align=True), "alignment"),
        (CreateOptions(format="v2", any_bytes=True), "not UTF-8"),
        (CreateOptions(comment="\udce9"), "comment .* is not UTF-8"),
        (CreateOptions(collections=("\udce9",)), "collection .* is not UTF-8"),
        (CreateOptions(name="a/b"), "path separator"),
    ],
)
def test_options_that_make_no_torrent_are_refused(content, options, fault):
    with pytest.raises(UsageError, match=fault):
        outpour.create(content, options)


def test_the_clock_of_the_build_must_be_a_number(content, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(SettingsError, match="SOURCE_DATE_EPOCH"):
        outpour.create(content)


@pytest.mark.parametrize("format", ["v2", "hybrid"])
def test_a_folder_that_v2_takes_for_its_only_file_is_refused(tmp_path, format):
    folder = tmp_path / "same"
    folder.mkdir()
    (folder / "same").write_bytes(b"x")
    with pytest.raises(UsageError, match="cannot tell a folder"):
        outpour.create(folder, CreateOptions(format=format))
    assert outpour.create(folder, CreateOptions(format=format, name="other")).info.is_folder
    assert outpour.create(folder).info.is_folder


def test_only_empty_files_are_no_content(content):
    for name in "ab":
        (content / name).write_bytes(b"")
    with pytest.raises(ReadError, match="has no content"):
        outpour.create(content)


@pytest.mark.parametrize("format", FORMATS)
def test_a_torrent_too_heavy_for_readers_is_refused_before_hashing(tmp_path, format):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(TIB)
    planned = plan_path(huge, CreateOptions(format=format))
    assert planned.piece_length == 16 * MIB
    with pytest.raises(UsageError, match="readers take 64 MiB"):
        plan_path(huge, CreateOptions(format=format, piece_length=16 * KIB))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("step", [1, 200, 2000])
def test_the_weight_of_a_torrent_is_estimated_near_enough(tmp_path, format, step):
    folder = tmp_path / "many" / "of them"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"file {number}").write_bytes(bytes(number * step))
    folder = folder.parent
    planned = plan(walk(folder), CreateOptions(format=format, piece_length=PIECE_LENGTH_MIN))
    size, values = planned.layout.weight
    made = outpour.create(folder, CreateOptions(format=format, piece_length=PIECE_LENGTH_MIN))
    assert 0.8 < size / len(made.raw) < 1.25
    assert planned.layout.piece_count == made.info.piece_count
    assert 300 * 5 < values < 300 * 30


@pytest.mark.parametrize(
    ("total", "piece_length"),
    [
        (1, 16 * KIB), (32 * MIB, 16 * KIB), (32 * MIB + 1, 32 * KIB), (GIB, 512 * KIB),
        (4 * GIB, 2 * MIB), (32 * GIB, 16 * MIB), (TIB, 16 * MIB),
    ],
)  # fmt: skip
def test_pieces_are_chosen_by_the_table_of_the_docs(total, piece_length):
    assert pick_piece_length(total) == piece_length


def test_the_table_of_the_docs_is_what_is_chosen():
    text = (Path(__file__).parent.parent / "docs" / "creating.md").read_text()
    units = {"KiB": KIB, "MiB": MIB, "GiB": GIB}
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| up to ")
    ]
    assert len(rows) == 10
    for content, length, pieces in rows:
        number, unit = content.removeprefix("up to ").split()
        total = int(number) * units[unit]
        number, unit = length.split()
        assert pick_piece_length(total) == int(number) * units[unit]
        assert total // pick_piece_length(total) == int(pieces)
        assert pick_piece_length(total + 1) == min(int(number) * units[unit] * 2, 16 * MIB)


def test_pieces_of_a_hybrid_keep_the_padding_small():
    lengths = [20 * KIB] * 100_000
    assert pick_piece_length(sum(lengths), lengths, "v1") == MIB
    assert pick_piece_length(sum(lengths), lengths, "hybrid") == PIECE_LENGTH_MIN


@pytest.mark.parametrize(
    ("total", "count", "piece_length"),
    [(1, 1, 16 * KIB), (GIB, 1000, 2 * MIB), (GIB, 1024, MIB), (GIB, 1, GIB)],
)
def test_pieces_are_chosen_by_their_number(total, count, piece_length):
    assert piece_length_of_count(total, count) == piece_length


def test_a_number_of_pieces_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="do not fit") as caught:
        piece_length_of_count(TIB, 10)
    assert caught.value.hint == "ask for at least 1024"


@pytest.mark.parametrize("format", FORMATS)
def test_ctrl_c_ends_the_hashing_and_leaves_nothing(outpour, tmp_path, format):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(TIB)
    process = subprocess.Popen(
        [outpour, "create", "huge", "--format", format], cwd=tmp_path, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        tasks = Path(f"/proc/{process.pid}/task")
        wait_for(lambda: len(list(tasks.iterdir())) > 1, what="hashing")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=100)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, said) == (130, "error: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["huge"]


def test_every_fault_is_one_for_callers(tmp_path):
    with pytest.raises(OutpourError):
        outpour.create(tmp_path / "none")
