"""The page of a real publication in a real browser, while a real download goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.live.conftest import Start
from tests.live.publication import Publication
from tests.live.test_publish import ENTRIES

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def test_a_download_shows_on_the_page_without_a_reload(
    start: Start, content: Path, tmp_path: Path, page: Page
):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    name = ENTRIES[0]
    page.goto(publication.url)
    page.evaluate("window.sameDocument = true")
    row = page.locator("tr", has_text=name)
    expect(row).to_be_visible()
    torrent = publication.torrent_file(name, tmp_path)
    client = start("outpour", "download", torrent, "-o", tmp_path / "t", "--bind", "127.0.0.1")
    assert client.wait() == 0, client.output
    expect(row.locator("[data-field=downloaded]").first).to_have_text("1")
    assert page.evaluate("window.sameDocument") is True


def test_a_file_that_appears_in_the_folder_appears_on_the_page(
    start: Start, content: Path, page: Page
):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    page.goto(publication.url)
    (content / "brand new.zip").write_bytes(b"zip" * 10_000)
    expect(page.locator("tr", has_text="brand new.zip")).to_be_visible()
