"""Clicks of mobile devices, and which of their addresses are click farms, from a file of TalkingData's form: CSV with
ip, app, device, os, channel, click_time, attributed_time and is_attributed, in order of time. Who is fraudulent no such
file tells; what is taken for it here is an address that clicks often and never installs anything.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused

Ints = NDArray[np.int64]

NUMBERS = ("ip", "app", "device", "os", "channel", "is_attributed")
TIMES = ("click_time", "attributed_time")
MOST = 1 << 31
LEAST = 200


@dataclass(frozen=True, eq=False)
class Clicks:
    """In order of time; an array element a click."""

    ip: Ints
    app: Ints
    device: Ints
    os: Ints
    channel: Ints
    installed: NDArray[np.bool_]
    time: tuple[str, ...]
    install_time: tuple[str, ...]
    """Both as they were written."""

    def __len__(self) -> int:
        return len(self.ip)

    def take(self, rows: "Ints | slice | NDArray[np.bool_]") -> "Clicks":
        time, install = (tuple(np.array(of, dtype=object)[rows].tolist()) for of in (self.time, self.install_time))
        return Clicks(
            self.ip[rows], self.app[rows], self.device[rows], self.os[rows], self.channel[rows], self.installed[rows],
            time, install,
        )  # fmt: skip

    def users(self) -> Ints:
        """(n, 3): address, device and system of each click, which stand for the person."""
        return np.stack([self.ip, self.device, self.os], axis=1)

    def farmed(self, least: int) -> NDArray[np.bool_]:
        """Of each click, whether its address clicked at least so often here, and installed nothing."""
        _, place = np.unique(self.ip, return_inverse=True)
        clicks, installs = np.bincount(place), np.bincount(place, self.installed)
        return np.asarray(((clicks >= least) & (installs == 0))[place])


def read_clicks(path: Path) -> Clicks:
    """Raises `Refused` naming line and column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            missing = [name for name in (*NUMBERS, *TIMES) if name not in header]
            if missing:
                raise Refused([Problem(f"{path}, header", ",".join(header), f"it must have the column {missing[0]!r}")])
            places = [header.index(name) for name in NUMBERS]
            at, installed_at = (header.index(name) for name in TIMES)
            rows, times = [], []
            for number, line in enumerate(lines, 2):
                if line:
                    rows.append(_row(path, number, line, places))
                    times.append((line[at], line[installed_at]) if max(at, installed_at) < len(line) else ("", ""))
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    except UnicodeDecodeError:
        raise Refused([Problem(str(path), "bytes that are no UTF-8", "it must be a text file")]) from None
    if len(rows) < LEAST:
        raise Refused([Problem(str(path), len(rows), f"it must have at least {LEAST} clicks")])
    table = np.array(rows, dtype=np.int64)
    clicked, installed = zip(*times, strict=True)
    ip, app, device, os, channel = table[:, :5].T.copy()
    return Clicks(ip, app, device, os, channel, table[:, 5] == 1, clicked, installed)


def _row(path: Path, number: int, line: Sequence[str], places: Sequence[int]) -> list[int]:
    found = []
    for name, place in zip(NUMBERS, places, strict=True):
        text = line[place] if place < len(line) else ""
        most = 1 if name == "is_attributed" else MOST
        if not text.isdecimal() or int(text) > most:
            allowed = "it must be 0 or 1" if most == 1 else "it must be a whole number, 0 or above"
            raise Refused([Problem(f"{path}, line {number}, {name}", text, allowed)])
        found.append(int(text))
    return found


def by_time(clicks: Clicks) -> tuple[Clicks, Clicks]:
    """The earlier half, and the later."""
    cut = len(clicks) // 2
    return clicks.take(slice(0, cut)), clicks.take(slice(cut, None))
