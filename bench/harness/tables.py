"""Figures as Markdown, and their place in a page that people write."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are figures."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def spread(values: Sequence[float], digits: int = 2, scale: float = 1.0) -> str:
    """Return the median, with the range beside it when there is one."""
    if not values:
        return "-"
    scaled = sorted(value * scale for value in values)
    middle = f"{statistics.median(scaled):.{digits}f}"
    if len(scaled) == 1:
        return middle
    return f"{middle} ({scaled[0]:.{digits}f}-{scaled[-1]:.{digits}f})"


def median(values: Sequence[float]) -> float:
    """Return the median, 0 of nothing."""
    return statistics.median(values) if values else 0.0


def middle(values: Sequence[float], digits: int = 2) -> str:
    """Return the median alone."""
    return f"{median(values):.{digits}f}"


def ratio(values: Sequence[float], others: Sequence[float], digits: int = 2) -> str:
    """Return the median ratio of values measured one after the other, round by round."""
    pairs = [a / b for a, b in zip(values, others, strict=False) if b]
    return f"{statistics.median(pairs):.{digits}f}" if pairs else "-"


def write_picture(name: str, title: str, svg: str) -> str:
    """Write a chart beside the page, and return the line that shows it there."""
    picture = PAGE.with_name("benchmarks") / f"{name}.svg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_text(svg)
    return f"\n![{title}](benchmarks/{picture.name})\n"


def write_section(page: Path, name: str, text: str) -> None:
    """Put generated text between the markers of a section.

    Raises:
        ValueError: The page has no such section.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    content = page.read_text(encoding="utf-8")
    if begin not in content or end not in content:
        raise ValueError(f"`{page}`: has no section between `{begin}` and `{end}`")
    head, _, rest = content.partition(begin)
    tail = rest.partition(end)[2]
    page.write_text(f"{head}{begin}\n{text.strip()}\n{end}{tail}", encoding="utf-8")
