"""Recorded supply: how many impressions there were in each five minutes, and what they cost on the market.

Times are seconds since 1970, the recording's local time taken as UTC; prices are nanos an impression.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise
from math import inf, nan
from pathlib import Path

from domain.errors import Problem, Refused

SLOT_S = 300
STEP_S = 60
"""A back-test goes by the minute."""
DAY_S = 86_400

FEN = 10_000
"""Nanos an impression in a CPM of one fen (0.01 CNY), the unit of the recording."""


@dataclass(frozen=True)
class Slot:
    at_s: int
    impressions: int
    price: float
    """Mean market price."""


@dataclass(frozen=True)
class RecordedDay:
    """From the first slot to the end of the last; within it, a slot that is missing had no impressions."""

    name: str
    slots: tuple[Slot, ...]

    @property
    def start_s(self) -> int:
        return self.slots[0].at_s

    @property
    def end_s(self) -> int:
        return self.slots[-1].at_s + SLOT_S

    @property
    def midnight_s(self) -> int:
        """The one that it begins after."""
        return self.start_s - self.start_s % DAY_S

    @property
    def minutes(self) -> list[tuple[int, float]]:
        """Of each minute: impressions, the slot's in equal parts, and their mean market price."""
        slots, steps = {slot.at_s: slot for slot in self.slots}, SLOT_S // STEP_S
        found = []
        for at_s in range(self.start_s, self.end_s, SLOT_S):
            slot = slots.get(at_s, Slot(at_s, 0, 0.0))
            parts = [slot.impressions * step // steps for step in range(steps + 1)]
            found += [(after - before, slot.price) for before, after in pairwise(parts)]
        return found

    @property
    def impressions(self) -> int:
        return sum(slot.impressions for slot in self.slots)

    @property
    def value(self) -> float:
        """What all impressions cost together."""
        return sum(slot.impressions * slot.price for slot in self.slots)


def read_slots(path: Path, campaign: str) -> list[RecordedDay]:
    """The campaign's days, in order.

    Reads the columns datetime, campaign, total_bids_cur (impressions of the slot) and cur_avg_bid_price (mean market
    price, CPM in fen) of a CSV file. Raises `Refused` naming line and field.
    """
    slots: dict[int, Slot] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                if row.get("campaign") == campaign:
                    slot = _slot(f"{path}, line {number}", row)
                    if slot.at_s in slots:
                        raise Refused([Problem(f"{path}, line {number}, datetime", row["datetime"], "it came before")])
                    slots[slot.at_s] = slot
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    if not slots:
        raise Refused([Problem("campaign", campaign, f"it must be one with rows in {path}")])
    by_day = groupby(sorted(slots.values(), key=lambda slot: slot.at_s), lambda slot: slot.at_s // DAY_S)
    days = (tuple(of_day) for _, of_day in by_day)
    return [RecordedDay(datetime.fromtimestamp(day[0].at_s, UTC).date().isoformat(), day) for day in days]


def _slot(where: str, row: dict[str, str]) -> Slot:
    try:
        at_s = int(datetime.fromisoformat(row.get("datetime") or "").replace(tzinfo=UTC).timestamp())
    except ValueError:
        at_s = -1
    if at_s < 0 or at_s % SLOT_S:
        allowed = "it must be the beginning of five minutes, like 2013-10-19 00:05:00"
        raise Refused([Problem(f"{where}, datetime", row.get("datetime"), allowed)])
    impressions = row.get("total_bids_cur") or ""
    if not (impressions.isascii() and impressions.isdigit()):
        raise Refused([Problem(f"{where}, total_bids_cur", impressions, "it must be a number of impressions")])
    try:
        price = float(row.get("cur_avg_bid_price") or "")
    except ValueError:
        price = nan
    if not 0 <= price < inf:
        allowed = "it must be a price, CPM in fen"
        raise Refused([Problem(f"{where}, cur_avg_bid_price", row.get("cur_avg_bid_price"), allowed)])
    return Slot(at_s, int(impressions), price * FEN)
