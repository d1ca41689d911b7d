"""Where a command reads and writes, and what its terminal can show."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, TextIO, cast

from outpour.cli.shared.standard_streams import NoStream


@dataclass(frozen=True, slots=True)
class Env:
    """The surroundings of one run.

    Attributes:
        stdin: Bytes.
        stdout: For data.
        stderr: For talk, progress and errors.
        is_terminal: Whether a person watches stderr, so that progress is worth drawing.
        color_out: Whether data may be coloured.
        color_err: Whether talk may be coloured.
    """

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    is_terminal: bool
    color_out: bool
    color_err: bool

    @classmethod
    def of_process(
        cls, environ: Mapping[str, str] = os.environ, *, needs_stdout: bool = True
    ) -> Env:
        """Take the streams of this process; `NO_COLOR` and `TERM=dumb` turn colour off.

        Args:
            environ: The environment.
            needs_stdout: Whether data that goes to a closed stream is a fault.
        """
        stdout, stderr = _stream(sys.stdout, fails=needs_stdout), _stream(sys.stderr, fails=False)
        plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        return cls(
            stdin=getattr(sys.stdin, "buffer", None) or io.BytesIO(),
            stdout=stdout,
            stderr=stderr,
            is_terminal=stderr.isatty() and environ.get("TERM") != "dumb",
            color_out=stdout.isatty() and not plain,
            color_err=stderr.isatty() and not plain,
        )


def _stream(stream: TextIO | None, *, fails: bool) -> TextIO:
    # Python has None where the caller closed the descriptor.
    if stream is None:
        return cast("TextIO", NoStream(fails=fails))
    if isinstance(stream, io.TextIOWrapper):
        # A name that the terminal's encoding lacks must not end the command half-way.
        stream.reconfigure(errors="backslashreplace")
    return stream
