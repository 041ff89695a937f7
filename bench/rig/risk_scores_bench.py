"""How long all six scores of a subject take, the counters' facts of it, and counting an event.

Subjects have every fact that is read, drawn over the steps of the cards, so that all reasons are sorted too. Counters
know as many devices and telephone numbers as there are subjects, in files; every look-up is of somebody else. Figures
are processor time, the best of the turns.
"""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from risk.cards import NAMES
from risk.counters import Counters, Event
from risk.inputs import FACTS, Inputs
from risk.published import published
from risk.scores import assess

T = TypeVar("T")
START = 1_700_000_000
SAMPLES = 20_000


def score_figures(folder: Path, subjects: int, turns: int) -> dict[str, float]:
    """``scores_us``, ``facts_us``, ``count_us``."""
    rng = random.Random(1)
    edges = {
        name: [0.0, *(start for score in NAMES for start, _ in getattr(published(score).facts.get(name), "steps", ()))]
        for name in FACTS
    }
    everything = [Inputs(**{name: rng.choice(starts) for name, starts in edges.items()}) for _ in range(1_000)]
    people = [(("ifa", rng.getrandbits(64) | 1), ("phone_sha256", rng.getrandbits(64) | 1)) for _ in range(subjects)]
    addresses = [rng.getrandbits(64) | 1 for _ in range(subjects // 4 + 1)]
    lenders = [rng.getrandbits(64) | 1 for _ in range(100)]
    counters = Counters.open(folder, 4 * subjects + 64)
    events = [
        Event(name, START + number, person, rng.choice(addresses), rng.choice(lenders))
        for number, person in enumerate(people)
        for name in ("click", "application")
    ]
    count_us = _us(counters.observe, events)
    asked = [(rng.choice(people), rng.choice(addresses), START + subjects) for _ in range(min(SAMPLES, 4 * subjects))]
    figures = {
        "scores_us": min(_us(assess, everything) for _ in range(turns)),
        "facts_us": min(_us(lambda one: counters.facts(*one), asked) for _ in range(turns)),
        "count_us": count_us,
    }
    counters.close()
    return {name: round(value, 1) for name, value in figures.items()}


def _us(call: Callable[[T], object], of: Sequence[T]) -> float:
    before = time.process_time()
    for one in of:
        call(one)
    return (time.process_time() - before) / len(of) * 1e6
