"""How a transfer is put into words, and into an object for programs."""

from __future__ import annotations

from collections.abc import Sequence

from outpour.base.units import count, format_duration, format_rate, format_size
from outpour.engine import Status


def eta_s(status: Status) -> int | None:
    """Estimate the seconds until a download is complete, None when nothing comes."""
    if status.complete or status.down_rate <= 0:
        return None
    return (status.total - status.done) // status.down_rate


def share_of(statuses: Sequence[Status]) -> float:
    """How much of what is wanted is there, 0 to 1."""
    total = sum(status.total for status in statuses)
    return sum(status.done for status in statuses) / total if total else 0.0


def percent(share: float) -> str:
    """A share as text that says 100 only of all."""
    return f"{min(share, 0.999 if share < 1 else 1.0):.1%}"


def status_object(status: Status) -> dict[str, object]:
    """A status under names that stay; bytes and bytes a second."""
    return {
        "infohash": status.infohash.hex(),
        "name": status.name,
        "state": status.state,
        "progress": round(status.progress, 4),
        "done": status.done,
        "total": status.total,
        "down_rate": status.down_rate,
        "up_rate": status.up_rate,
        "downloaded": status.downloaded,
        "uploaded": status.uploaded,
        "peers": status.peers,
        "seeds": status.seeds,
        "eta_s": eta_s(status),
        "error": status.error,
    }


def total_object(statuses: Sequence[Status]) -> dict[str, object]:
    """All torrents together, under names that stay."""
    rate = sum(status.down_rate for status in statuses)
    done, total = sum(s.done for s in statuses), sum(s.total for s in statuses)
    return {
        "torrents": len(statuses),
        "complete": sum(status.complete for status in statuses),
        "done": done,
        "total": total,
        "down_rate": rate,
        "up_rate": sum(status.up_rate for status in statuses),
        "peers": sum(status.peers for status in statuses),
        "eta_s": (total - done) // rate if rate and done < total else None,
    }


def sentence(status: Status) -> str:
    """How a torrent does, on one line."""
    parts = [f"{status.name}:"]
    match status.state:
        case "metadata":
            parts.append("asking peers for the metadata")
        case "checking":
            parts.append(f"checking {status.progress:.0%}")
        case "downloading":
            done, total = format_size(status.done), format_size(status.total)
            parts.append(f"{percent(share_of([status]))} ({done} of {total})")
        case _:
            parts.append(status.state)
    if status.down_rate or status.state == "downloading":
        parts.append(f"down {format_rate(status.down_rate)}")
    if status.up_rate or status.complete:
        parts.append(f"up {format_rate(status.up_rate)}")
    parts.append(count(status.peers, "peer"))
    rest = eta_s(status)
    if rest is not None:
        parts.append(f"{format_duration(rest)} left")
    return "  ".join(parts)


def summary(statuses: Sequence[Status], columns: int | None = None) -> str:
    """How all torrents do together, on one line.

    Args:
        statuses: All of them.
        columns: What matters less is left out where there are not so many; None for any number.
    """
    done, total = sum(s.done for s in statuses), sum(s.total for s in statuses)
    rate = sum(status.down_rate for status in statuses)
    complete = sum(status.complete for status in statuses)
    parts = [(0, f"{complete} of {len(statuses)} complete")]
    if done < total:
        sizes = f"({format_size(done)} of {format_size(total)})"
        parts += [(0, percent(done / total)), (3, sizes), (1, f"down {format_rate(rate)}")]
    up_rate = sum(status.up_rate for status in statuses)
    parts.append((2 if up_rate else 4, f"up {format_rate(up_rate)}"))
    parts.append((3, count(sum(status.peers for status in statuses), "peer")))
    if rate and done < total:
        parts.append((0, f"{format_duration((total - done) // rate)} left"))
    return fitted(parts, columns)


def fitted(parts: Sequence[tuple[int, str]], columns: int | None) -> str:
    """Parts of a line, two spaces apart, without as many as have no room.

    Args:
        parts: Each with how soon it is left out: the larger number first, 0 where nothing
            else is left.
        columns: Of the line; None for any number.

    Returns:
        The parts, the first of them in any case; half a figure would be another.
    """
    kept = [*parts]
    while columns is not None and len(text := _joined(kept)) > columns:
        if len(kept) == 1:
            return text
        worst = max(rank for rank, _ in kept)
        kept.remove(next(part for part in reversed(kept) if part[0] == worst))
    return _joined(kept)


def _joined(parts: Sequence[tuple[int, str]]) -> str:
    return "  ".join(text for _, text in parts)
