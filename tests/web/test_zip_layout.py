"""Archives beyond what 32 and 16 bits hold, read back by Python's own reader."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
import zlib
from functools import cache
from pathlib import Path

import pytest

from outpour.web.torrents.zip_layout import Stored, end, length_of

LARGE = (1 << 32) + 5


def write(path: Path, files: list[Stored], modified: int = 1_700_000_001) -> None:
    """Write an archive of zeros, which take no room on the disk."""
    directory = []
    with path.open("wb") as stream:
        for file in files:
            offset = stream.tell()
            stream.write(file.local_header(modified))
            stream.seek(file.length, 1)
            crc = crc_of_zeros(file.length)
            stream.write(file.descriptor(crc))
            directory.append(file.central_header(crc, modified, offset))
        begin = stream.tell()
        stream.write(b"".join(directory))
        stream.write(end(len(files), stream.tell() - begin, begin))


@cache
def crc_of_zeros(length: int) -> int:
    crc, block = 0, bytes(min(length, 1 << 24))
    while length:
        part = min(length, len(block))
        crc = zlib.crc32(block[:part], crc)
        length -= part
    return crc


@pytest.mark.parametrize(
    "lengths", [[], [0], [5, 0, 7], [LARGE], [3, LARGE, 4], [(1 << 32) - 2, 9], [(1 << 32) - 1]]
)
def test_an_archive_is_as_long_as_was_said_and_is_read_back(tmp_path: Path, lengths: list[int]):
    files = [Stored(f"set/{at} ü.bin".encode(), length) for at, length in enumerate(lengths)]
    path = tmp_path / "x.zip"
    write(path, files)
    assert path.stat().st_size == length_of(files)
    with zipfile.ZipFile(path) as archive:
        found = archive.infolist()
        assert [info.file_size for info in found] == lengths
        assert [info.filename.encode() for info in found] == [file.name for file in files]
        assert all(info.date_time[:5] == (2023, 11, 14, 22, 13) for info in found)
        small = [info for info in found if info.file_size < 1000]
        assert [archive.read(info) for info in small] == [bytes(info.file_size) for info in small]
    program = shutil.which("bsdtar")
    if program is not None and lengths:
        done = subprocess.run([program, "-tf", path], capture_output=True, check=True)
        assert done.stdout.count(b"\n") == len(lengths)


def test_an_archive_of_more_files_than_16_bits_count_is_read_back(tmp_path: Path):
    files = [Stored(f"{number}".encode(), number % 2) for number in range(70_000)]
    path = tmp_path / "x.zip"
    write(path, files)
    assert path.stat().st_size == length_of(files)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == 70_000


@pytest.mark.parametrize("modified", [-1, 0, 300_000_000, 5_000_000_000])
def test_a_time_that_dos_does_not_know_is_the_first_it_knows(tmp_path: Path, modified: int):
    path = tmp_path / "x.zip"
    write(path, [Stored(b"x", 1)], modified)
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].date_time[0] >= 1980
