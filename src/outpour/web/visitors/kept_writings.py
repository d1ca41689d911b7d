"""Texts that a publisher wrote, read from their files again only when these have changed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable

from anyio import to_thread

from outpour.web.content import open_published
from outpour.web.contract import ContentRoot
from outpour.web.limits import WRITING_BYTES_MAX, WRITINGS_KEPT
from outpour.web.visitors.beside import Writing

MARKDOWN = (".md", ".markdown")


class KeptWritings:
    """Texts by what tells their files from other ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Writing] = OrderedDict()

    async def get(self, key: Hashable, read: Callable[[], Writing | None]) -> Writing | None:
        """The text of a key, read in a thread if it was not read before.

        Args:
            key: Names the file and its state.
            read: Reads it; None of a file that cannot be read, which is tried again.
        """
        kept = self._kept.get(key)
        if kept is None:
            kept = await to_thread.run_sync(read)
            if kept is None:
                return None
            self._kept[key] = kept
            while len(self._kept) > WRITINGS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept


def read_writing(
    root: ContentRoot, inner: tuple[str, ...], name: str, folder: tuple[str, ...]
) -> Writing | None:
    """Read a text; None where it cannot be, is too long, or is no longer the file it was.

    Args:
        root: The file, or the folder it lies in.
        inner: The path in that folder.
        name: The name of the file, which tells Markdown from other texts.
        folder: Where relative links of the text lead from, as a path below `/content/`.
    """
    file = open_published(root, inner)
    if file is None:
        return None
    with file:
        status = os.fstat(file.fileno())
        if status.st_size > WRITING_BYTES_MAX or not root.is_same(inner, status):
            return None
        raw = file.read(WRITING_BYTES_MAX)
    is_markdown = name.lower().endswith(MARKDOWN)
    return Writing(raw.decode("utf-8-sig", "replace"), is_markdown, folder)
