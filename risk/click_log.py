"""Clicks and their installs from files (the form of TalkingData's challenge), as columns for looking at all of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from prediction.datasets.columns import BINARY, Times, Wrong, labels, written_as
from prediction.datasets.lines import Bad, Lines

SECOND = 1_000_000_000
NEEDED = ("ip", "app", "device", "os", "click_time", "is_attributed")
_SECONDS, _MINUTES = written_as("%Y-%m-%d %H:%M:%S"), written_as("%Y-%m-%d %H:%M")

Codes = NDArray[np.int64]


class Clicks(Struct, frozen=True):
    """Clicks in the order of time; texts are numbered from 0 in each column."""

    ip: Codes
    app: Codes
    device: Codes
    os: Codes
    time_s: NDArray[np.int64]
    installed: NDArray[np.bool_]
    delay_s: NDArray[np.float64]
    """From click to install; NaN where there was none, or its time is not told."""
    names: dict[str, tuple[str, ...]]
    """Of the columns ip, app, device and os: texts by number."""

    def __len__(self) -> int:
        return len(self.ip)

    def part(self, rows: "slice") -> "Clicks":
        """Some of them."""
        return Clicks(
            self.ip[rows],
            self.app[rows],
            self.device[rows],
            self.os[rows],
            self.time_s[rows],
            self.installed[rows],
            self.delay_s[rows],
            self.names,
        )


def read_clicks(
    paths: Sequence[Path], progress: Callable[[float], None] = lambda share: None
) -> tuple[Clicks, dict[Path, Bad]]:
    """The clicks of CSV files with a header (gzipped if so named), and the bad lines of each. They are held in memory,
    about 60 bytes a click.

    Raises Refused for a file without the columns of `NEEDED`, and if there are no clicks; ``attributed_time`` may lack.
    """
    codes: dict[str, dict[str, int]] = {name: {} for name in ("ip", "app", "device", "os")}
    columns: dict[str, list[NDArray[np.int64]]] = {name: [] for name in codes}
    times, ends, installed = list[NDArray[np.int64]](), list[NDArray[np.int64]](), list[NDArray[np.bool_]]()
    bad: dict[Path, Bad] = {}
    for number, path in enumerate(paths):
        lines = Lines(path, ",", header=True, needed=NEEDED)
        clicked, attributed = Times(_time), Times(_time)
        for block in lines.blocks():
            wrong: Wrong = {}
            label = labels("is_attributed", block["is_attributed"], wrong, BINARY)
            time_ns = clicked("click_time", block["click_time"], wrong)
            told = block.columns.get("attributed_time", ("",) * len(block))
            end_ns = attributed("attributed_time", [text or "1970-01-01 00:00" for text in told], wrong)
            good = np.array([at not in wrong for at in range(len(block))])
            block = block.without(wrong, lines.bad)
            for name, known in codes.items():
                columns[name].append(np.array([known.setdefault(text, len(known)) for text in block[name]], np.int64))
            times.append(time_ns[good] // SECOND)
            ends.append(end_ns[good] // SECOND)
            installed.append(label[good] > 0)
            progress((number + lines.share) / len(paths))
        bad[path] = lines.bad
    time_s, end_s = (np.concatenate(parts) if parts else np.empty(0, np.int64) for parts in (times, ends))
    if not len(time_s):
        why = next((f" ({each.first[0]})" for each in bad.values() if each.first), "")
        raise Refused([Problem("FILE", ", ".join(map(str, paths)), f"it must have clicks{why}")])
    order = np.argsort(time_s, kind="stable")
    bought = np.concatenate(installed)[order]
    delay = np.where(bought & (end_s[order] > 0), (end_s - time_s)[order].astype(np.float64), np.nan)
    found = {name: np.concatenate(parts)[order] for name, parts in columns.items()}
    names = {name: tuple(known) for name, known in codes.items()}
    return Clicks(**found, time_s=time_s[order], installed=bought, delay_s=delay, names=names), bad


def _time(text: str) -> float:
    return _SECONDS(text) if text.count(":") == 2 else _MINUTES(text)
