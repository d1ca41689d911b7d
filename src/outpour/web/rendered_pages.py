"""Pages as they were last put together, for all who ask while nothing in them has changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from outpour.web.limits import PAGES_KEPT, PAGES_KEPT_BYTES_MAX
from outpour.web.packed_text import PackedText, is_worth_packing
from outpour.web.page_thread import PageThread
from outpour.web.reply import weak_tag


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text that is ready to be sent.

    Attributes:
        raw: The text.
        packed: The same with its packed forms.
        tag: Entity tag.
    """

    raw: bytes
    packed: PackedText
    tag: str

    @classmethod
    def of(cls, text: str | bytes, tag: str | None = None) -> Rendered:
        """Pack and tag a text, which takes some milliseconds for a large one.

        It is packed as nearly all take it; who takes better is the first to ask for that.
        """
        raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
        packed = PackedText(raw)
        if is_worth_packing(raw):
            packed.pack("gzip")
        return cls(raw, packed, tag or weak_tag(raw))

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.packed.size


@dataclass(slots=True)
class _Kept:
    inputs: object
    work: asyncio.Future[Rendered]


class RenderedPages:
    """Keeps the latest pages.

    Args:
        thread: Where they are put together.
    """

    def __init__(self, thread: PageThread) -> None:
        self._thread = thread
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    async def get(self, key: Hashable, inputs: object, render: Callable[[], Rendered]) -> Rendered:
        """Return a page, put together anew only if its inputs are others than the last time.

        Who asks while it is being put together waits for that, and does not begin another.

        Args:
            key: Which page.
            inputs: All that it shows; compared with what it showed.
            render: Puts it together, on another thread.
        """
        kept = self._kept.get(key)
        if kept is None or kept.inputs != inputs or _has_failed(kept.work):
            kept = _Kept(inputs, asyncio.ensure_future(self._thread.run(render)))
            self._kept[key] = kept
        self._kept.move_to_end(key)
        # One visitor who leaves must not take the page from the others.
        rendered = await asyncio.shield(kept.work)
        self._make_room()
        return rendered

    def _make_room(self) -> None:
        ready = [kept.work for kept in self._kept.values() if _is_ready(kept.work)]
        size = sum(work.result().size for work in ready)
        while len(self._kept) > PAGES_KEPT or (size > PAGES_KEPT_BYTES_MAX and len(self._kept) > 1):
            _, oldest = self._kept.popitem(last=False)
            size -= oldest.work.result().size if _is_ready(oldest.work) else 0


def _is_ready(work: asyncio.Future[Rendered]) -> bool:
    return work.done() and not _has_failed(work)


def _has_failed(work: asyncio.Future[Rendered]) -> bool:
    return work.done() and (work.cancelled() or work.exception() is not None)
