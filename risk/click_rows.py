"""Clicks with their installs (the form of TalkingData's challenge) as facts: what the counters knew before each."""

from collections.abc import Callable
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from domain.naming import person_key
from prediction.datasets.columns import BINARY, Times, Wrong, labels, written_as
from prediction.datasets.lines import Bad, Lines
from risk.counters import Counters, Event

SECOND = 1_000_000_000
NEEDED = ("ip", "device", "os", "click_time", "is_attributed")
COUNTED = (
    "ip_clicks_1h", "ip_clicks_24h", "ip_idle_clicks", "ip_click_gap_s", "ip_installs_24h", "ip_devices_24h",
    "device_clicks_1h", "device_clicks_24h", "device_idle_clicks", "device_click_gap_s", "device_installs_24h",
    "device_ips_24h", "device_age_h",
)  # fmt: skip
"""Facts that clicks and installs tell."""
SLOTS = 1 << 20


class ClickRows(NamedTuple):
    """Clicks in the order of their file."""

    facts: NDArray[np.float32]
    """(n, `COUNTED`), NaN where one is not known."""
    installed: NDArray[np.float64]
    app: NDArray[np.int64]
    """Numbered from 0 in the order in which they are first seen."""
    apps: tuple[str, ...]
    source: NDArray[np.uint64]
    """Key of the address."""
    time_s: NDArray[np.int64]
    bad: Bad


def read_clicks(
    paths: list[Path], most: int = 20_000_000, progress: Callable[[float], None] = lambda share: None
) -> ClickRows:
    """The clicks of files that follow each other in time. The person is address, device and system together, as those
    who studied the data have it; a file without ``app`` has one app.

    Raises Refused for a file without the columns that are needed, with more than ``most`` clicks or with none.
    """
    counters, pending = Counters(slots=SLOTS), _Pending()
    facts: list[tuple[float, ...]] = []
    installed: list[NDArray[np.float64]] = []
    app: list[int] = []
    source: list[int] = []
    time_s: list[int] = []
    apps: dict[str, int] = {}
    bad = Bad()
    missing = dict.fromkeys(COUNTED, float("nan"))
    for number, path in enumerate(paths):
        lines = Lines(path, ",", header=True, needed=NEEDED)
        clicked, attributed = Times(_seconds), Times(_seconds)
        for block in lines.blocks():
            wrong: Wrong = {}
            label = labels("is_attributed", block["is_attributed"], wrong, BINARY)
            times = clicked("click_time", block["click_time"], wrong) // SECOND
            told = block.columns.get("attributed_time", ("",) * len(block))
            ends = attributed("attributed_time", [text or "1970-01-01 00:00" for text in told], wrong)
            names = block.columns.get("app", ("",) * len(block))
            for at, (ip, device, os) in enumerate(zip(block["ip"], block["device"], block["os"], strict=True)):
                if at in wrong or not 0 < times[at] < 2**32:
                    bad.add(block.numbers[at], wrong.get(at, f"click_time: {block['click_time'][at]!r} is too early"))
                    continue
                now = int(times[at])
                address = person_key("ip", ip or "?")
                ids = (("device", person_key("device", f"{ip}/{device}/{os}")),)
                pending.count(counters, now)
                known = missing | counters.facts(ids, address, now)
                facts.append(tuple(known[name] for name in COUNTED))
                counters.observe(Event("click", now, ids, address))
                if label[at]:
                    pending.add(Event("install", max(int(ends[at]) // SECOND, now), ids, address))
                installed.append(label[at])
                app.append(apps.setdefault(names[at], len(apps)))
                source.append(address)
                time_s.append(now)
            if len(facts) > most:
                raise Refused([Problem("--most-rows", most, f"{path} has more; they are held in memory")])
            progress((number + lines.share) / len(paths))
        bad.count += lines.bad.count
        bad.first += lines.bad.first
    if not facts:
        told_first = f" ({bad.first[0]})" if bad.first else ""
        raise Refused([Problem("FILE", ", ".join(map(str, paths)), f"it must have clicks{told_first}")])
    return ClickRows(
        np.array(facts, np.float32),
        np.array(installed, np.float64),
        np.array(app, np.int64),
        tuple(apps),
        np.array(source, np.uint64),
        np.array(time_s, np.int64),
        bad,
    )


class _Pending:
    """Installs that came later than the click that is read."""

    def __init__(self) -> None:
        self._events: list[tuple[int, int, Event]] = []
        self._added = 0

    def add(self, event: Event) -> None:
        self._added += 1
        heappush(self._events, (event.at_s, self._added, event))

    def count(self, counters: Counters, now_s: int) -> None:
        """Counts those that have come by now."""
        while self._events and self._events[0][0] < now_s:
            counters.observe(heappop(self._events)[2])


def _seconds(text: str) -> float:
    return _SECONDS(text) if text.count(":") == 2 else _MINUTES(text)


_SECONDS, _MINUTES = written_as("%Y-%m-%d %H:%M:%S"), written_as("%Y-%m-%d %H:%M")
