"""What publishers write: shown, and able to do nothing."""

from __future__ import annotations

import re

import pytest

from outpour.web.limits import WRITING_SHOWN
from outpour.web.links import Links
from outpour.web.visitors.beside import Writing
from outpour.web.visitors.linked_line import linked
from outpour.web.visitors.prose import Prose, prose

LINKS = Links("https://files.example", "/files", "KEY")


def shown(text: str, folder: tuple[str, ...] = (), *, is_markdown: bool = True) -> Prose:
    return prose(Writing(text, is_markdown, folder), LINKS)


def hrefs(text: str, folder: tuple[str, ...] = ()) -> list[str]:
    return re.findall(r'href="([^"]*)"', shown(text, folder).begin)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](data:text/html,<script>1</script>)",
    "[x](vbscript:x) [y](file:///etc/passwd)",
    "![x](https://evil.example/pixel.png)",
    "![x](javascript:alert(1))",
    "[![x](https://evil.example/p.png)](javascript:alert(1))",
    "<javascript:alert(1)>",
    "[a]: javascript:alert(1)\n\n[a]",
    "<style>*{display:none}</style><iframe src=//evil.example></iframe>",
    '[x](https://a.example "onclick=alert(1)")',
    '[x](<https://a.example/" onmouseover="alert(1)>)',
    "| a |\n|:-:|\n| <b onclick=x>1</b> |",
    "<div style='position:fixed'>over</div>",
    "```html\n<script>alert(1)</script>\n```",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<svg onload=alert(1)><math><mtext></table></math>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_runs_loads_or_covers_anything(text: str):
    html = shown(text).begin
    tags = re.findall(r"<([a-z0-9]+)([^>]*)>", html)
    assert {name for name, _ in tags} <= {
        "a", "blockquote", "br", "code", "em", "li", "p", "pre", "strong", "table", "tbody", "td",
        "th", "thead", "tr", "ul",
    }  # fmt: skip
    for _, attributes in tags:
        assert re.fullmatch(r'( (href|title|rel)="[^"<>]*")*', attributes), attributes
    for href in hrefs(text):
        assert href.startswith(("https://a.example", "/files/KEY/content/")), href


def test_an_image_becomes_its_description():
    begin = shown("[![a *view*](https://x.example/p.png)](https://a.example) ![here](p.png)").begin
    assert re.sub("<[^>]+>", "", begin).strip() == "a view here"


def test_letters_that_turn_the_text_around_them_are_replaced():
    assert "\u202e" not in shown("a \u202egpj.exe \x1b[2J\u2028").begin
    assert "\u202e" not in shown("a \u202egpj.exe", is_markdown=False).begin


@pytest.mark.parametrize(
    ("target", "href"),
    [
        ("tool-1.iso", "/files/KEY/content/set/tool-1.iso"),
        ("docs/a%20b.md#top", "/files/KEY/content/set/docs/a%20b.md"),
        ("../other", "/files/KEY/content/other"),
        ("../../../etc/passwd", "/files/KEY/content/etc/passwd"),
        ("sub/", "/files/KEY/content/set/sub/"),
        ("%2e%2e/x", "/files/KEY/content/x"),
        ("https://example.org/?a=1", "https://example.org/?a=1"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("#anchor", None),
        ("ftp://x/", None),
        ("", None),
    ],
)
def test_a_relative_link_leads_to_content_whatever_stands_before_it(target: str, href: str | None):
    assert hrefs(f"[x]({target})", ("set",)) == ([] if href is None else [href])


def test_headings_stand_below_that_of_the_page_and_leave_none_out():
    found = shown("# Tool\n\n#### Deep\n\n# Again\n\n## Below\n")
    assert found.title == "Tool"
    assert re.findall(r"<(h\d)>", found.begin) == ["h2", "h2", "h3"]


@pytest.mark.parametrize("is_markdown", [True, False])
def test_a_long_text_folds_away_at_the_end_of_a_paragraph(is_markdown: bool):
    paragraphs = [f"{number} " + "word " * 40 for number in range(30)]
    found = shown("\n\n".join(paragraphs), is_markdown=is_markdown)
    assert found.begin.count("<p") + found.rest.count("<p") == 30
    assert len(re.sub("<[^>]+>", "", found.begin)) <= WRITING_SHOWN + 50
    assert shown("short\n\n" + "w " * 20, is_markdown=is_markdown).rest == ""


def test_a_plain_text_stands_as_it_was_written():
    begin = shown("<b>\n  a  b\n", is_markdown=False).begin
    assert begin == '<p class="plain-text">&lt;b&gt;\n  a  b</p>'


@pytest.mark.parametrize(
    ("line", "html"),
    [
        ("a@b.example", '<a href="mailto:a@b.example" rel="noopener">a@b.example</a>'),
        ("https://b.example/x/", '<a href="https://b.example/x/" rel="noopener">b.example/x</a>'),
        ("A & B <https://b.example/>",
         '<a href="https://b.example/" rel="noopener">A &amp; B</a>'),
        ("<script>", "&lt;script&gt;"),
        ("x <javascript:alert(1)>", "x &lt;javascript:alert(1)&gt;"),
        ("CC0", "CC0"),
        ("https://", "https://"),
    ],
)  # fmt: skip
def test_a_line_of_the_settings_links_to_what_it_names(line: str, html: str):
    assert linked(line) == html
