"""What a publisher has beside its content, on its mirrors: shown, followed, and let go of."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import pytest

from tests.live.conftest import Start, get
from tests.live.mirroring import Mirror
from tests.live.publication import Publication, status
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def digits_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.long
def test_what_lies_beside_content_is_mirrored_with_it(start: Start, tmp_path: Path):
    content, target = tmp_path / "releases", tmp_path / "mirror"
    content.mkdir()
    target.mkdir()
    for name in ("tool-1.iso", "tool-2.iso", "left.out"):
        (content / name).write_bytes(os.urandom(50_000))
    (content / "SHA256SUMS").write_text(f"{digits_of(content / 'tool-2.iso')}  tool-2.iso\n")
    (content / "README.md").write_text("The **newest** is [here](tool-2.iso).\n")
    (content / "tool-2.iso.md").write_text("Describes the second one.\n")
    (content / "tool-1.iso.asc").write_text("signs\n")
    (content / "left.out.asc").write_text("signs what is not mirrored\n")
    (target / "tool-1.iso.asc").write_text("of somebody else\n")
    publication = Publication(start, content)
    publication.wait_published("tool-1.iso", "tool-2.iso", "left.out")
    flags = ("--skip", "left.*", "--delete", "--grace", "2s", "--state", str(tmp_path / "state"))
    mirror = Mirror(start, publication.url, target, *flags)
    mirror.process.line_with("mirrored tool-2.iso")
    wait_for(lambda: (target / "SHA256SUMS").exists(), what="the checksums")
    wait_for(
        lambda: "The <strong>newest</strong>" in get(mirror.url).decode(), what="the README shown"
    )
    wait_for(lambda: status(f"{mirror.url}content/SHA256SUMS") == 200, what="the checksums served")
    assert get(f"{mirror.url}content/SHA256SUMS") == (content / "SHA256SUMS").read_bytes()
    infohash = mirror.row("tool-2.iso")["infohash"]
    # What belongs to one torrent comes a look after it.
    for text in ("Describes the second one.", digits_of(content / "tool-2.iso")):
        wait_for(
            lambda: text in get(f"{mirror.url}torrent/{infohash}").decode(),  # noqa: B023
            what=text,
        )
    # What was there before is left alone, and what belongs to nothing here is left out.
    mirror.process.line_with("is there already, and not from the publisher")
    assert (target / "tool-1.iso.asc").read_text() == "of somebody else\n"
    assert not (target / "left.out.asc").exists()

    # A file that changes is followed, whatever happened in between.
    mirror.process.stop(signal.SIGKILL)
    (content / "README.md").write_text("Now it says *this*.\n")
    mirror.again()
    wait_for(lambda: "<em>this</em>" in get(mirror.url).decode(), what="the new README")
    (content / "README.md").write_text("And then **that**.\n")
    wait_for(
        lambda: "<strong>that</strong>" in get(mirror.url).decode(),
        what="the newest README",
        still=lambda: mirror.process.output,
    )
    assert (target / "README.md").read_text() == "And then **that**.\n"

    # Gone there, it is gone here after the grace; what a torrent leaves behind goes with it.
    (content / "SHA256SUMS").unlink()
    wait_for(lambda: not (target / "SHA256SUMS").exists(), what="the checksums to be gone")
    assert status(f"{mirror.url}content/SHA256SUMS") == 404
    (content / "tool-2.iso").unlink()
    wait_for(lambda: not (target / "tool-2.iso").exists(), what="the second one to be gone")
    wait_for(lambda: not (target / "tool-2.iso.md").exists(), what="its description to be gone")
    # Publisher and mirror are not in touch: whatever lacks there stays here.
    publication.process.stop(signal.SIGKILL)
    mirror.process.line_with("trying again")
    assert "<strong>that</strong>" in get(mirror.url).decode()


def test_two_folders_have_their_own_files_and_a_mirror_of_a_mirror_has_them_too(
    start: Start, tmp_path: Path
):
    folders = [tmp_path / "releases", tmp_path / "nightly"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        (folder / f"tool-{number}.iso").write_bytes(os.urandom(50_000))
        (folder / "README.md").write_text(f"Of **{folder.name}**.\n")
    publication = Publication(start, folders[0], str(folders[1]))
    publication.wait_published("tool-0.iso", "tool-1.iso")
    mirror = Mirror(start, publication.url, tmp_path / "mirror")
    second = Mirror(start, mirror.url, tmp_path / "second")
    for at in (tmp_path / "mirror", tmp_path / "second"):
        for folder in folders:
            copy = at / folder.name / "README.md"
            wait_for(copy.exists, what=f"{copy}", still=lambda: second.process.output)
            assert copy.read_text() == f"Of **{folder.name}**.\n"
    nightly = f"{second.url}?group=nightly"
    wait_for(lambda: "Of <strong>nightly</strong>" in get(nightly).decode(), what="its text")
    page = get(nightly).decode()
    assert "Of <strong>releases</strong>" not in page
