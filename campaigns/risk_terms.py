"""What a campaign file says of the risk and credit of people that a line item is shown to: its field ``risk``."""

from collections.abc import Mapping
from typing import Any

from campaigns import values
from campaigns.strategy_terms import Price, factor, probability
from domain.entry import Entry, Wrong
from domain.strategy import RATIO_UNIT
from domain.worth import LEAST_CREDIT, MOST_CREDIT, MOST_RISK, PPM, SCORE_NAMES, UNKNOWN, RiskRules, ScoreMultiplier

RULES = (
    *("max_fraud", "max_device_risk", "block_listed", "min_credit_score", "max_pd", "unknown"),
    "multipliers",
)
MULTIPLIER = ("score", "from", "to", "factor")
MOST_MULTIPLIERS = 16
POINTS = {"fraud": (0, MOST_RISK), "device_risk": (0, MOST_RISK), "credit_score": (LEAST_CREDIT, MOST_CREDIT)}
"""Least and greatest value of each score in points; the others are probabilities."""


def rules(e: Entry, price: Price) -> RiskRules:
    """The field ``risk`` of a line item whose bid is ``price``."""
    given = e.values.get("risk")
    if given is None:
        return RiskRules()
    inside = Entry(given, e.at("risk"), RULES, e.problems)
    found = RiskRules(
        inside.take("max_fraud", values.integer(0, MOST_RISK - 1), MOST_RISK),
        inside.take("max_device_risk", values.integer(0, MOST_RISK - 1), MOST_RISK),
        inside.take("block_listed", values.boolean, False),
        inside.take("min_credit_score", values.integer(LEAST_CREDIT, MOST_CREDIT), 0),
        inside.take("max_pd", probability, PPM),
        inside.take("unknown", values.choice(*UNKNOWN), "allow"),
        inside.take("multipliers", _multipliers, ()),
    )
    if inside.sound and found.unknown == "refuse" and not found.limits:
        inside.wrong("unknown", "refuse", "it says what is done without a score that a limit is about")
    above = inside.sound and any(one.factor > RATIO_UNIT for one in found.multipliers)
    if above and price.strategy and not price.strategy.computed and not price.bid_cap_cpm:
        e.wrong("bid_cap_cpm", None, "it must be given where a multiplier is above 1: no bid is above it")
    e.sound &= inside.sound
    return found


def _multipliers(value: Any) -> tuple[ScoreMultiplier, ...]:
    if isinstance(value, list) and len(value) > MOST_MULTIPLIERS:
        raise Wrong(f"it must have at most {MOST_MULTIPLIERS} entries")
    return values.listed(_multiplier)(value)


def _multiplier(value: Any) -> ScoreMultiplier:
    if not isinstance(value, Mapping):
        raise Wrong(f"it must be a mapping with the fields {', '.join(MULTIPLIER)}")
    allowed = f"there is no such field; the fields here are {', '.join(MULTIPLIER)}"
    faults: list[tuple[str, object, str]] = [(f".{n}", value[n], allowed) for n in value if n not in MULTIPLIER]
    score = value.get("score")
    if not isinstance(score, str) or score not in SCORE_NAMES:
        raise Wrong("", *faults, (".score", score, f"it must be {' or '.join(map(repr, SCORE_NAMES))}"))
    low, high = POINTS.get(score, (0, PPM))
    check = values.integer(low, high) if score in POINTS else probability
    found = {"from": low, "to": high + 1}
    for name in found:
        try:
            found[name] = check(value[name]) if value.get(name) is not None else found[name]
        except Wrong as wrong:
            faults.append((f".{name}", value[name], wrong.allowed))
    if value.get("from") is None and value.get("to") is None:
        faults.append((".from", None, "from or to must be given"))
    elif not faults and found["to"] <= found["from"]:
        faults.append((".to", value["to"], "it must be above from"))
    try:
        times = factor(value.get("factor"))
    except Wrong as wrong:
        times = 0
        faults.append((".factor", value.get("factor"), wrong.allowed))
    if faults:
        raise Wrong("", *faults)
    return ScoreMultiplier(score, found["from"], found["to"], times)
