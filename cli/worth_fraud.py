"""The fraud score of the proof of worth: learnt from the earlier clicks as `outbid risk train` learns it from facts
with an outcome, and asked of the counters as they stood before the worlds begin.

The facts of a user are what the risk service's counters know. To learn, the counters are told of the first part of the
earlier clicks, and the outcome is who turned out to be a farm in the second. Scores of the worlds' users come of
counters that were told of the second part, and of no later click: of as much time as when it was learnt, so that a
score, and a cut-off, means the same.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from domain.errors import Problem, Refused
from domain.naming import person_key
from risk.cards import Scorecard
from risk.counters import Counters, Event
from risk.inputs import FACTS, Inputs
from risk.label_learning import learn_from_labels
from risk.labelled_rows import read_labelled
from simulator.applicants import Ints
from simulator.click_farms import Clicks, by_time

SLOTS = 1 << 18
VERSION = 1_001
OUTCOME = "fraud"
FORMS = {1: "%Y-%m-%d %H:%M", 2: "%Y-%m-%d %H:%M:%S"}

Facts = dict[str, float]
User = tuple[int, int, int]


class FraudScores(NamedTuple):
    """0 to 1000, by click."""

    taught: Clicks
    """Clicks whose outcome was learnt from, that a cut-off is chosen on."""
    taught_scores: Ints
    scores: Ints
    """Of the users of the later clicks, by what was known before them."""
    auc_taught: float
    """On folds of the clicks that it was learnt from, none of which it had learnt from."""


def learn_fraud(folder: Path, earlier: Clicks, later: Clicks, farm_clicks: int) -> FraudScores:
    """The outcome is `Clicks.farmed`, with ``farm_clicks`` scaled to the time; ``later`` is only scored."""
    before, taught = by_time(earlier)
    farmed = taught.farmed(max(1, round(farm_clicks * len(taught) / len(later))))
    facts, path = facts_of(before, taught), folder / "labelled.csv"
    names = [name for name in FACTS if any(name in told for told in facts)]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow((*names, OUTCOME))
        out.writerows(
            (*(told.get(name, "") for name in names), int(is_farm)) for told, is_farm in zip(facts, farmed, strict=True)
        )
    made = learn_from_labels(read_labelled([path], OUTCOME), "fraud", VERSION, source="earlier clicks")
    card = Scorecard(made.card)
    return FraudScores(taught, _scores(card, facts), _scores(card, facts_of(taught, later)), made.metrics.auc)


def facts_of(before: Clicks, asked: Clicks) -> list[Facts]:
    """What the counters know of the user of each click that is asked about, at the end of those before."""
    counters, end_s = Counters(slots=SLOTS), 0
    events: list[tuple[int, int, Event]] = []
    times = [_seconds(text) for text in before.time]
    for place, user in enumerate(_users(before)):
        ids, address = _subject(user)
        events.append((times[place], place, Event("click", times[place], ids, address)))
        if before.installed[place]:
            at_s = max(_seconds(before.install_time[place] or before.time[place]), times[place])
            events.append((at_s, place, Event("install", at_s, ids, address)))
    end_s = max(times)
    for at_s, _, event in sorted(events, key=lambda one: one[:2]):
        if at_s <= end_s:
            counters.observe(event)
    known: dict[User, Facts] = {}
    for user in _users(asked):
        if user not in known:
            ids, address = _subject(user)
            known[user] = counters.facts(ids, address, end_s)
    return [known[user] for user in _users(asked)]


def _users(clicks: Clicks) -> list[User]:
    return [(ip, device, os) for ip, device, os in clicks.users().tolist()]


def _subject(user: User) -> tuple[tuple[tuple[str, int], ...], int]:
    """Address, device and system stand for a person, as in `risk.click_rows`."""
    ip, device, os = user
    return (("device", person_key("device", f"{ip}/{device}/{os}")),), person_key("ip", str(ip))


def _scores(card: Scorecard, facts: list[Facts]) -> Ints:
    scored: dict[int, int] = {}
    for told in facts:
        if id(told) not in scored:
            scored[id(told)] = card.score(msgspec.structs.astuple(Inputs(**told))).score
    return np.array([scored[id(told)] for told in facts], np.int64)


def _seconds(text: str) -> int:
    try:
        return int(datetime.strptime(text, FORMS[text.count(":")]).replace(tzinfo=UTC).timestamp())
    except (KeyError, ValueError):
        allowed = "it must be a time such as 2017-11-06 16:00 or 2017-11-06 16:00:00"
        raise Refused([Problem("click_time", text, allowed)]) from None
