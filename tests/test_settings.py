"""Settings: what is read, what is refused and where the fault is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpour.base.errors import ReadError, SettingsError
from outpour.base.host_port import Address
from outpour.base.state_folder import default_state_folder
from outpour.base.toml_file import tomllib
from outpour.tracker import settings_doc
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.settings_file import load

REFERENCE = Path(__file__).parent.parent / "docs" / "settings.md"


@pytest.mark.parametrize(
    ("text", "sockets"),
    [
        ("127.0.0.1:6969", [("127.0.0.1", 6969)]),
        ("[::1]:6969", [("::1", 6969)]),
        (":6969", [("0.0.0.0", 6969), ("::", 6969)]),
        ("*:80", [("0.0.0.0", 80), ("::", 80)]),
        ("0.0.0.0:6969", [("0.0.0.0", 6969)]),
        ("[::]:0", [("::", 0)]),
        ("localhost:1", [("127.0.0.1", 1)]),
    ],
)
def test_an_address_stands_for_these_sockets(text, sockets):
    assert list(Address.parse(text).sockets) == sockets


@pytest.mark.parametrize(
    "text",
    ["", "6969", "127.0.0.1", "127.0.0.1:", "::1:6969", "[::1]", "[127.0.0.1]:1", "example.org:80",
     "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:٣", "127.0.0.256:1", "[::1:6969"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_an_example(text):
    with pytest.raises(SettingsError) as caught:
        Address.parse(text)
    assert "[::1]:6969" in (caught.value.hint or "")


def test_an_address_is_written_as_it_is_read():
    assert [str(Address.parse(text)) for text in (":6969", "[::1]:1", "10.0.0.1:2")] == [
        ":6969",
        "[::1]:1",
        "10.0.0.1:2",
    ]


def test_flags_win_over_environment_and_environment_over_file(tmp_path):
    file = tmp_path / "tracker.toml"
    file.write_text("interval_s = 100\npeers_per_answer = 10\nworkers = 3\n")
    env = {"OUTPOUR_INTERVAL_S": "200", "OUTPOUR_PEERS_PER_ANSWER": "20"}
    settings = load(file, env, {"interval_s": 300, "workers": None})
    assert (settings.interval_s, settings.peers_per_answer, settings.workers) == (300, 20, 3)


def test_an_unknown_key_in_the_file_is_told_with_file_key_and_the_likely_one(tmp_path):
    file = tmp_path / "tracker.toml"
    file.write_text("peers_per_anwser = 10\n")
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert caught.value.message == f"`{file}:peers_per_anwser`: no such setting"
    assert caught.value.hint == "did you mean `peers_per_answer`?"


def test_a_misspelled_variable_is_told_and_other_variables_are_left_alone():
    with pytest.raises(SettingsError) as caught:
        load(env={"OUTPOUR_WORKRES": "2"})
    assert caught.value.hint == "did you mean `OUTPOUR_WORKERS`?"
    assert load(env={"OUTPOUR_DEBUG": "1", "HOME": "/x"}) == TrackerSettings()


@pytest.mark.parametrize(
    ("flags", "where", "why"),
    [
        ({"interval_s": 0}, "--interval-s", "greater than or equal to 1, not `0`"),
        ({"workers": "many"}, "--workers", "valid integer"),
        ({"listen": ["example.org:1"]}, "--listen", "not an IP address"),
        ({"trusted_proxies": ["10.0.0.0/99"]}, "--trusted-proxies", "10.0.0.0/99"),
        ({"peer_timeout_s": 60}, "settings", "above `interval_s`"),
        ({"peers_per_answer": 300}, "settings", "not be above"),
        ({"open": True, "allowed_dir": "x"}, "settings", "excludes `allowed_dir`"),
        ({"listen": []}, "--listen", "at least 1"),
    ],
)
def test_a_value_out_of_bounds_is_told_with_its_source(flags, where, why):
    with pytest.raises(SettingsError) as caught:
        load(flags=flags)
    assert f"`{where}`" in caught.value.message
    assert why in caught.value.message
    assert caught.value.hint


def test_a_value_of_the_file_out_of_bounds_names_file_and_key(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text("workers = 1000\n")
    with pytest.raises(SettingsError, match=r"t\.toml:workers`: must be less than or equal to 256"):
        load(file)


def test_a_file_that_is_no_toml_or_not_there_is_told(tmp_path):
    file = tmp_path / "t.toml"
    with pytest.raises(ReadError, match="no such file"):
        load(file)
    file.write_text("= 1")
    with pytest.raises(SettingsError, match="not TOML"):
        load(file)
    file.write_bytes(b"\xfc = 1")
    with pytest.raises(SettingsError, match="not TOML"):
        load(file)


def test_paths_of_the_file_are_relative_to_it_and_those_of_flags_are_not(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text('allowed_dir = "torrents"\nstate = "/var/lib/x.sqlite"\ndeny_list = ""\n')
    settings = load(file, flags={"allow_list": "list.txt"})
    assert settings.allowed_dir == tmp_path / "torrents"
    assert settings.state == Path("/var/lib/x.sqlite")
    assert settings.allow_list == Path("list.txt")
    assert settings.deny_list is None


def test_lists_in_the_environment_are_separated_by_commas():
    settings = load(env={"OUTPOUR_LISTEN": "127.0.0.1:1, [::1]:2", "OUTPOUR_TRUSTED_PROXIES": ""})
    assert settings.listen == ("127.0.0.1:1", "[::1]:2")
    assert settings.trusted_proxies == ()


def test_state_goes_where_service_manager_or_desktop_say(monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/outpour:/var/lib/other")
    assert default_state_folder() == Path("/var/lib/outpour")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "/x/state")
    assert TrackerSettings().state_path == Path("/x/state/outpour/tracker-6969.sqlite")
    assert TrackerSettings(listen=("127.0.0.1:0",)).state_path is None
    assert TrackerSettings(listen=("127.0.0.1:0",), state=Path("s")).state_path == Path("s")


def test_a_peer_timeout_that_is_not_given_follows_the_interval():
    assert TrackerSettings(interval_s=100).peer_timeout_in_effect_s > 100
    assert TrackerSettings(interval_s=100, peer_timeout_s=120).peer_timeout_in_effect_s == 120


def test_the_longest_interval_has_a_timeout_above_it_within_bounds():
    longest = TrackerSettings(interval_s=28_800).peer_timeout_in_effect_s
    assert 28_800 < longest <= 43_200


def test_the_commented_file_is_toml_of_every_setting_at_its_default(tmp_path):
    text = settings_doc.default_file()
    assert tomllib.loads(text) == {}
    bare = "\n".join(
        line.removeprefix("# ")
        for line in text.splitlines()
        if line.startswith("# ") and (" = " in line or line.startswith("# ["))
    )
    assert list(tomllib.loads(bare)) == list(TrackerSettings.model_fields)
    file = tmp_path / "t.toml"
    file.write_text(bare)
    assert load(file) == TrackerSettings()


def test_the_reference_page_is_up_to_date():
    assert settings_doc.reference() in REFERENCE.read_text("utf-8"), "run `make docs`"


def test_what_the_site_says_is_read_from_section_flags_and_environment(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text('[site]\ntitle = "From file"\nlogo = "logo.png"\ncolour = "#ABC"\n')
    settings = load(file, {"OUTPOUR_SITE_CONTACT": "a@b.example"}, {"site_title": "From flag"})
    assert settings.site.title == "From flag"
    assert settings.site.contact == "a@b.example"
    assert settings.site.logo == tmp_path / "logo.png"
    assert settings.site.colour == "#aabbcc"
    assert load(env={"OUTPOUR_SITE_TITLE": ""}).site.title is None


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ("[site]\ntitel = 'x'\n", "site.titel", "did you mean `title` below `[site]`?"),
        ("title = 'x'\n", "title", "did you mean `title` below `[site]`?"),
        ("site = 3\n", "site", "write `[site]`"),
        ("[site]\ncolour = 'red'\n", "site.colour", "Colour of links"),
        ("[site]\ntitle = 'a\\u202eb'\n".replace("'", '"'), "site.title", "Heading"),
        ("[site]\ntitle = 3\n", "site.title", "Heading"),
        (f"[site]\ntitle = '{'x' * 121}'\n", "site.title", "Heading"),
    ],
)
def test_a_mistake_in_the_section_names_its_key_and_helps(tmp_path, text, where, hint):
    file = tmp_path / "t.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert caught.value.message.startswith(f"`{file}:{where}`")
    assert hint in (caught.value.hint or "")
