"""The options that say how a command talks: for people or as JSON, and how much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

FORMATS = ("human", "json")
LEVELS = ("debug", "info", "warning", "error")


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--log-format` and `--log-level`; both are None where nothing is said."""
    command = click.option(
        "--log-level",
        type=click.Choice(LEVELS),
        envvar="OUTPOUR_LOG_LEVEL",
        help="What is said on stderr: `error` says least.  [default: info]",
    )(command)
    return click.option(
        "--log-format",
        type=click.Choice(FORMATS),
        envvar="OUTPOUR_LOG_FORMAT",
        help="How it is said: for people, or as JSON, an object a line.  [default: human]",
    )(command)
