"""Themes: what takes the place of what, what is told of mistakes, and a look in a few lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outpour.base.errors import ReadError, SettingsError
from outpour.tracker.site_settings import SiteSettings
from outpour.web.app import make_app
from outpour.web.contract import WebOptions
from outpour.web.visitors.shades import contrast, style_of

from .conftest import DEVICES, NOW, FakeView, Site

RE_SKIN = Path(__file__).parents[2] / "docs" / "theme.md"
LINES_MAX = 40


@pytest.fixture
def theme(tmp_path: Path) -> Path:
    folder = tmp_path / "theme"
    (folder / "templates").mkdir(parents=True)
    (folder / "static").mkdir()
    return folder


def test_a_theme_takes_the_place_of_styles_and_templates_and_lacks_what_it_likes(
    view: FakeView, start: Callable[..., Site], theme: Path
):
    (theme / "theme.css").write_text(":root { --accent: red; }")
    (theme / "static" / "font.woff2").write_bytes(b"wOF2")
    (theme / "static" / ".secret.css").write_text("no")
    (theme / "templates" / "missing.html").write_text(
        '{% extends "base.html" %}{% block main %}<p>Gone fishing</p>{% endblock %}'
    )
    view.publish("x", b"1")
    site = start(view, WebOptions(site=SiteSettings(theme=theme)))
    page = site.get("/").text
    assert page.index("/static/page.css") < page.index("/static/theme.css")
    url = re.search(r"/static/theme\.css\?v=[0-9a-f]+", page)
    assert url is not None
    assert site.get(url[0]).text == ":root { --accent: red; }"
    assert site.get("/static/font.woff2").headers["content-type"] == "font/woff2"
    assert site.get("/static/.secret.css").status == 404
    assert "Gone fishing" in site.get("/nowhere", accept="text/html").text


@pytest.mark.parametrize(
    ("file", "content", "where", "what"),
    [
        ("templates/index.html", "{% block main %}\n{% oops %}", "index.html:2", "oops"),
        ("templates/index.html", "{{ x | nofilter }}", "index.html:1", "nofilter"),
        ("templates/index.html", b"\xff", "index.html", "not UTF-8"),
        ("templates/index.html", "{% extends 'bass.html' %}", "index.html", "bass.html"),
        ("static/big.css", b"x" * ((4 << 20) + 1), "big.css", "too large"),
    ],
)
def test_a_mistake_in_a_theme_is_told_at_the_start(
    view: FakeView, theme: Path, file: str, content: str | bytes, where: str, what: str
):
    raw = content.encode() if isinstance(content, str) else content
    (theme / file).write_bytes(raw)
    with pytest.raises(SettingsError) as caught:
        make_app(view, WebOptions(site=SiteSettings(theme=theme)))
    assert where in caught.value.message
    assert what in caught.value.message


def test_a_theme_or_logo_that_is_not_there_is_told(view: FakeView, tmp_path: Path):
    for site in (SiteSettings(theme=tmp_path / "no"), SiteSettings(logo=tmp_path / "no.svg")):
        with pytest.raises(ReadError) as caught:
            make_app(view, WebOptions(site=site))
        assert str(tmp_path / "no") in caught.value.message
        assert caught.value.hint
    (tmp_path / "logo.exe").write_bytes(b"MZ")
    with pytest.raises(SettingsError, match="not an image"):
        make_app(view, WebOptions(site=SiteSettings(logo=tmp_path / "logo.exe")))


def test_a_template_that_fails_on_a_page_is_passed_over(
    view: FakeView, start: Callable[..., Site], theme: Path
):
    infohash = view.publish("x.iso", b"1")
    (theme / "templates" / "index.html").write_text("{{ no.such.thing }}")
    (theme / "templates" / "classic_row.html").write_text("{{ 1 // 0 }}")
    (theme / "templates" / "torrent.html").write_text("{% include ['no.html', 'not.html'] %}")
    site = start(view, WebOptions(site=SiteSettings(theme=theme)))
    for path in ("/", "/classic", f"/torrent/{infohash.hex()}", "/?q=x"):
        page = site.get(path)
        assert page.status == 200
        assert "x.iso" in page.text
    # Each is told once: where, and why.
    first, second, third = map(str, site.told)
    assert f"`{theme}/templates/index.html:1`: 'no' is undefined" in first
    assert f"`{theme}/templates/classic_row.html:1`: integer division" in second
    assert "no.html" in third


def test_a_template_begins_from_the_one_it_takes_the_place_of(
    view: FakeView, start: Callable[..., Site], theme: Path
):
    view.publish("x.iso", b"1")
    (theme / "templates" / "index.html").write_text(
        "{% extends 'outpour/index.html' %}{% block title %}Mine{% endblock %}"
        "{% block main %}<p>Before</p>{{ super() }}{% include 'no.html' ignore missing %}"
        "{% endblock %}"
    )
    site = start(view, WebOptions(site=SiteSettings(theme=theme)))
    page = site.get("/").text
    assert "<title>Mine</title>" in page
    assert page.index("<p>Before</p>") < page.index("x.iso")
    assert site.told == []


def test_a_logo_stands_beside_the_title_and_words_that_are_addresses_are_links(
    view: FakeView, start: Callable[..., Site], tmp_path: Path
):
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    settings = SiteSettings(
        title="<b>Title</b>",
        logo=tmp_path / "logo.png",
        contact="The <team> <https://x.example/?a=1&b='2'>",
        licence="javascript:alert(1)",
    )
    page = start(view, WebOptions(site=settings)).get("/").text
    assert 'src="/static/logo.png?v=' in page
    assert "&lt;b&gt;Title&lt;/b&gt;" in page
    assert 'href="https://x.example/?a=1&amp;b=&#39;2&#39;"' in page
    assert "licence: javascript:alert(1)" in page
    assert 'href="javascript' not in page


def tokens(style: str) -> dict[str, tuple[str, str]]:
    return {
        name: (light, dark)
        for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#\w+), (#\w+)\);", style)
    }


def rgb(text: str) -> tuple[float, float, float]:
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


@pytest.mark.parametrize(
    "colour", ["#000000", "#ffffff", "#ffff00", "#7f7f7f", "#0b6a8a", "#ff0000", "#00ff00", "#12f"]
)
def test_any_colour_can_be_read_on_light_and_on_dark(colour: str):
    given = SiteSettings(colour=colour).colour
    assert given is not None
    found = tokens(style_of(given))
    for accent, ink, soft, papers in zip(
        found["accent"], found["accent-ink"], found["accent-soft"],
        (("#fbfaf7", "#ffffff", "#f3f1eb"), ("#14181b", "#1b2024", "#101416")), strict=True,
    ):  # fmt: skip
        assert min(contrast(rgb(accent), rgb(paper)) for paper in papers) >= 4.5
        assert contrast(rgb(accent), rgb(ink)) >= 4.5
        assert contrast(rgb(accent), rgb(soft)) >= 3


@pytest.mark.long
@pytest.mark.live
def test_the_re_skin_of_the_docs_is_short_and_gives_every_page_another_look(
    view: FakeView,
    start: Callable[..., Site],
    theme: Path,
    browser: Any,
    flaws: Callable[[Any], list[str]],
):
    between = RE_SKIN.read_text().split("<!-- re-skin: begin -->")[1].split("<!-- re-skin: end")[0]
    style = between.split("```css\n")[1].split("```")[0]
    assert len(style.splitlines()) < LINES_MAX
    (theme / "theme.css").write_text(style)
    infohash = view.publish("x.iso", b"1", published_at=NOW)
    site = start(view, WebOptions(site=SiteSettings(theme=theme, title="Old books")))
    grounds = {"light": "rgb(246, 241, 231)", "dark": "rgb(29, 26, 22)"}
    for device in DEVICES:
        for path in ("/", f"/torrent/{infohash.hex()}", "/classic"):
            page = browser.new_page(**device)
            page.goto(site.url + path)
            for scheme, ground in grounds.items():
                page.emulate_media(color_scheme=scheme)
                found = page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert found == ground, scheme
            assert "Georgia" in page.evaluate("getComputedStyle(document.body).fontFamily")
            assert flaws(page) == []
            page.close()
