"""Risk rules and credit value: from a campaign file to the published snapshot, what may not stand there, and back."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from campaigns.catalogue import Catalogue
from campaigns.reading import Reading
from domain.errors import Refused
from domain.strategy import Strategy
from domain.worth import RiskRules, ScoreMultiplier
from tests.unit.campaigns.test_importing import Desk
from tests.unit.campaigns.test_strategy_terms import IN_LINE, published, told

CREDIT: dict[str, Any] = {
    "bid_cpm": None, "strategy": "credit_value", "bid_cap_cpm": 8, "margin": "120.50", "exposure": 2500, "lgd": "45%",
    "p_approved": "55%", "pd": "0%",
}  # fmt: skip
STEP = {"score": "fraud", "from": 400, "to": 700, "factor": 0.5}


@pytest.fixture
def desk(tmp_path: Any, store: Any) -> Desk:
    return Desk(tmp_path, store)


def test_rules_and_terms_go_all_the_way_to_the_snapshot(desk: Desk) -> None:
    rules = {
        "max_fraud": 700, "max_device_risk": 0, "block_listed": True, "min_credit_score": 600, "max_pd": "8.25%",
        "unknown": "refuse", "multipliers": [STEP, {"score": "pd", "to": "2%", "factor": 1.3}],
    }  # fmt: skip
    item = published(desk, told({**CREDIT, "conversion": "application", "risk": rules}))
    assert item.strategy == Strategy(
        "credit_value", 0, "application", margin=120_500_000_000, exposure=2500 * 10**9, lgd_ppm=450_000,
        p_approved_ppm=550_000, pd_ppm=0,
    )  # fmt: skip
    steps = ScoreMultiplier("fraud", 400, 700, 500_000), ScoreMultiplier("pd", 0, 20_000, 1_300_000)
    assert item.risk == RiskRules(700, 0, True, 600, 82_500, "refuse", steps)
    assert not desk.take(told({**CREDIT, "conversion": "application", "risk": rules})).changed
    item = published(desk, told({"risk": {"multipliers": [{"score": "p_approved", "from": "50%", "factor": 0.9}]}}))
    assert item.risk == RiskRules(multipliers=(ScoreMultiplier("p_approved", 500_000, 1_000_001, 900_000),))
    assert published(desk, told({})).risk == RiskRules()


MISTAKES: list[tuple[dict[str, Any], str, object, str]] = [
    *(
        ({**CREDIT, field: None}, field, None, "must be given")
        for field in ("margin", "exposure", "lgd", "p_approved", "pd")
    ),
    ({**CREDIT, "margin": 0}, "margin", 0, "above 0"),
    ({**CREDIT, "lgd": 0.45}, "lgd", 0.45, "a share such as"),
    ({**CREDIT, "pd": "101%"}, "pd", "101%", "a probability such as"),
    ({**CREDIT, "goal": 3}, "goal", 3, "'target_cpc'"),
    ({"margin": 3}, "margin", 3, "'credit_value'"),
    ({"risk": 700}, "risk", 700, "must be a mapping"),
    ({"risk": {"max_frauds": 1}}, "risk.max_frauds", 1, "no such field"),
    ({"risk": {"max_fraud": 1000}}, "risk.max_fraud", 1000, "from 0 to 999"),
    ({"risk": {"max_fraud": "700"}}, "risk.max_fraud", "700", "whole number"),
    ({"risk": {"min_credit_score": 299}}, "risk.min_credit_score", 299, "from 300 to 900"),
    ({"risk": {"max_pd": 0.08}}, "risk.max_pd", 0.08, "a probability such as"),
    ({"risk": {"block_listed": 1}}, "risk.block_listed", 1, "true or false"),
    ({"risk": {"unknown": "refuse"}}, "risk.unknown", "refuse", "without a score that a limit is about"),
    ({"risk": {"max_fraud": 1, "unknown": "ask"}}, "risk.unknown", "ask", "'allow' or 'refuse'"),
    ({"risk": {"multipliers": STEP}}, "risk.multipliers", None, "must be a list"),
    ({"risk": {"multipliers": [STEP] * 17}}, "risk.multipliers", None, "at most 16"),
    ({"risk": {"multipliers": ["fraud"]}}, "risk.multipliers[0]", "fraud", "must be a mapping"),
    ({"risk": {"multipliers": [{**STEP, "score": "luck"}]}}, "risk.multipliers[0].score", "luck", "'fraud' or"),
    ({"risk": {"multipliers": [{**STEP, "to": 400}]}}, "risk.multipliers[0].to", 400, "above from"),
    ({"risk": {"multipliers": [{**STEP, "to": 1001}]}}, "risk.multipliers[0].to", 1001, "from 0 to 1000"),
    ({"risk": {"multipliers": [{**STEP, "factor": 0}]}}, "risk.multipliers[0].factor", 0, "from 0.1 to 10"),
    ({"risk": {"multipliers": [{**STEP, "why": 1}]}}, "risk.multipliers[0].why", 1, "no such field"),
    ({"risk": {"multipliers": [{"score": "pd", "factor": 2}]}}, "risk.multipliers[0].from", None, "from or to"),
    ({"risk": {"multipliers": [{**STEP, "factor": 2}]}}, "bid_cap_cpm", None, "where a multiplier is above 1"),
]


def test_what_makes_no_rule_is_refused_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "prime.txt").write_text("ifa:A1\n")
    for said, path, value, allowed in MISTAKES:
        ids = count(1)
        reading = Reading(Catalogue(), tmp_path, lambda kind, ids=ids: next(ids), "2026-09-01")
        with pytest.raises(Refused) as refused:
            reading.read(told(said))
        reading.close()
        (problem,) = refused.value.problems
        assert problem.path == f"{IN_LINE}.{path}" and allowed in problem.allowed, (said, problem)
        assert value is None or str(problem.value) == str(value)


def test_back_before_risk_what_was_bid_by_credit_value_is_paused(desk: Desk) -> None:
    desk.take(told({**CREDIT, "risk": {"max_fraud": 700}}))
    desk.store.migrate("0021")
    with desk.store.write() as conn:
        row = conn.execute(sa.text("SELECT bid_cpm, status, strategy FROM line_items WHERE key = 'l1'")).one()
    assert (row[0], row[1]) == (8_000_000, "paused") and str(row[2]) == "{}"
    desk.store.migrate()
    item = next(one for one in desk.stored().line_items.values() if one.key == "l1")
    assert (item.risk, item.strategy, item.status) == (RiskRules(), Strategy(), "paused")
