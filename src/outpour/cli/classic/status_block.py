"""Writes sizes, rates and times as the old clients did, and their block of lines."""

from __future__ import annotations

from outpour.cli.shared.transfer_words import eta_s
from outpour.engine import Status

MB = 1 << 20
_UNITS = (" B", "KB", "MB", "GB", "TB", "PB", "EB")
_ACTIVITIES = {
    "checking": "checking existing file",
    "metadata": "connecting to peers",
    "paused": "paused",
    "finished": "Download Succeeded!",
    "seeding": "Download Succeeded!",
    "error": "Download Failed!",
}
_BRIEF = {
    "checking": "disk check",
    "metadata": "connecting",
    "paused": "paused",
    "finished": "complete",
    "seeding": "complete",
    "error": "failed",
}


def short_size(length: float) -> str:
    """Write a size in few characters, as the client of many torrents did.

    Example:
        >>> short_size(0), short_size(998), short_size(3 << 19)
        ('0  B', '998  B', '1.5 MB')
    """
    unit = 0
    while unit + 1 < len(_UNITS) and length >= 999:
        unit += 1
        length /= 1024
    return f"{length:.{1 if unit else 0}f} {_UNITS[unit]}"


def rate_of(rate: int) -> str:
    """Write a rate.

    Example:
        >>> rate_of(1536)
        '1.50 kB/s'
    """
    return f"{rate / 1024:.2f} kB/s"


def amount_of(length: int) -> str:
    """Write an amount that was moved.

    Example:
        >>> amount_of(3 << 19)
        '1.5 MiB'
    """
    return f"{length / MB:.1f} MiB"


def hours(seconds: int) -> str:
    """Write a time.

    Example:
        >>> hours(3725), hours(62), hours(0)
        ('1 hour 02 min 05 sec', '1 min 02 sec', 'complete!')
    """
    if seconds == 0:
        return "complete!"
    minutes, rest = divmod(seconds, 60)
    whole, minutes = divmod(minutes, 60)
    return (
        f"{whole} hour {minutes:02} min {rest:02} sec" if whole else f"{minutes} min {rest:02} sec"
    )


def time_left(status: Status) -> str:
    """Write what stood behind `time left:`, a time or a state."""
    if status.state in _ACTIVITIES:
        return _ACTIVITIES[status.state]
    rest = eta_s(status)
    if rest is None and not status.peers:
        return "connecting to peers"
    return "<unknown>" if rest is None else hours(rest)


def brief(status: Status) -> str:
    """Write what stood in the brackets of a torrent among many, such as `0:01:05 34%`."""
    text = _BRIEF.get(status.state, "")
    if not text:
        rest = eta_s(status)
        minutes, seconds = divmod(rest or 0, 60)
        text = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if rest else "(no seeds?)"
    if status.state in ("metadata", "error", "paused"):
        return text
    return f"{text} {100 * share_of(status):.0f}%"


def share_of(status: Status) -> float:
    """Return the share that is there, or that was checked, from 0 to 1."""
    if status.complete:
        return 1.0
    if status.state == "checking":
        return status.progress
    return status.done / status.total if status.total else 0.0


def percent(status: Status) -> str:
    """Write the share that is there, in percent with one digit, cut and not rounded."""
    if status.complete:
        return "100"
    if status.state == "error":
        return "0"
    return str(int(share_of(status) * 1000) / 10)


def block(status: Status, path: str, errors: list[str]) -> list[str]:
    """Write the block that the headless client repeats."""
    lines = ["", "", ""]
    for error in errors:
        lines += ["ERROR:", error, ""]
    lines += [
        f"saving:         {status.name} ({status.total / MB:.1f} MB)",
        f"percent done:   {percent(status)}",
        f"time left:      {time_left(status)}",
        f"download to:    {path}",
    ]
    if not status.complete:
        lines.append(f"download rate:  {rate_of(status.down_rate)}")
    lines += [
        f"upload rate:    {rate_of(status.up_rate)}",
        f"download total: {amount_of(status.downloaded)}",
        f"upload total:   {amount_of(status.uploaded)}",
    ]
    return lines
