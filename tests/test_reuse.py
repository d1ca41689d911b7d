"""Torrents made with the hashes of older ones, against those that are hashed as a whole."""

import os
import random
import tempfile
import time
from pathlib import Path

import pytest

from outpour import CreateOptions, create
from outpour._core import Hashing
from outpour.base.errors import UsageError
from outpour.making.maker import plan_path
from outpour.torrent.editor import Changes, edit
from tests.waiting import wait_for

PIECE_LENGTH = 16384
FORMATS = [
    {"format": "v1"}, {"format": "v1", "align": True}, {"format": "v2"}, {"format": "hybrid"}
]  # fmt: skip


@pytest.fixture
def read(monkeypatch):
    """The files that are read, by name, in each run."""
    found: list[str] = []

    def watched(files, *args, **kwargs):
        found.extend(Path(path).name for path, length in files if path and length)
        return Hashing(files, *args, **kwargs)

    monkeypatch.setattr("outpour.making.hasher.Hashing", watched)
    return found


def settle(root):
    """Wait until the clock of inodes is in another second than every file of a folder."""
    newest = max(path.stat().st_ctime for path in root.rglob("*"))
    # It may be some milliseconds behind the other clock.
    with tempfile.NamedTemporaryFile(dir=root.parent) as file:

        def now():
            os.utime(file.name)
            return Path(file.name).stat().st_ctime

        wait_for(lambda: now() >= int(newest) + 1)
    return int(newest) + 1


def fill(root, sizes, chance):
    for name, size in sizes.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(size))


@pytest.mark.parametrize("asked", FORMATS)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_reused_makes_the_same_torrent_as_what_is_hashed(tmp_path, asked, seed):
    chance = random.Random(seed)
    root = tmp_path / "d"
    names = [f"{folder}{name}" for folder in ("", "s/", "z/y/") for name in "abcdef"]
    lengths = [0, 1, 5, PIECE_LENGTH - 1, PIECE_LENGTH, 3 * PIECE_LENGTH, 50_000, 70_001]
    fill(root, {name: chance.choice(lengths) for name in names} | {"full": 90_000}, chance)
    options = CreateOptions(piece_length=PIECE_LENGTH, creation_date=settle(root), **asked)
    earlier = create(root, options)
    for name in chance.sample(names, 4):
        kind = chance.random()
        path = root / name
        if kind < 0.3:
            path.unlink()
        elif kind < 0.6:
            path.write_bytes(chance.randbytes(path.stat().st_size))
        else:
            path.write_bytes(chance.randbytes(chance.choice(lengths)))
    (root / "b2").write_bytes(chance.randbytes(chance.choice(lengths)))
    assert create(root, options, earlier=earlier).raw == create(root, options).raw


@pytest.mark.parametrize("asked", FORMATS)
def test_only_what_changed_and_its_neighbours_are_read(tmp_path, read, asked):
    root = tmp_path / "d"
    fill(root, dict.fromkeys("abcdef", 100_000), random.Random(1))
    options = CreateOptions(piece_length=PIECE_LENGTH, creation_date=settle(root), **asked)
    earlier = create(root, options)
    read.clear()
    assert create(root, options, earlier=earlier).info.raw == earlier.info.raw
    assert read == []
    (root / "c").write_bytes(random.Random(2).randbytes(100_000))
    made = create(root, CreateOptions(creation_date=None, **asked), earlier=earlier)
    assert made.info.piece_length == PIECE_LENGTH
    assert read == (["b", "c", "d"] if asked == {"format": "v1"} else ["c"])
    assert made.info.raw == create(root, options).info.raw


def test_a_file_set_back_in_time_is_read(tmp_path, read):
    root = tmp_path / "d"
    fill(root, {"a": 20_000}, random.Random(1))
    before = (root / "a").stat()
    options = CreateOptions(creation_date=settle(root))
    earlier = create(root, options)
    (root / "a").write_bytes(random.Random(2).randbytes(20_000))
    os.utime(root / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert create(root, options, earlier=earlier).info.raw == create(root, options).info.raw


@pytest.mark.parametrize("asked", FORMATS)
def test_a_file_of_another_length_is_read_whatever_its_time(tmp_path, asked):
    root = tmp_path / "d"
    fill(root, {"a": 20_000, "b": 20_000}, random.Random(1))
    of_longer = create(root, CreateOptions(creation_date=None, **asked))
    fill(root, {"a": 19_000}, random.Random(2))
    earlier = edit(of_longer, Changes(creation_date=settle(root)))
    options = CreateOptions(piece_length=of_longer.info.piece_length, **asked)
    assert create(root, options, earlier=earlier).info.raw == create(root, options).info.raw


def test_a_file_alone_is_reused_under_another_name(tmp_path, read):
    path = tmp_path / "a"
    path.write_bytes(random.Random(1).randbytes(70_000))
    options = CreateOptions(creation_date=settle(tmp_path))
    earlier = create(path, options)
    read.clear()
    named = CreateOptions(name="b", creation_date=None)
    made = create(path, named, earlier=earlier)
    assert read == []
    assert made.info.raw == create(path, named).info.raw


def test_another_piece_length_or_version_is_hashed_and_a_date_is_needed(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(70_000))
    earlier = create(path, CreateOptions(creation_date=settle(tmp_path)))
    for asked in (CreateOptions(piece_length=32768), CreateOptions(format="v2")):
        assert plan_path(path, asked, earlier=earlier).reuse is None
        assert create(path, asked, earlier=earlier).info.raw == create(path, asked).info.raw
    undated = create(path, CreateOptions(creation_date=None))
    with pytest.raises(UsageError, match="does not say when"):
        create(path, earlier=undated)
    # What changes until that day would look as old as everything else.
    ahead = create(path, CreateOptions(creation_date=int(time.time()) + 86_400))
    with pytest.raises(UsageError, match="was made later than now"):
        create(path, earlier=ahead)
