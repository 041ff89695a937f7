"""What the credit service's API is asked under load (`rig.api_load`).

Half of the calls are ``/v1/score`` of an applicant with 20 columns (boosted trees, with reasons), half of a person by
id, as the bidder asks. The model is learnt from made-up applicants with three families of monthly columns.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rig import api_load
from rig.api_load import Question

REQUESTS = 10_000
MONTHS = 6


def api_figures(rate: int = 1_000, seconds: float = 10.0, turns: int = 3, people: int = 100_000) -> dict[str, Any]:
    """As `rig.api_load.api_figures`."""
    return api_load.api_figures(
        "credit", lambda root: make_world(root, people), questions(people), rate, seconds, turns
    )


def make_world(root: Path, people: int) -> None:
    """A model in service, and a table of people."""
    import numpy as np

    from credit.artefact import save
    from credit.people import FILE, write_people
    from credit.table import of_records
    from credit.training import Settings, train

    rng = random.Random(5)
    records = []
    for _ in range(4_000):
        record = applicant(rng)
        z = -2.5 + 1.2 * record["late1"] + 2 * record["bill1"] / record["limit"]
        records.append({**record, "bad": int(rng.random() < 1 / (1 + 2.718281828 ** (2.0 - z)))})
    settings = Settings("bad", serve="boosted")
    trained = train(of_records(records, list(records[0])), settings, source="made up", now_ns=time.time_ns())
    save(root / "model", trained.model, {})
    keys = np.array([_key(person) for person in range(people)], np.uint64)
    write_people(root / FILE, keys, 600, 0.05, 0.5, int(time.time()))


def applicant(rng: random.Random) -> dict[str, float]:
    """One applicant's columns."""
    limit = rng.choice((10, 20, 50, 100, 200)) * 1000
    use = rng.random()
    made: dict[str, float] = {"limit": limit, "income": round(rng.lognormvariate(10, 0.5))}
    made |= {f"late{month}": min(int(rng.expovariate(1.2)), 6) for month in range(1, MONTHS + 1)}
    made |= {f"bill{month}": round(limit * use * rng.uniform(0.8, 1.1)) for month in range(1, MONTHS + 1)}
    made |= {f"paid{month}": round(limit * use * rng.uniform(0.0, 0.3)) for month in range(1, MONTHS + 1)}
    return made


def questions(people: int) -> Iterator[Question]:
    """By turns an applicant, and somebody by their id."""
    rng = random.Random(9)
    for number in range(REQUESTS):
        if number % 2:
            yield "score", {"applicant": applicant(rng)}
        else:
            yield "score", {"subject": {"ids": [f"key:{_key(rng.randrange(people)):016x}"]}}


def _key(person: int) -> int:
    return (person + 1) * 0x9E3779B97F4A7C15 % (1 << 64)
