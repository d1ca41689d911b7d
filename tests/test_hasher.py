"""The native hasher as Python sees it, against hashlib; how it stops, and what memory it takes."""

import hashlib
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from outpour._core import Memory, kernels
from outpour.base.errors import SettingsError, UsageError
from outpour.making import hasher
from outpour.torrent.merkle import root_of_layer
from tests.waiting import wait_for

PIECE = 64 * 1024
LEAF = 16 * 1024
BLANK = bytes(32)
MIB = 1 << 20


@pytest.fixture
def sources(tmp_path):
    """Files around every border of a block and a piece."""
    lengths = [0, 1, 55, 56, 64, LEAF - 1, LEAF, LEAF + 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE]
    found = []
    for length in lengths:
        path = tmp_path / f"{length}"
        path.write_bytes(random.Random(length).randbytes(length))
        found.append((str(path), length))
    return found


def padded(sources):
    for path, length in sources:
        yield path, length
        if length % PIECE:
            yield None, -length % PIECE


def pieces_of(sources):
    stream = b"".join(Path(path).read_bytes() if path else bytes(n) for path, n in sources)
    parts = (stream[at : at + PIECE] for at in range(0, len(stream), PIECE))
    return b"".join(hashlib.sha1(part).digest() for part in parts)


def tree_of(content):
    """Root and layer by the text of BEP 52."""
    if not content:
        return b"", b""
    leaves = [
        hashlib.sha256(content[at : at + LEAF]).digest() for at in range(0, len(content), LEAF)
    ]
    if len(content) <= PIECE:
        while len(leaves) & (len(leaves) - 1):
            leaves.append(BLANK)
        return root_of_layer(b"".join(leaves), LEAF), b""
    per_piece = PIECE // LEAF
    leaves += [BLANK] * (-len(leaves) % per_piece)
    layer = b"".join(
        root_of_layer(b"".join(leaves[at : at + per_piece]), LEAF)
        for at in range(0, len(leaves), per_piece)
    )
    return root_of_layer(layer, PIECE), layer


@pytest.mark.parametrize("kernel", [None, *kernels()])
@pytest.mark.parametrize("threads", [1, 3])
def test_every_kernel_hashes_as_hashlib_does(sources, kernel, threads, monkeypatch):
    monkeypatch.delenv(hasher.KERNEL_VARIABLE, raising=False)
    if kernel is not None:
        monkeypatch.setenv(hasher.KERNEL_VARIABLE, kernel)
    trees = [tree_of(Path(path).read_bytes()) for path, _ in sources]
    aligned = list(padded(sources))
    assert hasher.hash_v1(sources, PIECE, threads=threads) == pieces_of(sources)
    assert list(hasher.hash_v2(sources, PIECE, threads=threads)) == trees
    pieces, found = hasher.hash_hybrid(aligned, PIECE, threads=threads)
    assert pieces == pieces_of(aligned)
    assert [it for it, (path, _) in zip(found, aligned, strict=True) if path] == trees


def test_an_unknown_kernel_is_a_settings_error_that_lists_the_known(
    sources, tmp_path, monkeypatch, run
):
    monkeypatch.setenv(hasher.KERNEL_VARIABLE, "abacus")
    with pytest.raises(SettingsError):
        hasher.hash_v1(sources, PIECE)
    said = run("create", tmp_path, "-o", tmp_path / "out.torrent")
    assert said.code == 3
    assert said.err.startswith("error: `OUTPOUR_HASH`: `abacus` is not a kernel of this CPU\nhint:")
    assert all(name in said.err for name in kernels())
    assert not (tmp_path / "out.torrent").exists()


def test_progress_counts_content_without_padding(sources):
    seen = []
    hasher.hash_hybrid(list(padded(sources)), PIECE, progress=lambda *it: seen.append(it))
    total = sum(length for _, length in sources)
    assert seen[-1] == (total, total)
    assert all(done <= total for done, _ in seen)


def sparse(path, length):
    with path.open("wb") as file:
        file.truncate(length)
    return path


def wait_until_hashing(process):
    def is_hashing():
        assert process.poll() is None, process.communicate()[1]
        for task in Path(f"/proc/{process.pid}/task").glob("*/comm"):
            # A thread may end before its name is read.
            with suppress(OSError):
                if task.read_text().startswith("hash-"):
                    return True
        return False

    wait_for(is_hashing, what="hashing")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are told by /proc")
@pytest.mark.parametrize("format", ["v1", "hybrid"])
def test_ctrl_c_stops_at_once_and_leaves_nothing_behind(tmp_path, format):
    content = sparse(tmp_path / "content", 1 << 40)
    command = ["create", str(content), "--format", format, "-l", "16MiB", "-o", "out.torrent"]
    process = subprocess.Popen(
        [sys.executable, "-m", "outpour", *command],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        wait_until_hashing(process)
        process.send_signal(signal.SIGINT)
        # A tenth of a second where nothing else runs; hours remain of a terabyte.
        assert process.communicate(timeout=100)[1] == "error: interrupted\n"
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == [content]


PEAK = """
import sys
from pathlib import Path
from outpour.cli import main
assert main(sys.argv[1:]) == 0
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM:"):
        print(int(line.split()[1]) * 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by /proc")
def test_memory_stays_flat_whatever_the_sizes_of_content_and_piece(tmp_path):
    def peak(name, length, piece_length, format):
        out = tmp_path / f"{name}.torrent"
        words = [
            "create",
            sparse(tmp_path / name, length),
            "-l",
            piece_length,
            "-f",
            format,
            "--allow",
            "piece-length-large",
        ]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *map(str, words), "-o", str(out)],
            check=True,
            stdout=subprocess.PIPE,
            timeout=200,
        )
        return int(done.stdout)

    idle = peak("tiny", 1, "16KiB", "v1")
    for format in ("v1", "v2", "hybrid"):
        assert peak(format, 256 * MIB, "64MiB", format) - idle < 64 * MIB


@pytest.mark.parametrize("start", [0, 1, 64, 5 * 16384 + 3])
def test_memory_is_hashed_where_it_lies_from_any_byte_on(start, tmp_path):
    content = os.urandom(9 * 16384 + 77)
    memory = Memory(len(content))
    with memory.view() as view:
        view[:] = content
    rest = content[start:]
    source = [(memory.part(start), len(rest))]
    pieces, (tree,) = hasher.hash_hybrid(source, 32768)
    whole = [rest[at : at + 32768] for at in range(0, len(rest), 32768)]
    assert pieces == b"".join(hashlib.sha1(piece).digest() for piece in whole)
    (tmp_path / "same").write_bytes(rest)
    assert hasher.hash_v2([(tmp_path / "same", len(rest))], 32768) == (tree,)


def test_memory_ends_where_it_ends():
    memory = Memory(100)
    assert (len(memory), len(memory.part(100))) == (100, 0)
    with pytest.raises(ValueError, match="ends before"):
        memory.part(101)
    with pytest.raises(UsageError, match="longer than its memory"):
        hasher.hash_v1([(memory.part(1), 100)], 64)
