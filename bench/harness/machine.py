"""The machine that figures come from."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from pathlib import Path


def describe() -> str:
    """Return one sentence on the processor, the kernel and the date."""
    today = datetime.now(timezone.utc).date().isoformat()
    return (
        f"Measured on {today}: {_processor()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}."
    )


def _processor() -> str:
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    family, model = facts.get("cpu family"), facts.get("model")
    return f"{name} (family {family}, model {model})" if family and model else name
