"""Files that belong to content: which they are, what they say, and when they are read again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from outpour.publisher.checksum_lines import sums_of
from outpour.publisher.entries import entries
from outpour.publisher.folder_look import FolderLook
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.published_beside import PublishedBeside
from outpour.publisher.published_view import PublishedView
from outpour.publisher.sidecar_rule import Belonging, belongings
from outpour.publisher.sidecar_table import SIDECAR_BYTES_MAX, SidecarTable
from outpour.web.content import open_published
from outpour.web.contract import ContentRoot
from outpour.web.limits import WRITING_BYTES_MAX
from outpour.web.visitors import kept_writings
from outpour.web.visitors.beside import About, Writing
from outpour.web.visitors.folder_readme import FolderReadme

A, B = "a" * 64, "B" * 64


@pytest.mark.parametrize(
    ("names", "name", "expected"),
    [
        ("x.iso README.md", "README.md", Belonging("readme")),
        ("x.iso readme.TXT", "readme.TXT", Belonging("readme")),
        ("x.iso README", "README", Belonging("readme")),
        ("x.iso README-first.pdf", "README-first.pdf", None),
        ("x.iso SHA256SUMS", "SHA256SUMS", Belonging("checksums")),
        ("x.iso SHA512SUMS.txt", "SHA512SUMS.txt", Belonging("checksums")),
        ("x.iso SHA256SUMS SHA256SUMS.asc", "SHA256SUMS.asc", Belonging("signature")),
        ("x.iso x.iso.asc", "x.iso.asc", Belonging("signature", ("x.iso",))),
        ("x.iso x.iso.minisig", "x.iso.minisig", Belonging("signature", ("x.iso",))),
        ("x.iso x.iso.sha256", "x.iso.sha256", Belonging("checksums", ("x.iso",))),
        ("set set.SHA256SUMS", "set.SHA256SUMS", Belonging("checksums", ("set",))),
        ("x.iso x.iso.sha256 x.iso.sha256.sig", "x.iso.sha256.sig",
         Belonging("signature", ("x.iso",))),
        ("x.iso other.asc", "other.asc", None),
        ("x.iso other.sha256", "other.sha256", None),
        ("x.iso x.iso.md", "x.iso.md", Belonging("description", ("x.iso",))),
        ("x.iso x.img x.md", "x.md", Belonging("description", ("x.img", "x.iso"))),
        ("x-1.tar.gz x-1.md", "x-1.md", Belonging("description", ("x-1.tar.gz",))),
        ("x-1 x-1.2 x-1.md", "x-1.md", Belonging("description", ("x-1",))),
        ("x-1.2 x-1.md", "x-1.md", None),
        ("x.iso notes.md", "notes.md", None),
        ("x.iso x.md x.md.asc", "x.md.asc", Belonging("signature", ("x.iso",))),
    ],
)  # fmt: skip
def test_a_file_belongs_to_what_its_name_says_and_is_content_otherwise(names, name, expected):
    every = names.split()
    assert belongings(set(every), every).get(name) == expected


def test_checksums_are_read_as_gnu_and_bsd_write_them_and_anything_else_is_passed_over():
    raw = (
        f"-----BEGIN PGP SIGNED MESSAGE-----\n\n{A}  ./x.iso\n{B} *dir/y z.bin\r\n"
        f"SHA256 (b.iso) = {A}\n{A}\n{'c' * 128}  sha512\nnothing  here\n{'g' * 64}  x\n"
    ).encode() + b"\xff\xfe\0" + A.encode() + b"  \xe9.iso\n"  # fmt: skip
    assert list(sums_of(raw)) == [
        ("x.iso", A), ("dir/y z.bin", B.lower()), ("b.iso", A), (None, A),
    ]  # fmt: skip


def look(folder: Path, table: SidecarTable, *changed: Path) -> FolderLook:
    looker = FolderLook(PublishOptions((folder,)), table)
    seen = looker.at(changed, lambda path: path in table.files) if changed else looker.everything()
    found = seen()
    table.take(found.beside)
    return looker


def test_what_belongs_to_content_is_no_entry_and_is_read_again_only_when_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "x.iso").write_bytes(b"x")
    (tmp_path / "set").mkdir()
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{A}  x.iso\n{A}  set/one\n")
    for number in range(50):
        (tmp_path / f"x.iso{number}").write_bytes(b"x")
        (tmp_path / f"x.iso{number}.sha256").write_text(A)
    table = SidecarTable()
    look(tmp_path, table)
    assert table.sums(tmp_path, "x.iso") == {(): A}
    assert table.sums(tmp_path, "set") == {("one",): A}
    assert len(table.files) == 51
    (other,) = entries(tmp_path / "x.iso", PublishOptions((tmp_path / "x.iso",))).entries
    assert other.name == "x.iso"

    read: list[str] = []
    lstat = Path.lstat

    def watched(path: Path) -> os.stat_result:
        read.append(path.name)
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", watched)
    before = table.revision
    look(tmp_path, table, tmp_path / "x.iso")
    assert (read, table.revision) == ([], before)
    sums.write_text(f"{B}  x.iso\n")
    os.utime(sums, ns=(1, 1))
    look(tmp_path, table, sums)
    assert read == ["SHA256SUMS"]
    assert table.sums(tmp_path, "x.iso") == {(): B.lower()}
    assert table.revision != before


def test_a_sum_beside_one_file_counts_before_that_of_the_list(tmp_path: Path):
    (tmp_path / "x.iso").write_bytes(b"x")
    (tmp_path / "SHA256SUMS").write_text(f"{A}  x.iso\n")
    (tmp_path / "x.iso.sha256").write_text(f"{B}  some/other/name\n")
    table = SidecarTable()
    look(tmp_path, table)
    assert table.sums(tmp_path, "x.iso") == {(): B.lower()}


def test_a_file_too_large_to_be_one_of_lines_and_a_link_stay_content(tmp_path: Path):
    (tmp_path / "x.iso").write_bytes(b"x")
    with (tmp_path / "README.md").open("wb") as file:
        file.truncate(SIDECAR_BYTES_MAX + 1)
    (tmp_path / "x.iso.asc").symlink_to("x.iso")
    table = SidecarTable()
    seen = FolderLook(PublishOptions((tmp_path,)), table).everything()()
    assert {path.name for path in seen.present} == {"x.iso", "README.md", "x.iso.asc"}
    assert seen.beside == {}


def test_what_is_said_of_a_folder_is_read_once_until_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    readme = tmp_path / "README.md"
    readme.write_text("one")
    (tmp_path / "x.iso").write_bytes(b"x")
    read: list[ContentRoot] = []

    def watched(root: ContentRoot, inner: tuple[str, ...]) -> BinaryIO | None:
        read.append(root)
        return open_published(root, inner)

    monkeypatch.setattr(kept_writings, "open_published", watched)
    published, table = PublishedTorrents(), SidecarTable()
    view = PublishedView(None, published, follows_links=False)  # type: ignore[arg-type]
    beside = PublishedBeside(view, published, table, [tmp_path])
    alone = FolderReadme(tmp_path)

    def said() -> set[str | None]:
        return {
            found.writing.text if found.writing is not None else None
            for one in (beside, alone)
            for found in (asyncio.run(one.about_group(None)), asyncio.run(one.about_group(None)))
        }

    look(tmp_path, table)
    assert (said(), len(read)) == ({"one"}, 2)
    readme.write_text("other")
    look(tmp_path, table, readme)
    assert (said(), len(read)) == ({"other"}, 4)
    readme.unlink()
    look(tmp_path, table, readme)
    assert (said(), len(read)) == ({None}, 4)


def test_a_readme_of_a_tracker_alone_is_a_file_of_its_folder_and_short(tmp_path: Path):
    outside, folder = tmp_path / "secret.md", tmp_path / "torrents"
    outside.write_text("secret")
    folder.mkdir()
    readme = FolderReadme(folder)
    (folder / "README.md").symlink_to(outside)
    assert asyncio.run(readme.about_group(None)) == About()
    (folder / "readme.txt").write_bytes(b"plain \xff\n")
    plain = About(Writing("plain \ufffd\n", is_markdown=False))
    assert asyncio.run(readme.about_group(None)) == plain
    assert asyncio.run(readme.about_group("..")) == About()
    with (folder / "readme.md").open("wb") as file:
        file.truncate(WRITING_BYTES_MAX + 1)
    assert asyncio.run(readme.about_group(None)) == About()
    assert asyncio.run(FolderReadme(tmp_path / "gone").about_group(None)) == About()
