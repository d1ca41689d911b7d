"""A publisher's colour into shades of it that can be read on light and on dark pages."""

from __future__ import annotations

PAPER_LIGHT, PAPER_DARK = "#f3f1eb", "#1b2024"
"""The grounds of `page.css` on which a colour is hardest to read."""
CONTRAST_MIN = 4.6
"""WCAG AA asks for 4.5; the rest is for rounding."""
STEPS = 100

Rgb = tuple[float, float, float]


def style_of(colour: str, dark_colour: str | None = None) -> str:
    """A style sheet that takes a colour for links and buttons.

    A colour that could not be read on the ground of the pages is made darker or lighter until it
    can: black and white can always be.

    Args:
        colour: Six hexadecimal digits behind `#`.
        dark_colour: The one for dark pages; None takes the same.
    """
    light = _readable(_parsed(colour), _parsed(PAPER_LIGHT), (0.0, 0.0, 0.0))
    dark = _readable(_parsed(dark_colour or colour), _parsed(PAPER_DARK), (1.0, 1.0, 1.0))
    soft = (_mixed(light, (1.0, 1.0, 1.0), 0.87), _mixed(dark, _parsed(PAPER_DARK), 0.78))
    tokens = {
        "accent": (light, dark),
        "accent-ink": (_ink_on(light), _ink_on(dark)),
        "accent-soft": soft,
    }
    lines = [
        f"  --{name}: light-dark({_written(pair[0])}, {_written(pair[1])});"
        for name, pair in tokens.items()
    ]
    return "\n".join([":root {", *lines, "}", ""])


def contrast(one: Rgb, other: Rgb) -> float:
    """How well one colour is read on another, from 1 to 21 (WCAG 2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _readable(colour: Rgb, ground: Rgb, towards: Rgb) -> Rgb:
    for step in range(STEPS):
        shade = _rounded(_mixed(colour, towards, step / STEPS))
        if contrast(shade, ground) >= CONTRAST_MIN and _is_ground_for_text(shade):
            return shade
    return towards


def _is_ground_for_text(colour: Rgb) -> bool:
    return contrast(colour, _ink_on(colour)) >= CONTRAST_MIN


def _ink_on(colour: Rgb) -> Rgb:
    white, black = (1.0, 1.0, 1.0), (0.05, 0.08, 0.1)
    return max(white, black, key=lambda ink: contrast(ink, colour))


def _luminance(colour: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(colour: Rgb, other: Rgb, part: float) -> Rgb:
    red, green, blue = (a + (b - a) * part for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _rounded(colour: Rgb) -> Rgb:
    return _parsed(_written(colour))


def _parsed(text: str) -> Rgb:
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _written(colour: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
