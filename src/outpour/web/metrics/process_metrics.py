"""The process itself, under the names that all clients of Prometheus use."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from outpour.web.metrics.prometheus_text import Family, one


def process_metrics() -> Iterator[Family]:
    """What the system tells of this process, from `/proc` where there is one."""
    times = os.times()
    yield one("process_cpu_seconds_total", "counter", "CPU time used.", times.user + times.system)
    try:
        fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text("ascii").split()[0])
        handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no paths are needed
    except (OSError, ValueError):
        return
    began = time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    resident = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    yield one("process_resident_memory_bytes", "gauge", "Memory in use.", resident)
    yield one("process_virtual_memory_bytes", "gauge", "Address space.", int(fields[20]))
    yield one("process_start_time_seconds", "gauge", "Unix time of the start.", round(began, 2))
    yield one("process_open_fds", "gauge", "Open files and sockets.", handles)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY:
        yield one("process_max_fds", "gauge", "How many may be open.", limit)
