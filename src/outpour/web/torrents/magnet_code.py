"""A magnet link as a QR code, for the phone that is to download what a screen shows."""

from __future__ import annotations

import io
from dataclasses import replace

from outpour.torrent.magnet_link import Magnet

SCALE = 4
BORDER = 4
"""Modules of quiet around a code, which readers need (ISO/IEC 18004)."""


def code_of(magnet: str) -> bytes:
    """Draw a link as SVG, black on white in every theme, as some readers know it only so.

    A link with many trackers and web seeds is shortened to what a code holds: some 2,900 letters
    fit, yet such a code is hard to read off a screen.
    """
    # Most processes draw none, and it takes a megabyte.
    import segno

    for text in _shorter(magnet):
        try:
            code = segno.make(text, error="l", micro=False, boost_error=False)
        except segno.DataOverflowError:
            continue
        stream = io.BytesIO()
        code.save(
            stream,
            kind="svg",
            scale=SCALE,
            border=BORDER,
            dark="#000",
            light="#fff",
            xmldecl=False,
            omitsize=True,
            title="QR code of the magnet link",
        )
        return stream.getvalue()
    raise ValueError("no code holds this")


def _shorter(text: str) -> list[str]:
    magnet = Magnet.parse(text)
    whole = replace(magnet, web_seeds=())
    one = replace(whole, trackers=whole.trackers[:1])
    bare = replace(whole, trackers=(), name=None)
    return [str(whole), str(one), str(replace(one, name=None)), str(bare)]
