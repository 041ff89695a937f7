"""What every process tells of itself: processor, memory, files, disk, how late its event loop runs, what it logged."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from monitoring.page import Family, Page

_LABEL = ("process",)
CPU = Family("outbid_process_cpu_seconds_total", "counter", "Processor time used, all threads.", _LABEL)
MEMORY = Family("outbid_process_resident_memory_bytes", "gauge", "Resident memory.", _LABEL)
FILES = Family("outbid_process_open_fds", "gauge", "Open file descriptors.", _LABEL)
MOST_FILES = Family("outbid_process_max_fds", "gauge", "File descriptors that may be open.", _LABEL)
STARTED = Family("outbid_process_start_time_seconds", "gauge", "When the process began, since 1970 UTC.", _LABEL)
CLOCK = Family("outbid_process_clock_seconds", "gauge", "The host's clock now, since 1970 UTC.", _LABEL)
LOOP_LAG = Family(
    "outbid_process_loop_lag_seconds", "gauge", "Most that the event loop was late in the last half minute.", _LABEL
)
DISK_FREE = Family("outbid_process_disk_free_bytes", "gauge", "Free where the data directory is.", _LABEL)
DISK_SIZE = Family("outbid_process_disk_size_bytes", "gauge", "Size of the disk where the data directory is.", _LABEL)
LOGGED = Family("outbid_process_log_records_total", "counter", "Records logged, by level.", (*_LABEL, "level"))

FAMILIES = (CPU, MEMORY, FILES, MOST_FILES, STARTED, CLOCK, LOOP_LAG, DISK_FREE, DISK_SIZE, LOGGED)

logged: Counter[str] = Counter()
"""By level in lower case; `monitoring.logs` counts."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
LAG_EVERY_S = 0.1
LAG_KEPT_S = 15.0


class LoopLag:
    """The most that the event loop was late in the last one or two stretches of `LAG_KEPT_S`."""

    def __init__(self) -> None:
        self._now = self._before = 0.0
        self._turned = 0.0

    @property
    def worst_s(self) -> float:
        return max(self._now, self._before)

    def saw(self, late_s: float, now: float) -> None:
        """Something that was due on the loop ran so much later; ``now``: seconds that only rise."""
        if now - self._turned > LAG_KEPT_S:
            self._before, self._now, self._turned = self._now, 0.0, now
        self._now = max(self._now, late_s)

    async def watch(self) -> None:
        """Looks for ever; for processes that have no clock of their own on the loop."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            now = loop.time()
            self.saw(now - due, now)

    async def beside(self, app: object) -> AsyncIterator[None]:
        """`watch` for as long as an application runs (``cleanup_ctx`` of aiohttp)."""
        watching = asyncio.create_task(self.watch())
        yield
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def describe(page: Page, process: str, data: Path, lag: LoopLag) -> None:
    """Puts the process's own figures on the page. ``data``: its data directory."""
    fields = _read("/proc/self/stat").rpartition(")")[2].split()
    page.add(CPU, (int(fields[11]) + int(fields[12])) / _TICKS, process)
    page.add(MEMORY, int(_read("/proc/self/statm").split()[1]) * _PAGE, process)
    page.add(FILES, len(os.listdir("/proc/self/fd")), process)
    page.add(MOST_FILES, os.sysconf("SC_OPEN_MAX"), process)
    page.add(STARTED, _booted() + int(fields[19]) / _TICKS, process)
    page.add(CLOCK, time.time(), process)
    page.add(LOOP_LAG, lag.worst_s, process)
    try:
        room = os.statvfs(data)
    except OSError:  # it is not there yet
        pass
    else:
        page.add(DISK_FREE, room.f_bavail * room.f_frsize, process)
        page.add(DISK_SIZE, room.f_blocks * room.f_frsize, process)
    for level in ("warning", "error", "critical"):
        page.add(LOGGED, logged[level], process, level)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _booted() -> float:
    """When the machine began, since 1970."""
    line = next(line for line in _read("/proc/stat").splitlines() if line.startswith("btime"))
    return float(line.split()[1])
