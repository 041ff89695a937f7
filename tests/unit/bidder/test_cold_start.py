"""A better creative comes to a line item whose others are known: real auctions, priors and draws, made clicks.

Whoever always shows what has the highest mean never shows the new one, whose mean is that of the others.
"""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from domain.campaign import Snapshot
from domain.events import Bid, decode
from pacing.beliefs import FIRST_CTR, FIRST_CVR
from pacing.protocol import BeliefOrder
from prediction.priors import Counts, priors
from tests.auction_table import CAMPAIGNS, Table, snapshot

RATES = {111: 0.005, 112: 0.010, 113: 0.015, 114: 0.020, 115: 0.060}
NEW, KNOWN = 115, 5_000
ROUNDS, AUCTIONS = 24, 150


def campaigns(explore_ppm: int) -> Snapshot:
    known = json.loads(CAMPAIGNS.read_text())
    creatives = known["creatives"] + [{**known["creatives"][0], "id": id_, "key": f"c{id_}"} for id_ in RATES]
    item: dict[str, Any] = {
        "id": 11, "key": "new", "campaign": 1, "name": "", "bid_cpm": 0, "bid_cap_cpm": 10**9, "creatives": [*RATES],
        "targeting": {}, "strategy": {"name": "target_cpc", "goal": 10**9, "explore_ppm": explore_ppm},
    }  # fmt: skip
    return snapshot({"line_items": [item], "creatives": creatives})


def learn(explore_ppm: int, seed: int) -> tuple[float, Counter[int]]:
    """(expected clicks of what was shown, how often each creative was shown in the last third)."""
    table, rng = Table(campaigns(explore_ppm)), np.random.default_rng(seed)
    shown = Counter({creative: KNOWN for creative in RATES if creative != NEW})
    clicks, late = Counter({creative: int(RATES[creative] * KNOWN) for creative in shown}), Counter[int]()
    expected = 0.0
    for number in range(ROUNDS):
        rows = [Counts(1, 1, 11, creative, shown[creative], clicks[creative]) for creative in RATES if shown[creative]]
        found = priors(rows, FIRST_CTR)
        for creative in (0, *RATES):
            a, b = found.of(1, 1, 11, creative)
            table.auction.beliefs.apply(BeliefOrder(11, creative, a, b, *FIRST_CVR, *(0.01, 0.01, 0.0)))
        for n in range(AUCTIONS):
            request = {
                "id": f"{seed}-{number}-{n}", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
                "site": {"page": "https://news.example/"},
            }  # fmt: skip
            table.decide(request)
            bid = decode(table.log[-1])
            assert isinstance(bid, Bid)
            shown[bid.creative] += 1
            clicks[bid.creative] += int(rng.random() < RATES[bid.creative])
            expected += RATES[bid.creative]
            late[bid.creative] += number >= ROUNDS * 2 // 3
        table.log.clear()
    return expected, late


@pytest.fixture(scope="module")
def outcomes() -> dict[int, list[tuple[float, Counter[int]]]]:
    return {explore: [learn(explore, seed) for seed in range(3 if explore else 1)] for explore in (0, 100_000)}


def test_drawing_finds_the_creative_that_people_click_on(outcomes: dict[int, list[tuple[float, Counter[int]]]]) -> None:
    assert all(late[NEW] == 0 for _, late in outcomes[0])
    drawn = [late[NEW] / sum(late.values()) for _, late in outcomes[100_000]]
    assert np.mean(drawn) > 0.6, drawn


def test_what_drawing_costs_comes_back(outcomes: dict[int, list[tuple[float, Counter[int]]]]) -> None:
    """Regret against always showing the best, over the same number of impressions."""
    best = ROUNDS * AUCTIONS * RATES[NEW]
    regret = {explore: np.mean([best - expected for expected, _ in of]) for explore, of in outcomes.items()}
    assert regret[100_000] < 0.8 * regret[0], regret
