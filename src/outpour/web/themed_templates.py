"""Templates with those of a theme in their place, as long as these work."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, Template

from outpour._core import give_back_free_memory
from outpour.base.event import Event
from outpour.base.text import printable

WHY_MAX = 300


@dataclass(frozen=True, slots=True)
class TemplateFailed(Event):
    """A template of a theme failed, and the package's own is shown in its place; told once of each.

    Attributes:
        where: The file and line that failed, or the name of the template.
        why: What is wrong.
    """

    is_trouble = True
    kind = "page"

    where: str
    why: str

    def __str__(self) -> str:
        return f"theme: `{self.where}`: {self.why}; the page of the package is shown instead"


class ThemedTemplates:
    """The templates of all pages; used on one thread, but for `take_failures`.

    Args:
        environment: Has them, and those of a theme in their place.
        own: Has those of the package alone; None without a theme.
        theme: The folder of the theme.
    """

    def __init__(
        self, environment: Environment, own: Environment | None = None, theme: Path | None = None
    ) -> None:
        self._environment = environment
        self._own = own
        self._theme = theme
        self._rendered: set[str] = set()
        self._failed: set[str] = set()
        self._failures: deque[TemplateFailed] = deque()

    def get(self, name: str) -> Template:
        """A template, that of the theme if it has one."""
        return self._environment.get_template(name)

    def render(
        self, name: str, values: Mapping[str, object], template: Template | None = None
    ) -> str:
        """Fill in a template, and in the place of one that fails that of the package.

        A theme was written by somebody, for some version; whatever it does, there is a page.

        Args:
            name: Of the template.
            values: What it shows.
            template: It, where it was looked up before.
        """
        try:
            text = (template or self.get(name)).render(values)
        except Exception as error:
            if self._own is None:
                raise
            text = self._own.get_template(name).render(values)
            if name not in self._failed:
                self._failed.add(name)
                self._failures.append(TemplateFailed(self._where(name, error), _why(error)))
        if name not in self._rendered:
            # Compiling it and what it includes took megabytes for a moment.
            self._rendered.add(name)
            give_back_free_memory()
        return text

    def take_failures(self) -> list[TemplateFailed]:
        """What failed since the last call; from any thread."""
        return [self._failures.popleft() for _ in range(len(self._failures))]

    def _where(self, name: str, error: Exception) -> str:
        """Where an error came from: the last line of the theme that was being filled in."""
        lines = traceback.extract_tb(error.__traceback__)
        for line in reversed(lines) if self._theme is not None else ():
            if Path(line.filename).is_relative_to(self._theme or ""):
                return f"{line.filename}:{line.lineno}"
        return name


def _why(error: Exception) -> str:
    said = printable(str(error)) or type(error).__name__
    return said if len(said) <= WHY_MAX else f"{said[:WHY_MAX]}…"
