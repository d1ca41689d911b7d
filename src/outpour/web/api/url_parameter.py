"""The parameters of a request: described by a schema, and read by the same."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from outpour.web.api.problem import Problem

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: As it stands in the URL.
        schema: JSON Schema of its value; of those with `items`, of all its values together.
        description: What it does.
        place: Where it stands.
        is_list: Its values stand in one text with commas between them; else an array is given by
            repeating the parameter.
        is_looked_up: A path with another value leads to nothing; else the value is called wrong.
        example: A value for whoever reads of it.
    """

    name: str
    schema: Schema
    description: str
    place: Literal["query", "path"] = "query"
    is_list: bool = False
    is_looked_up: bool = True
    example: str | None = None

    def read(self, texts: Sequence[str]) -> object:
        """Turn what was given into a value.

        Raises:
            Problem: It is not what the schema says.
        """
        if self.schema.get("type") == "array":
            some = texts[0].split(",") if self.is_list and len(texts) == 1 else texts
            most = self.schema.get("maxItems", len(some))
            if len(some) > most or (self.is_list and len(texts) > 1):
                raise self._wrong(f"more than {most} values" if len(some) > most else "given twice")
            if self.schema.get("uniqueItems") and len(set(some)) < len(some):
                raise self._wrong("names something twice")
            return tuple(self._one(text, self.schema["items"]) for text in some)
        if len(texts) > 1:
            raise self._wrong("given twice")
        return self._one(texts[0], self.schema)

    def described(self) -> dict[str, Any]:
        """What OpenAPI says of it."""
        about: dict[str, Any] = {"name": self.name, "in": self.place}
        if self.place == "path":
            about["required"] = True
        about |= {"description": self.description, "schema": dict(self.schema)}
        if self.schema.get("type") == "array":
            about |= {"style": "form", "explode": not self.is_list}
        if self.example is not None:
            about["example"] = self.example
        return about

    def _one(self, text: str, schema: Schema) -> object:
        if "enum" in schema:
            if text not in schema["enum"]:
                raise self._wrong(f"none of {', '.join(map(str, schema['enum']))}")
            return text
        if "anyOf" in schema:
            # Its forms are the usual ones; whoever takes the value judges the others.
            return text
        if schema["type"] == "integer":
            return self._integer(text, schema)
        if len(text) > schema.get("maxLength", len(text)):
            raise self._wrong(f"over {schema['maxLength']} characters")
        pattern = schema.get("pattern")
        if pattern is not None and not has_form(pattern, text):
            raise self._wrong(f"not of the form {pattern}")
        return text

    def _integer(self, text: str, schema: Schema) -> int:
        is_number = text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20
        least, most = schema.get("minimum"), schema.get("maximum")
        if not is_number:
            raise self._wrong("not a whole number")
        number = int(text)
        if least is not None and number < least:
            raise self._wrong(f"below {least}")
        if most is not None and number > most:
            raise self._wrong(f"above {most}")
        return number

    def _wrong(self, why: str) -> Problem:
        is_nothing = self.place == "path" and self.is_looked_up
        kind = "not-found" if is_nothing else "wrong-parameter"
        return Problem(kind, f"`{self.name}`: {why}", parameter=self.name)


def has_form(pattern: str, text: str) -> bool:
    """Whether a whole text is of a form, as JSON Schema means it.

    In Python, `$` would let a newline follow.
    """
    return re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text) is not None


def read_all(
    parameters: Collection[Parameter],
    query: Iterable[tuple[str, str]],
    path: Mapping[str, str],
) -> dict[str, Any]:
    """Read what a request gives; what is not given is not in the answer.

    Raises:
        Problem: Something is not understood: there is no such parameter, or its value is wrong.
    """
    known = {one.name: one for one in parameters}
    given: dict[str, list[str]] = {}
    for name, text in query:
        if name not in known or known[name].place != "query":
            names = ", ".join(one.name for one in parameters if one.place == "query")
            said = f"`{name[:100]}`: no such parameter; known here: {names or 'none'}"
            raise Problem("unknown-parameter", said, parameter=name[:100])
        given.setdefault(name, []).append(text)
    for name, text in path.items():
        given[name] = [text]
    return {name: known[name].read(texts) for name, texts in given.items()}
