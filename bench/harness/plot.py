"""Bar charts as SVG that follow the reader's light or dark scheme."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH = 720
LABEL_WIDTH = 220
VALUE_WIDTH = 90
BAR_HEIGHT = 22
GAP = 8

_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#24292f}.bar{fill:#8c959f}.own{fill:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.own{fill:#58a6ff}}"
)


def bars(title: str, rows: Sequence[tuple[str, float, str]], own: str) -> str:
    """Return a chart of (label, value, value as text); bars labelled `own...` stand out."""
    highest = max((value for _, value, _ in rows), default=0) or 1
    height = 36 + len(rows) * (BAR_HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text x="0" y="18" font-weight="600">{escape(title)}</text>',
    ]
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    for index, (label, value, text) in enumerate(rows):
        top = 32 + index * (BAR_HEIGHT + GAP)
        width = max(1, round(room * value / highest))
        kind = "own" if label.startswith(own) else "bar"
        base = top + BAR_HEIGHT - 6
        parts += [
            f'<text x="{LABEL_WIDTH - 8}" y="{base}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{top}" width="{width}" '
            f'height="{BAR_HEIGHT}" rx="3"/>',
            f'<text x="{LABEL_WIDTH + width + 6}" y="{base}">{escape(text)}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])
