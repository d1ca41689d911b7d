"""Puts lines that are alike together, so that what matters does not scroll away under them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from outpour.base.text import printable
from outpour.cli.shared.printer import Text

LINES_MAX = 8
"""Lines of a kind that are said one by one; a quiet second gives one of them back."""
EXAMPLES_MAX = 3
FLUSH_S = 1.0
KINDS_MAX = 100
"""Kinds remembered; there are as many as there are reasons to refuse something."""


Line = tuple[Text, ...]


@dataclass(slots=True)
class _Kind:
    left: int = LINES_MAX
    held: int = 0
    lines: tuple[Line, ...] = ()
    examples: list[str] = field(default_factory=list)


class AlikeLines:
    """Says the first lines of a kind as they are, and of the others once a second how many.

    Args:
        talk: Writes one line.
    """

    def __init__(self, talk: Callable[..., None]) -> None:
        self._talk = talk
        self._kinds: dict[tuple[str, str, str], _Kind] = {}

    def say(self, verb: str, noun: str, why: str, example: str, *lines: Line) -> None:
        """Say something, now or as one of many.

        Args:
            verb: What happened, such as `skipped`.
            noun: To what, in the plural.
            why: What lines of one kind have in common beside; may be empty.
            example: What stands for it where many are put together.
            lines: How it is said by itself.
        """
        if len(self._kinds) > KINDS_MAX:
            self.flush()
            self._kinds.clear()
        kind = self._kinds.setdefault((verb, noun, why), _Kind())
        if kind.left > 0 and not kind.held:
            kind.left -= 1
            for line in lines:
                self._talk(*line)
            return
        kind.held += 1
        kind.lines = lines
        if len(kind.examples) < EXAMPLES_MAX:
            kind.examples.append(f"`{printable(example)}`")

    def forget(self, verb: str) -> None:
        """Leave out what was held back of a verb, as something else has told of it."""
        for (one, _, _), kind in self._kinds.items():
            if one == verb:
                kind.held = 0
                # This second is no quiet one.
                kind.left = -1
                kind.examples.clear()

    async def keep_up(self) -> None:
        """Say each second what was held back, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()

    def flush(self) -> None:
        """Say what was held back; to be called each second, and at the end."""
        for (verb, noun, why), kind in self._kinds.items():
            if kind.held == 1:
                for line in kind.lines:
                    self._talk(*line)
            elif kind.held:
                such = ", ".join(kind.examples)
                reason = f": {why}" if why else ""
                self._talk(f"{verb} {kind.held} more {noun}{reason}, such as {such}")
            else:
                kind.left = min(LINES_MAX, kind.left + 1)
            kind.held = 0
            kind.examples.clear()
