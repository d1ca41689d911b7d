"""A running `outpour mirror`, beside the publication that it follows."""

from __future__ import annotations

from pathlib import Path

from tests.live.conftest import Running, Start
from tests.live.publication import Publication


class Mirror(Publication):
    """A running `outpour mirror` and what its page offers."""

    def __init__(
        self, start: Start, source: str, folder: Path, *flags: str, host: str = "127.0.0.1"
    ) -> None:
        self.source = source
        self.folder = folder
        super().__init__(start, folder, *flags, host=host)

    def _begin(self) -> Running:
        process = self._start(
            "outpour", "mirror", self.source, "-o", self.folder, "--listen",
            f"{self.host}:{self.port}", "--peer-port", str(self.peer_port), *self._flags,
        )  # fmt: skip
        process.line_with("serving", seconds=60)
        return process
