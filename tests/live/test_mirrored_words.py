"""What a publisher's catalogue and API tell of torrents, on its mirrors: shown, followed, kept."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import Start, get, get_json
from tests.live.mirroring import Mirror
from tests.live.publication import Publication
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
TOLD = ("created", "group", "licence", "about_tag", "description", "description_from")


def write(catalogue: Path, group: str, licence: str, date: str, text: str) -> None:
    new = catalogue.with_name("new")
    new.write_text(
        f'[[torrent]]\npath = "tree"\ngroup = "{group}"\nlicence = "{licence}"\ndate = {date}\n'
        f'description = """{text}"""\n[[torrent]]\npath = "tool.iso"\n'
    )
    new.replace(catalogue)


def told(publication: Publication, name: str) -> dict[str, Any]:
    """All that the API tells of a torrent and that is not of this server."""
    row = publication.row(name)
    if not row:
        return {}
    detail = get_json(f"{publication.url}api/v1/torrents/{row['infohash']}")
    files = detail["files"]
    assert isinstance(files, list)
    found: dict[str, Any] = {name: detail[name] for name in TOLD}
    return {**found, "files": [(file["path"], file["sha256"]) for file in files]}


def same(a: Publication, b: Publication, *names: str) -> bool:
    return all(told(a, name) == told(b, name) != {} for name in names)


def test_what_a_catalogue_tells_is_told_by_its_mirrors_too(start: Start, tmp_path: Path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_bytes(os.urandom(40_000))
    (tmp_path / "tree" / "b").write_bytes(os.urandom(40_000))
    (tmp_path / "tool.iso").write_bytes(os.urandom(40_000))
    catalogue = tmp_path / "catalogue.toml"
    text = "One line.\n\n<script>alert(1)</script> and *more*."
    write(catalogue, "Data: old/new", "CC0-1.0 <b>", "2026-01-31", text)
    publication = Publication(
        start, None, "--catalogue", str(catalogue), "--checksums", "--state", str(tmp_path / "p")
    )
    publication.wait_published("tree", "tool.iso")
    mirror = Mirror(start, publication.url, tmp_path / "m", "--state", str(tmp_path / "s"))
    again = Mirror(start, mirror.url, tmp_path / "m2", "--state", str(tmp_path / "s2"))
    for one in (mirror, again):
        one.process.line_with("mirrored tree")
        one.process.line_with("mirrored tool.iso")
        wait_for(
            lambda: same(publication, one, "tree", "tool.iso"),  # noqa: B023
            what="the same told", still=lambda: f"{told(one, 'tree')}",  # noqa: B023
        )  # fmt: skip
    found = told(again, "tree")
    assert found["description"] == text
    digest = hashlib.sha256((tmp_path / "tree" / "b").read_bytes()).hexdigest()
    assert (["b"], digest) in found["files"]
    page = get(f"{again.url}torrent/{again.row('tree')['infohash']}").decode()
    assert "<em>more</em>" in page
    assert digest in page
    assert "CC0-1.0 &lt;b&gt;" in page
    assert "alert(1)</script>" not in page

    # Other words come over a restart of one that was away, and of its publisher; content stays.
    mirror.process.stop(signal.SIGKILL)
    write(catalogue, "Papers", "MIT", "2026-02-01", "Other.\n\nwords")
    wait_for(
        lambda: told(publication, "tree").get("group") == "Papers", what="other words published"
    )
    mirror.again()
    wait_for(lambda: same(publication, again, "tree"), what="other words at both")
    assert told(again, "tree")["description"] == "Other.\n\nwords"
    assert len([*(tmp_path / "m2").glob("Data*new/tree/a")]) == 1
    publication.process.stop(signal.SIGKILL)
    kept = told(mirror, "tree")
    mirror.process.stop(signal.SIGKILL)
    mirror.again()
    mirror.process.line_with("mirrored tree")
    wait_for(lambda: told(mirror, "tree") == kept, what="all of it kept")
