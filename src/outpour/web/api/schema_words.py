"""The words that the schemas of the API are written in: JSON Schema (2020-12), a type a word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Schema = dict[str, Any]


def text(about: str = "", **more: Any) -> Schema:  # noqa: ANN401 - keywords of JSON Schema
    """A text."""
    return {"type": "string", **({"description": about} if about else {}), **more}


def number(about: str, **more: Any) -> Schema:  # noqa: ANN401 - keywords of JSON Schema
    """A whole number from 0."""
    return {"type": "integer", "minimum": 0, "description": about, **more}


def real(about: str) -> Schema:
    """A number from 0."""
    return {"type": "number", "minimum": 0, "description": about}


def flag(about: str) -> Schema:
    """Yes or no."""
    return {"type": "boolean", "description": about}


def or_null(schema: Schema) -> Schema:
    """The same, or null where it is not known."""
    return {**schema, "type": [schema["type"], "null"]}


def many(item: Schema, about: str = "") -> Schema:
    """A list."""
    return {"type": "array", "items": item, **({"description": about} if about else {})}


def known(name: str) -> Schema:
    """Another schema of this page."""
    return {"$ref": f"#/components/schemas/{name}"}


def whole(about: str, properties: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """An object that has all of these members, but for the optional ones, and no other."""
    return {
        "type": "object",
        "description": about,
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
        "additionalProperties": False,
    }
