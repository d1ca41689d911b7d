"""Metrics as values, and as the text that Prometheus reads (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its values.

    Attributes:
        name: As Prometheus has it; a counter's ends in `_total`.
        kind: `counter`, `gauge` or `histogram`.
        help: One sentence.
        values: Labels and number of each; of a histogram with an ending to the name, too.
    """

    name: str
    kind: str
    help: str
    values: tuple[tuple[Labels, float], ...] | tuple[tuple[Labels, float, str], ...]


def one(name: str, kind: str, text: str, value: float, **labels: str) -> Family:
    """A metric with a single value."""
    return Family(name, kind, text, ((labels, value),))


def text_of(families: Iterable[Family]) -> str:
    """Write metrics down."""
    return "".join("\n".join(_lines(family)) + "\n" for family in families)


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value, *ending in family.values:
        yield f"{family.name}{''.join(ending)}{_labels(labels)} {value}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
