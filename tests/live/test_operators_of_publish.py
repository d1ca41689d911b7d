"""The operator's pages of a real publication: what its seeder does, and what becomes of content."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from outpour.torrent.metainfo import Metainfo
from tests.live.conftest import BROWSER_MS, Start
from tests.live.publication import Publication
from tests.live.test_publish import ENTRIES
from tests.remote_server import serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

TOKEN = "the-token-of-the-administrator"


@pytest.fixture
def publication(start: Start, content: Path, tmp_path: Path) -> Publication:
    (tmp_path / "token").write_text(TOKEN)
    found = Publication(start, content, "--admin-token-file", str(tmp_path / "token"))
    found.wait_published(*ENTRIES)
    return found


def log_in(page: Page, publication: Publication) -> None:
    page.goto(publication.url + "admin")
    page.fill("#token", TOKEN)
    page.click("text=Log in")
    expect(page.get_by_role("heading", name="Seeder")).to_be_visible()


def shown(page: Page, figure: str) -> int:
    text = page.locator(f"[data-figure={figure}]").first.inner_text()
    return int(re.sub(r"\D", "", text.partition(".")[0]))


def test_what_the_seeder_sends_is_seen_while_it_sends(
    start: Start, publication: Publication, tmp_path: Path, page: Page
):
    log_in(page, publication)
    expect(page.locator("[data-figure=seeder_torrents]")).to_have_text(str(len(ENTRIES)))
    name = ENTRIES[0]
    torrent = publication.torrent_file(name, tmp_path)
    client = start("outpour", "download", torrent, "-o", tmp_path / "t", "--bind", "127.0.0.1")
    assert client.wait() == 0, client.output
    wait_for(lambda: shown(page, "seeder_sent") > 0, what="what was sent, on the page")
    wait_for(lambda: shown(page, "downloads") == 1, what="the download, on the page")


@pytest.mark.parametrize("has_scripts", [True, False])
def test_web_seeds_are_named_for_torrents_by_their_names_and_taken_back(
    publication: Publication, content: Path, tmp_path: Path, page: Page, has_scripts: bool
):
    browser = page.context.browser
    assert browser is not None
    page = browser.new_context(java_script_enabled=has_scripts).new_page()
    page.set_default_timeout(BROWSER_MS)
    log_in(page, publication)
    wanted, other = ENTRIES

    def seeds_of(name: str) -> tuple[str, ...]:
        return Metainfo.read(publication.torrent_file(name, tmp_path)).web_seeds

    with serving() as remote:
        remote.files[f"/store/{quote(wanted)}"] = (content / wanted).read_bytes()
        url, pattern = f"{remote.url}/store/", f"{wanted[:-1]}?"
        page.goto(publication.url + "admin/web-seeds")
        page.fill("#url", "ftp://example.org/")
        page.click("button >> text=Name it")
        expect(page.locator(".note-bad")).to_contain_text("neither `http://` nor `https://`")
        assert page.input_value("#url") == "ftp://example.org/"
        page.fill("#url", url)
        page.fill("#where", pattern)
        page.click("button >> text=Name it")
        expect(page.locator(".note-good")).to_contain_text(f"Named web seed `{url}` of")
        row = page.locator("tbody tr", has_text=url)
        expect(row).to_contain_text("session from 127.0.0.1")
        if has_scripts:
            axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
            assert not axe.run(page).response["violations"]
        seed = f"{url}{quote(wanted)}"
        wait_for(lambda: seed in seeds_of(wanted), what="the copy in the .torrent")
        assert not any(one.startswith(url) for one in seeds_of(other))
        # A form that is not from a page of the session changes nothing.
        strange = page.request.post(publication.url + "admin/web-seeds", form={"url": url})
        assert strange.status == 403
        row.locator("summary").click()
        page.click("text=Yes, name it no longer")
        expect(page.locator(".note-good")).to_contain_text("is named no longer")
        wait_for(lambda: seed not in seeds_of(wanted), what="the copy gone from the .torrent")
    page.goto(publication.url + "admin/events?kind=administrator")
    told = page.locator(".event-text").all_inner_texts()
    assert "no longer names web seed" in told[0]
    assert f"(session from 127.0.0.1): named web seed `{url}` of `{pattern}`" in told[1]


def test_content_is_verified_and_what_goes_is_told(
    publication: Publication, content: Path, page: Page
):
    name = ENTRIES[0]
    log_in(page, publication)
    page.goto(publication.url + "admin/torrents")
    page.get_by_role("button", name=f"Verify {name}", exact=True).click()
    expect(page.locator(".note-good")).to_contain_text("compared with its hashes")
    row = page.locator("tr", has_text=name).first

    def is_verified() -> bool:
        page.reload()
        return "verified: all of it is right" in row.inner_text()

    wait_for(is_verified, what="the end of verifying")
    (content / name).unlink()

    def is_told() -> bool:
        page.goto(publication.url + "admin/events?kind=torrents")
        return f"withdrawn `{name}`: its content is gone" in page.locator("main").inner_text()

    wait_for(is_told, what="the event")
