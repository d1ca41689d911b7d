"""What a catalogue may say, and what is said of an entry that is wrong."""

from __future__ import annotations

import pytest

from outpour.publisher.catalogue_file import DESCRIPTION_MAX, read_catalogue


@pytest.fixture
def read(tmp_path):
    def read(text):
        file = tmp_path / "catalogue.toml"
        file.write_text(f"[[torrent]]\n{text}\n[[torrent]]\nurl = 'http://a.example/last'\n")
        found, faults = read_catalogue(file)
        assert found[-1].name == "last"
        return found[:-1], [error.message.partition(": ")[2] for _, error in faults]

    return read


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("url = 'http://a.example/x/big%20file.iso?v=1'", "big file.iso"),
        ("url = 'https://a.example/x'\nname = 'Y.iso'", "Y.iso"),
        ("list = 'http://a.example/x/model/SHA256SUMS'", "model"),
        ("list = 'sums'\nbase = 'http://a.example/m'\nname = 'n'", "n"),
        ("path = '../there/file.bin'", "file.bin"),
    ],
)
def test_an_entry_is_called_like_what_it_names(read, text, name):
    ((entry,), faults) = read(text)
    assert (entry.name, faults) == (name, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "entry 1: says not where it lies"),
        ("urls = []", "entry 1: `urls` has 0 URLs"),
        ("urls = 'http://a.example/x'", "entry 1: `urls` is no list"),
        ("url = 5", "entry 1: `urls` is no list"),
        ("url = 'ftp://a.example/x'", "entry 1: `ftp://a.example/x`: neither"),
        ("url = 'http://a.example/'", "entry 1: `http://a.example/`: its name"),
        ("url = 'http://a.example/x'\nurls = ['http://b.example/x']", "entry 1: `url` and `urls`"),
        ("url = 'http://a.example/x'\npath = '/x'", "entry 1: lies in several places"),
        ("url = 'http://a.example/x'\nname = '../x'", "entry 1 (../x): `../x`: its name"),
        ("url = 'http://a.example/x'\nsha256 = 'abc'", "entry 1: `sha256` is not 64"),
        ("path = '/x'\nsha256 = 'abc'", "entry 1: `sha256` is of one file"),
        ("path = '/x'\nname = 'y'", "entry 1 (y): a torrent of a local path"),
        ("url = 'http://a.example/x'\ndate = 'soon'", "entry 1: `date` is no date"),
        ("url = 'http://a.example/x'\nlicence = ' '", "entry 1: `licence` is no text"),
        ("url = 'http://a.example/x'\nlicense = 'MIT'", "entry 1: unknown key `license`"),
        ("list = 'sums'", "entry 1: a list without the URL of its files"),
        ("list = 'http://a.example/sums'", "entry 1: the top of a server has no name"),
        (
            f"url = 'http://a.example/x'\ndescription = '{'x' * (DESCRIPTION_MAX + 1)}'",
            "entry 1: `description` is no text of up to",
        ),
    ],
)
def test_a_wrong_entry_is_one_line_and_the_next_goes_on(read, text, said):
    (found, (message,)) = read(text)
    assert found == []
    assert message.startswith(said)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2026-01-31", 1769817600),
        ("'2026-01-31'", 1769817600),
        ("2026-01-31T01:00:00+01:00", 1769817600),
        ("2026-01-31T00:00:10", 1769817610),
    ],
)
def test_dates_are_days_and_moments(read, text, second):
    ((entry,), _) = read(f"url = 'http://a.example/x'\ndate = {text}")
    assert entry.date == second


def test_what_is_read_tells_whether_it_is_read_anew(read):
    def digest(text):
        return read(text)[0][0].digest

    plain = digest("url = 'http://a.example/x'")
    assert plain == digest("urls = ['http://a.example/x', 'http://b.example/x']\nlicence = 'MIT'")
    assert plain != digest("url = 'http://b.example/x'")
    assert plain != digest("url = 'http://a.example/x'\nname = 'y'")
