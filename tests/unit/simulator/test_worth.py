"""The proof of worth on made people and clicks: what the world is, that each bid is what its strategy says, that money is
kept, and that figures are those of a plain loop."""

import csv
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cli.worth_bidder import WorthBidder
from cli.worth_history import learn
from cli.worth_report import as_text, paired
from cli.worth_trial import CPA_ON, CREDIT_ON, Contest, Figures, figures
from domain.errors import Refused
from simulator.applicants import halves, read_applicants
from simulator.click_farms import by_time, read_clicks
from simulator.worth_parameters import GRID, WorthParameters
from simulator.worth_traffic import FIRST, MICROS, SECOND, WorthWorld

SMALL = WorthParameters(click_rate=0.2, application_rate=0.4, history=600, rehearsal=200, day=300, farm_clicks=6)


def write_people(path: Path, count: int = 400) -> None:
    """Whoever was late lately defaults mostly."""
    rng = np.random.default_rng(1)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["ID", *(f"X{n}" for n in range(1, 24)), "Y"])
        for number in range(count):
            late = rng.integers(-1, 4, 6)
            limit = int(rng.integers(1, 50)) * 10_000
            bills = (limit * rng.random(6) * 1.2).astype(int)
            defaulted = rng.random() < (0.7 if late[:3].max() > 1 else 0.1)
            out.writerow([number, limit, 1, 2, 1, int(rng.integers(21, 70)), *late, *bills, *[100] * 6, int(defaulted)])


def write_clicks(path: Path, count: int = 1_600) -> None:
    """Ten addresses click all the time and install nothing."""
    rng = np.random.default_rng(2)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["ip", "app", "device", "os", "channel", "click_time", "attributed_time", "is_attributed"])
        for number in range(count):
            farm = rng.random() < 0.2
            ip = int(rng.integers(1, 11)) if farm else int(rng.integers(100, 2_000))
            at = f"2017-11-{6 + number // 800:02} {number % 800 // 60:02}:{number % 60:02}"
            installed = not farm and rng.random() < 0.05
            out.writerow([ip, rng.integers(1, 6), 1, rng.integers(1, 4), 3, at, at if installed else "", int(installed)])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("worth")
    write_people(folder / "people.csv")
    write_clicks(folder / "clicks.csv")
    return SimpleNamespace(people=folder / "people.csv", clicks=folder / "clicks.csv")


def world(files: SimpleNamespace, seed: int = 1, of: WorthParameters = SMALL) -> WorthWorld:
    return WorthWorld(of, halves(read_applicants(files.people))[1], by_time(read_clicks(files.clicks))[1], seed)
