"""Turns an old command line, `--name value` and words in any order, into values by a table.

The old syntax has one form: every option takes a value, also a truth (0 or 1), and the value is
whatever word follows, even one that begins with `--`.
Beyond it `--name=value`, `-` for `_` in names, and `-h` or `--help` are understood.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from outpour.base.errors import UsageError

Default: TypeAlias = "int | float | str | None"

COLUMNS = 80
INDENT = 10
ADVICE = "run with no arguments for parameter explanations"


class OptionError(UsageError):
    """The words do not fit the table; the message is in the old wording."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint=ADVICE)


@dataclass(frozen=True, slots=True)
class Option:
    """One row of a table.

    Attributes:
        name: With underscores, as the old commands spell it.
        default: Its type, int, float or str, is that of the option; None is a text without one.
        text: What the listing says.
        required: Whether the command cannot do without.
        aliases: Other names, left out of the listing.
        obsolete: Whether it is taken and has no effect any more.
    """

    name: str
    default: Default
    text: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    obsolete: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a command line says.

    Attributes:
        values: Every option of the table by name, defaults included.
        words: What is no option, in order.
        given: Names that the command line sets.
        obsolete: Those of them that have no effect any more.
    """

    values: Mapping[str, Default]
    words: tuple[str, ...]
    given: frozenset[str] = field(default_factory=frozenset)
    obsolete: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """Return a text, empty when it is not set."""
        value = self.values[name]
        return "" if value is None else str(value)

    def integer(self, name: str) -> int:
        """Return a whole number."""
        value = self.values[name]
        assert isinstance(value, int), name
        return value

    def number(self, name: str) -> float:
        """Return a number."""
        value = self.values[name]
        assert isinstance(value, (int, float)), name
        return float(value)

    def flag(self, name: str) -> bool:
        """Return a truth, which the old syntax writes as 0 or 1."""
        return self.integer(name) != 0


def wants_help(args: Sequence[str]) -> bool:
    """Whether a command line asks for the listing and nothing else."""
    return len(args) == 1 and args[0] in {"-h", "--help"}


def parse(
    args: Sequence[str],
    table: Sequence[Option],
    *,
    words_min: int = 0,
    words_max: int | None = None,
) -> Parsed:
    """Read a command line.

    Args:
        args: The words after the command.
        table: The options it may have.
        words_min: How many words there must be that are no options.
        words_max: How many there may be; None for any number.

    Raises:
        OptionError: The words do not fit the table.

    Example:
        >>> table = [Option("port", 80, "Port to listen on.")]
        >>> parse(["--port", "6969", "x"], table).values["port"]
        6969
    """
    names = {alias: option for option in table for alias in (option.name, *option.aliases)}
    values: dict[str, Default] = {option.name: option.default for option in table}
    given: list[str] = []
    words: list[str] = []
    rest = iter(args)
    for word in rest:
        if not word.startswith("--") or word == "--":
            words.append(word)
            continue
        key, equals, value = word[2:].partition("=")
        option = names.get(key.replace("-", "_"))
        if option is None:
            raise OptionError(f"unknown key --{key}")
        if not equals:
            following = next(rest, None)
            if following is None:
                raise OptionError("parameter passed in at end with no value")
            value = following
        values[option.name] = _convert(option, value)
        given.append(option.name)
    for option in table:
        if option.required and not values[option.name]:
            raise OptionError(f"Option --{option.name} is required.")
    if len(words) < words_min:
        raise OptionError(f"Must supply at least {words_min} args.")
    if words_max is not None and len(words) > words_max:
        raise OptionError(f"Too many args - {words_max} max.")
    if "" in words:
        # A variable that is not set would stand for the current folder.
        raise OptionError("one of the args is empty.")
    unused = {option.name for option in table if option.obsolete}
    return Parsed(
        values,
        tuple(words),
        frozenset(given),
        tuple(name for name in dict.fromkeys(given) if name in unused),
    )


def _convert(option: Option, value: str) -> Default:
    kind = str if option.default is None else type(option.default)
    try:
        return kind(value)
    except ValueError as error:
        raise OptionError(f"wrong format of --{option.name} - {error}") from None


def listing(table: Sequence[Option]) -> str:
    """Write the table as the old commands do when they run without arguments.

    Scripts read this to learn which options a command knows.
    """
    paragraphs: list[str] = []
    for option in table:
        text = option.text
        if option.default is not None:
            text += f" (defaults to {option.default!r})"
        lines = textwrap.wrap(
            text, COLUMNS - INDENT - 1, break_long_words=False, break_on_hyphens=False
        )
        body = "".join(f"{' ' * INDENT}{line}\n" for line in lines)
        paragraphs.append(f"--{option.name} <arg>\n{body}")
    return "\n".join(paragraphs)
