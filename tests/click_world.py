"""Made clicks with installs, in the form of TalkingData's file, of which it is known which a machine made."""

import csv
import random
from datetime import UTC, datetime
from pathlib import Path

START = 1_509_984_000  # 2017-11-06 16:00
RATES = {"3": 0.05, "19": 0.4, "12": 0.1}
"""Installs an honest click of each app."""
COLUMNS = ("ip", "app", "device", "os", "channel", "click_time", "attributed_time", "is_attributed")


def write_clicks(path: Path, clicks: int, fraud: float, seed: int) -> list[bool]:
    """Honest people click now and then, each from an address of their own; machines click all day from a few addresses
    and never install. ``fraud``: share of the clicks that machines make. Returns which.
    """
    rng = random.Random(seed)
    made: list[bool] = []
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number in range(clicks):
            at = START + number * 30
            app = rng.choices(tuple(RATES), (6, 1, 3))[0]
            machine = rng.random() < fraud
            ip = rng.randrange(6) if machine else 100 + rng.randrange(clicks // 2)
            device, os = ("9", str(rng.randrange(3))) if machine else ("1", str(rng.randrange(40)))
            installed = not machine and rng.random() < RATES[app]
            done = _written(at + rng.randrange(1, 4_000)) if installed else ""
            rows.writerow((ip, app, device, os, 7, _written(at), done, int(installed)))
            made.append(machine)
    return made


def _written(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
