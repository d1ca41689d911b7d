"""The settings of `[site]`: what the pages say of their publisher, and how they look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

TITLE_MAX = 120
DESCRIPTION_MAX = 300
LINE_MAX = 200

_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})\Z", re.IGNORECASE)


def expanded(value: object) -> object:
    """Read a path of a setting."""
    return Path(value).expanduser() if isinstance(value, str) and value else value


def absent(value: object) -> object:
    """Read an empty text as no value."""
    return None if value == "" else value


OptionalPath = Annotated[Path | None, BeforeValidator(expanded), BeforeValidator(absent)]


def _line(value: str | None) -> str | None:
    if value is not None and not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def _colour(value: str | None) -> str | None:
    if value is None:
        return None
    if not _COLOUR.match(value):
        raise ValueError(f"must be a colour such as `#0b6a8a`, not `{value}`")
    digits = value[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


Line = Annotated[str | None, AfterValidator(_line), BeforeValidator(absent)]
Colour = Annotated[str | None, AfterValidator(_colour), BeforeValidator(absent)]


class SiteSettings(BaseModel):
    """What a publisher says of itself on its pages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line = Field(
        default=None,
        max_length=TITLE_MAX,
        description="Heading of the page and title of the feeds; by default `outpour`, and the "
        "folder's name where one folder is published.",
    )
    description: Line = Field(
        default=None,
        max_length=DESCRIPTION_MAX,
        description="One sentence below the title: what is offered here, and by whom.",
    )
    logo: OptionalPath = Field(
        default=None,
        description="Image file (SVG, PNG, WebP, JPEG) shown beside the title, up to 1 MiB.",
    )
    contact: Line = Field(
        default=None,
        max_length=LINE_MAX,
        description="How to reach the publisher: a mail address, a URL, or `TEXT <URL>`.",
    )
    licence: Line = Field(
        default=None,
        max_length=LINE_MAX,
        description="Under which terms the files may be used: a name, a URL, or `TEXT <URL>`.",
    )
    colour: Colour = Field(
        default=None,
        description="Colour of links and buttons, such as `#0b6a8a`; darker or lighter shades of "
        "it are used where it could not be read.",
    )
    dark_colour: Colour = Field(
        default=None, description="The same for the dark pages; by default made of `colour`."
    )
    theme: OptionalPath = Field(
        default=None,
        description="Folder with styles and templates that are used instead of those of the "
        "package, see docs/theme.md.",
    )
