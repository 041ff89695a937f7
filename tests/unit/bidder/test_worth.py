"""Limits, multipliers and credit value by what is known of a person: against the same rules in plain Python, with the
facts from profiles, from tables and as services tell them.
"""

import errno
import math
import struct
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from bidder.auction import NoBid
from bidder.config import CreditModuleSettings, RiskModuleSettings
from bidder.enrichment.tables import Tables
from bidder.explain import explain
from bidder.readiness import never_told
from bidder.worth import Worth
from cython_ext.key_table import write_key_table
from domain.clock import ManualClock
from domain.events import Bid, decode
from domain.naming import person_key
from domain.person import score_id
from domain.strategy import Strategy
from domain.worth import PPM, PROFILE_SCORES, Fact, RiskRules, ScoreMultiplier
from risk.list_files import Edit
from risk.list_reading import Defaults, read_list
from risk.list_writer import Import, ListWriter
from targeting.record import Scored
from tests.auction_table import NOW_NS, Table, snapshot
from tests.unit.bidder.test_http import BODY, REQUEST

NAMES = tuple(PROFILE_SCORES)
FACT = {
    "fraud": Fact.FRAUD, "device_risk": Fact.DEVICE_RISK, "credit_score": Fact.CREDIT_SCORE, "pd": Fact.PD,
    "p_approved": Fact.P_APPROVED,
}  # fmt: skip
ANN = person_key("buyeruid", "ann", "usx")
FACTS = dict[str, Any]


def some_facts(draw: Random) -> FACTS:
    """Any of them may be missing; probabilities are such that 32 bits hold them."""
    every = {
        "fraud": draw.choice([0, 400, 700, 701, 1000]),
        "device_risk": draw.choice([0, 300, 301]),
        "credit_score": draw.choice([300, 599, 600, 900]),
        "pd": draw.choice([0.0, 0.0625, 0.25, 1.0]),
        "p_approved": draw.choice([0.0, 0.5, 1.0]),
        "listed": draw.random() < 0.3,
    }
    return {name: value for name, value in every.items() if draw.random() < 0.7}


def some_rules(draw: Random) -> RiskRules:
    limits: dict[str, Any] = {
        "max_fraud": 700, "max_device_risk": 300, "block_listed": True, "min_credit_score": 600, "max_pd_ppm": 62_500,
    }  # fmt: skip
    steps = [
        ScoreMultiplier("fraud", 400, 700, 500_000),
        ScoreMultiplier("pd", 0, 62_500, 1_500_000),
        ScoreMultiplier("p_approved", 500_000, PPM + 1, 1_250_000),
        ScoreMultiplier("credit_score", 300, 600, 100_000),
        ScoreMultiplier("device_risk", 0, 301, 150_000),
    ]
    return RiskRules(
        **{name: value for name, value in limits.items() if draw.random() < 0.4},
        unknown=draw.choice(["allow", "refuse"]),
        multipliers=tuple(step for step in steps if draw.random() < 0.5),
    )


def twin(rules: RiskRules, facts: FACTS, strategy: Strategy) -> tuple[int, float]:
    """The no-bid reason, or 0 and the CPM: the documentation once more."""
    kept_out = set()
    for limit, name, bad, code in (
        (rules.block_listed, "listed", lambda v: v, 541),
        (rules.max_fraud < 1000, "fraud", lambda v: v > rules.max_fraud, 540),
        (rules.max_device_risk < 1000, "device_risk", lambda v: v > rules.max_device_risk, 540),
        (rules.min_credit_score > 0, "credit_score", lambda v: v < rules.min_credit_score, 542),
        (rules.max_pd_ppm < PPM, "pd", lambda v: v > rules.max_pd_ppm / PPM, 542),
    ):
        if limit and (bad(facts[name]) if name in facts else rules.unknown == "refuse"):
            kept_out.add(code)
    for code in (541, 540, 542):
        if code in kept_out:
            return code, 0.0
    factor = 1.0
    for step in rules.multipliers:
        unit = PPM if step.score in ("pd", "p_approved") else 1
        if step.score in facts and step.least / unit <= facts[step.score] < step.below / unit:
            factor *= step.factor / PPM
    factor = min(max(factor, 0.1), 10.0)
    if strategy.name == "fixed_cpm":
        return 0, min(2.0 * factor, 9.0)
    pd, p = facts.get("pd", strategy.pd_ppm / PPM), facts.get("p_approved", strategy.p_approved_ppm / PPM)
    worth = 0.001 * 0.01 * p * (strategy.margin - pd * strategy.lgd_ppm / PPM * strategy.exposure) / 1e9
    return (0, min(worth * factor * 1000, 9.0)) if worth > 0 else (503, 0.0)


def put(mode: str, on: Table, facts: FACTS, data: Path) -> FACTS:
    """Has the table know this, and says what can be known of it in this mode."""
    score = {name: facts[name] for name in NAMES if name in facts}
    if mode == "profile":
        whole = {name: round(v * PPM) if name in ("pd", "p_approved") else v for name, v in score.items()}
        scores = {score_id(PROFILE_SCORES[name]): Scored(value, 1) for name, value in whole.items()}
        on.people.put("buyeruid:usx:ann", {}, {}, scores=scores)
        return score
    if mode == "remote":
        known = int(sum(FACT[name] for name in score))
        told = known & 7 | (4 if "listed" in facts else 0) | (8 if facts.get("listed") else 0)
        on.auction.worth.tell(
            (told, score.get("fraud", 0), score.get("device_risk", 0)),
            (known & 112, score.get("credit_score", 0), score.get("pd", 0.0), score.get("p_approved", 0.0)),
        )
        return facts
    no_points = 0xFFFF
    risk = struct.pack(
        "<HHHHI", score.get("fraud", no_points), score.get("device_risk", no_points), facts.get("listed", False), 0, 1
    )
    credit = struct.pack(
        "<HHffI",
        score.get("credit_score", no_points),
        0,
        score.get("pd", math.nan),
        score.get("p_approved", math.nan),
        1,
    )
    keys = np.array([7, ANN], np.uint64)
    for name, row in (("risk", risk), ("credit", credit)):
        (data / name).mkdir(exist_ok=True)
        write_key_table(str(data / name / "people.table"), keys, bytes(len(row)) + row, len(row))
    tables = Tables(on.auction.worth, RiskModuleSettings(), CreditModuleSettings(), data)
    tables.look()
    return {"listed": False, **facts}


STRATEGIES = (
    Strategy(),
    Strategy(
        "credit_value", explore_ppm=0, margin=120 * 10**9, exposure=2500 * 10**9, lgd_ppm=450_000,
        p_approved_ppm=550_000, pd_ppm=60_000,
    ),
)  # fmt: skip


@pytest.mark.parametrize("mode", ["profile", "in_process", "remote"])
def test_bids_are_those_of_the_twin(mode: str, tmp_path: Path) -> None:
    draw, reasons = Random(20), set()
    body = {**REQUEST, "imp": [{**REQUEST["imp"][0], "bidfloor": 0}]}
    for turn in range(50):
        rules, strategy = some_rules(draw), STRATEGIES[turn % 2]
        item = {
            "risk": msgspec.to_builtins(rules), "strategy": msgspec.to_builtins(strategy), "bid_cap_cpm": 9_000_000,
            "bid_cpm": 0 if strategy.computed else 2_000_000,
        }  # fmt: skip
        on = Table(snapshot({"line_items[0]": item}))
        on.auction.worth = Worth(mode, mode)
        facts = put(mode, on, some_facts(draw), tmp_path)
        code, cpm = twin(rules, facts, strategy)
        outcome = on.decide(body)
        reasons.add(code)
        if isinstance(outcome, NoBid):
            assert (int(outcome.reason), outcome.stage) == (code, "pricing" if code == 503 else "risk"), (rules, facts)
            continue
        assert code == 0, (rules, facts)
        assert outcome["seatbid"][0]["bid"][0]["price"] == pytest.approx(cpm, abs=2e-6), (rules, facts)
        bid = next(event for event in map(decode, on.log) if isinstance(event, Bid))
        wanted = rules.facts | (Fact.PD | Fact.P_APPROVED if strategy.computed else Fact(0))
        for name in NAMES:
            if wanted & FACT[name]:
                assert bool(bid.facts & FACT[name]) == (name in facts)
                assert getattr(bid, name) == pytest.approx(facts.get(name, 0))
        if not wanted:
            assert not bid.facts
    assert reasons == {0, 540, 541, 542, 503}


def test_explain_tells_what_was_known_and_why_it_kept_line_items_out() -> None:
    on = Table(snapshot({"line_items[0]": {"risk": {"max_fraud": 700, "max_pd_ppm": 80_000}}}))
    scores = {score_id("fraud"): Scored(701, 1), score_id("pd_ppm"): Scored(31_000, 1)}
    on.people.put("buyeruid:usx:ann", {}, {}, scores=scores)
    found = explain(on.auction, BODY, on.view.sellers["usx"], on.view)
    assert found.request["fraud"] == 701 and found.request["pd"] == "3.10%"
    (removal,) = found.stages["risk"]
    assert removal.why == "the fraud score, 701, is above 700" and removal.line_items == ("open",)
    on = Table(snapshot({"line_items[0]": {"strategy": msgspec.to_builtins(STRATEGIES[1]), "bid_cap_cpm": 9_000_000}}))
    on.people.put("buyeruid:usx:ann", {}, {}, scores={score_id("pd_ppm"): Scored(10_000, 1)})
    (bid,) = explain(on.auction, BODY, on.view.sellers["usx"], on.view).bids
    said: Any = bid["prediction"]
    assert said["pd"] == "1.00%" and said["p_approved"] == "55.00%, as the line item has it: it is not known"


def out_of_files(path: str) -> None:
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_table_that_changes_is_used_and_a_broken_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on = Table(snapshot({"line_items[0]": {"risk": {"max_fraud": 700}}}))
    on.auction.worth = Worth("in_process", "in_process")
    path, key = tmp_path / "risk" / "people.table", np.array([ANN], np.uint64)
    path.parent.mkdir()
    tables = Tables(on.auction.worth, RiskModuleSettings(), CreditModuleSettings(), tmp_path)
    tables.look()
    assert not isinstance(on.decide(REQUEST), NoBid)
    for fraud in (900, 100, 800):
        write_key_table(str(path), key, struct.pack("<HHHHI", fraud, 0, 0, 0, 1), 12)
        tables.look()
        assert isinstance(on.decide(REQUEST), NoBid) == (fraud > 700)
    write_key_table(str(path), key, struct.pack("<HHHHI", 100, 0, 0, 0, 1), 12)
    with monkeypatch.context() as patched:  # no file can be opened now
        patched.setattr("bidder.enrichment.tables.KeyTable", out_of_files)
        tables.look()
    assert isinstance(on.decide(REQUEST), NoBid)
    tables.look()
    assert not isinstance(on.decide(REQUEST), NoBid), "it is looked at again"
    write_key_table(str(path), key, struct.pack("<HHHHI", 800, 0, 0, 0, 1), 12)
    tables.look()
    path.with_suffix(".new").write_bytes(b"no table")
    path.with_suffix(".new").rename(path)
    for _ in range(2):
        tables.look()
        assert isinstance(on.decide(REQUEST), NoBid), "the last good one counts"
        assert "people.table" in tables.trouble["risk"], "it is told as long as it is so"
    path.unlink()
    tables.look()
    assert not tables.trouble
    assert not isinstance(on.decide(REQUEST), NoBid), "taken away, nobody is known"


def test_a_probability_at_its_limit_is_at_its_limit_in_a_table_too(tmp_path: Path) -> None:
    (tmp_path / "credit").mkdir()
    for limit in (70_000, 80_000, 500_000):  # in 32 bits 7 % is more than that
        on = Table(snapshot({"line_items[0]": {"risk": {"max_pd_ppm": limit}}}))
        on.auction.worth = Worth("off", "in_process")
        for pd, bids in ((limit, True), (limit + 1, False)):
            row = struct.pack("<HHffI", 600, 0, pd / PPM, 0.5, 1)
            write_key_table(str(tmp_path / "credit" / "people.table"), np.array([ANN], np.uint64), row, 16)
            Tables(on.auction.worth, RiskModuleSettings(), CreditModuleSettings(), tmp_path).look()
            assert isinstance(on.decide(REQUEST), NoBid) != bids, (limit, pd)


def test_what_no_live_line_item_asks_for_is_not_looked_for() -> None:
    on = Table()
    assert on.view.facts == 0
    on.auction.worth = None  # type: ignore[assignment]
    assert not isinstance(on.decide(REQUEST), NoBid)


def test_lists_of_this_host_count_at_once_and_whole(tmp_path: Path) -> None:
    """Real lists: keys, addresses and ranges; the institution's own exceptions; changes since; what expires."""
    now_s = NOW_NS // 10**9
    on = Table(snapshot({"line_items[0]": {"risk": {"block_listed": True}}}))
    on.auction.worth = Worth("in_process", "off")
    settings = RiskModuleSettings(institution="north")
    tables = Tables(on.auction.worth, settings, CreditModuleSettings(), tmp_path)
    writer = ListWriter(tmp_path / "risk" / "lists", ManualClock(NOW_NS))

    def bids(person: str = "ann", ip: str = "198.51.100.7") -> bool:
        outcome = on.decide({**REQUEST, "user": {"buyeruid": person}, "device": {**REQUEST["device"], "ip": ip}})
        assert not isinstance(outcome, NoBid) or int(outcome.reason) == 541
        return not isinstance(outcome, NoBid)

    def write(name: str, institution: str, *ids: str, expires_s: int = 0) -> None:
        path = tmp_path / "ids.csv"
        path.write_text("\n".join(ids))
        read = read_list(path, Defaults("fraud", "test", expires_s), now_s)
        writer.import_file(Import(name, institution, "add", "test", str(path), "fraud", "test"), read)  # type: ignore[arg-type]
        tables.look()

    assert bids(), "no lists yet: nobody is on any"
    key = f"key:{ANN:016x}"
    write("black", "", "key:0000000000000007", "ip:203.0.113.0/24")
    assert bids() and not bids(ip="203.0.113.9") and bids(ip="no address") and bids(ip="::1")
    write("black", "", key)
    assert not bids() and bids("bob")
    write("white", "north", key)
    assert bids(), "the institution's own exception"
    write("black", "south", f"key:{person_key('buyeruid', 'bob', 'usx'):016x}")
    assert bids("bob"), "another institution's list"
    write("black", "north", f"key:{person_key('buyeruid', 'bob', 'usx'):016x}", expires_s=now_s + 60)
    assert not bids("bob")
    on.clock.advance(61)
    assert bids("bob"), "its time is over"
    cy = f"key:{person_key('buyeruid', 'cy', 'usx'):016x}"
    writer.edit(
        "add", "black", "", [Edit(cy, "fraud", "test", 0), Edit("ip:2001:db8::/32", "fraud", "test", 0)], "test"
    )
    assert bids("cy"), "not looked at yet"
    tables.look()
    assert not bids("cy") and not bids("dan", ip="2001:db8::7")


def test_limits_that_can_never_hold_are_told() -> None:
    asked = Fact.FRAUD | Fact.LISTED | Fact.PD
    for modes, never in (
        (("profile", "profile"), Fact.LISTED), (("off", "off"), asked), (("in_process", "off"), Fact.PD),
        (("remote", "profile"), Fact(0)),
    ):  # fmt: skip
        assert never_told(asked, Worth(*modes)) == never
