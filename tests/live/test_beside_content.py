"""README, checksums and signatures of a real publication: shown, served, and no torrents."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.live.conftest import Start, get
from tests.live.publication import Publication, status
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "releases"
    folder.mkdir()
    for name, day in (("tool-1.iso", 1), ("tool-2.iso", 2)):
        (folder / name).write_bytes(name.encode() * 999)
        os.utime(folder / name, (86_400 * day, 86_400 * day))
    digits = hashlib.sha256((folder / "tool-2.iso").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digits}  tool-2.iso\n")
    (folder / "SHA256SUMS.asc").write_text("signed\n")
    (folder / "README.md").write_text("# Tool\n\nThe **newest** is [here](tool-2.iso).\n")
    (folder / "tool-2.iso.md").write_text("Describes the second one.\n")
    return folder


def test_what_lies_beside_content_is_shown_with_it_and_followed(start: Start, folder: Path):
    publication = Publication(start, folder)
    publication.wait_published("tool-1.iso", "tool-2.iso")
    url = publication.url
    assert {row["name"] for row in publication.torrents()} == {"tool-1.iso", "tool-2.iso"}
    page = get(url).decode()
    assert "<title>releases</title>" in page
    assert 'The <strong>newest</strong> is <a href="/content/tool-2.iso"' in page
    digits = hashlib.sha256((folder / "tool-2.iso").read_bytes()).hexdigest()
    assert digits in page
    assert get(f"{url}content/SHA256SUMS").decode() == f"{digits}  tool-2.iso\n"
    assert get(f"{url}content/SHA256SUMS.asc") == b"signed\n"
    assert get(f"{url}latest/tool-*.iso") == (folder / "tool-2.iso").read_bytes()
    infohash = publication.row("tool-2.iso")["infohash"]
    assert b"Describes the second one." in get(f"{url}torrent/{infohash}")

    # A signature that comes before what it signs is content until then.
    (folder / "tool-3.iso.sig").write_text("signs\n")
    (folder / "README.md").write_text("Now it says *this*.\n")
    wait_for(lambda: "<em>this</em>" in get(url).decode(), what="the new README")
    publication.wait_published("tool-3.iso.sig")
    (folder / "tool-3.iso").write_bytes(b"3" * 999)
    publication.wait_published("tool-3.iso")
    wait_for(lambda: not publication.row("tool-3.iso.sig"), what="the signature to be no torrent")
    assert get(f"{url}content/tool-3.iso.sig") == b"signs\n"
    (folder / "SHA256SUMS").unlink()
    wait_for(lambda: status(f"{url}content/SHA256SUMS") == 404, what="the sums to be gone")
    wait_for(lambda: digits not in get(url).decode(), what="the checksum to be gone")
