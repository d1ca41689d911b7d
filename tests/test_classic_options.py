"""The old syntax of options, which all classic commands share."""

import pytest

from outpour.cli.classic.option_table import Option, OptionError, listing, parse, wants_help

TABLE = (
    Option("port", 80, "Port to listen on."),
    Option("rate", 1.5, "How fast."),
    Option("dfile", None, "file to store recent downloader info in", required=True),
    Option("announce_list", "", "tiers", aliases=("tiers",)),
    Option("nat_check", 3, "how many", obsolete=True),
)
REQUIRED = ["--dfile", "d"]


def test_values_take_the_type_of_their_default():
    parsed = parse(["--port", "6969", "--rate", "2", *REQUIRED], TABLE)
    assert (parsed.integer("port"), parsed.number("rate")) == (6969, 2.0)
    assert parsed.text("dfile") == "d"
    assert parsed.text("announce_list") == ""
    assert parsed.given == {"port", "rate", "dfile"}


def test_defaults_hold_where_nothing_is_given():
    parsed = parse(REQUIRED, TABLE)
    assert (parsed.integer("port"), parsed.number("rate"), parsed.flag("nat_check")) == (
        80,
        1.5,
        True,
    )
    assert parsed.obsolete == ()


def test_options_and_words_mix_and_the_last_value_wins():
    parsed = parse(["a", "--port", "1", "b", *REQUIRED, "--port", "2", "c"], TABLE)
    assert parsed.words == ("a", "b", "c")
    assert parsed.integer("port") == 2


def test_a_value_may_look_like_an_option():
    assert parse(["--dfile", "--port"], TABLE).text("dfile") == "--port"


@pytest.mark.parametrize(
    "words", [["--announce_list=a=b"], ["--announce-list", "a=b"], ["--tiers", "a=b"]]
)
def test_newer_spellings_are_understood(words):
    assert parse([*words, *REQUIRED], TABLE).text("announce_list") == "a=b"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope", "1"], "unknown key --nope"),
        (["--port"], "parameter passed in at end with no value"),
        (
            ["--port", "many"],
            "wrong format of --port - invalid literal for int() with base 10: 'many'",
        ),
        ([], "Option --dfile is required."),
        ([*REQUIRED], "Must supply at least 1 args."),
        ([*REQUIRED, "a", "b", "c"], "Too many args - 2 max."),
    ],
)
def test_errors_have_the_old_wording(words, message):
    with pytest.raises(OptionError) as caught:
        parse(words, TABLE, words_min=1, words_max=2)
    assert caught.value.message == message
    assert caught.value.hint == "run with no arguments for parameter explanations"
    assert caught.value.exit_code == 2


def test_options_without_effect_are_told():
    assert parse(["--nat_check", "0", *REQUIRED], TABLE).obsolete == ("nat_check",)


def test_the_listing_has_the_old_form():
    long = Option("x", "", " ".join(["word"] * 20))
    assert listing([TABLE[0], TABLE[2], long]) == (
        "--port <arg>\n"
        "          Port to listen on. (defaults to 80)\n"
        "\n"
        "--dfile <arg>\n"
        "          file to store recent downloader info in\n"
        "\n"
        "--x <arg>\n"
        f"          {' '.join(['word'] * 14)}\n"
        f"          {' '.join(['word'] * 6)} (defaults to '')\n"
    )


def test_help_is_a_word_of_its_own():
    assert wants_help(["-h"])
    assert wants_help(["--help"])
    assert not wants_help(["--help", "x"])
