"""Bid requests whose risk and credit are asked of services over HTTP: what they are told, and that nothing which a
service does, or does not do, costs one bid request.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp.test_utils import TestServer

from api.keys import KeyFile, Keys
from bidder.auction import Wanted
from bidder.config import CreditModuleSettings, RiskModuleSettings, of_deployment
from bidder.enrichment.answer_cache import AnswerCache
from bidder.enrichment.credit import CreditService
from bidder.enrichment.once import ask_once
from bidder.enrichment.profile import ProfileModule
from bidder.enrichment.risk import RiskService
from bidder.worth import Worth
from domain.clock import ManualClock
from domain.events import Bid
from domain.naming import person_key
from domain.worth import CREDIT_FACTS, Fact
from risk.config import RiskSettings
from risk.list_files import Edit
from risk.list_writer import ListWriter
from risk.server import Service as Risk
from targeting.forgotten import Forgotten
from targeting.record import OPT_OUT
from tests.auction_table import NOW_NS, Table, snapshot
from tests.scoring_service import HOSTILE, scoring_service
from tests.unit.bidder.test_http import REQUEST, post, read_answer

PATIENT_MS, BRIEF_MS = 10_000.0, 15.0
"""A machine that is busy with other things makes nobody late who is not to be."""
RULES = {"max_fraud": 700, "max_pd_ppm": 80_000, "block_listed": True}
GOOD_RISK = {"scores": {"fraud": {"score": 120, "reasons": []}, "device_risk": {"score": 30}}, "lists": []}
GOOD_CREDIT = {"score": 712, "pd": 0.031, "p_approved": 0.64, "reasons": [], "version": 1}


def table(**rules: Any) -> Table:
    on = Table(snapshot({"line_items[0]": {"risk": RULES | rules}}))
    on.auction.worth = Worth("remote", "remote")
    return on


def risk(url: str, **more: Any) -> RiskService:
    return RiskService(RiskModuleSettings("remote", url=url, **{"timeout_ms": PATIENT_MS, "connections": 2, **more}))


def credit(url: str, **more: Any) -> CreditService:
    return CreditService(
        CreditModuleSettings("remote", url=url, **{"timeout_ms": PATIENT_MS, "connections": 2, **more})
    )


async def until(reached: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def connected(*modules: RiskService | CreditService) -> None:
    """Returns when the modules can be asked."""
    await until(lambda: all(module.service._idle for module in modules))


def request(person: str = "ann", **more: Any) -> bytes:
    return json.dumps({**REQUEST, "tmax": 60_000, "user": {"buyeruid": person}, **more}).encode()


async def outcome(port: Any, body: bytes) -> int:
    """The ``nbr`` of a no-bid; 0 for a bid."""
    reader, writer = await port.open()
    writer.write(post(body))
    status, _, answer = await read_answer(reader)
    writer.close()
    assert status == 200
    told = json.loads(answer)
    assert told["id"] == "auction-1" and ("nbr" in told) != bool(told["seatbid"])
    return int(told.get("nbr", 0))


def last_bid(on: Table) -> Bid:
    return next(event for event in reversed(on.events()) if isinstance(event, Bid))


async def test_both_are_asked_side_by_side_and_remembered(bid_port: Any) -> None:
    on, met = table(), asyncio.Event()

    async def after_the_other(told: object) -> Any:  # each answers only once the other was asked, too
        if theirs.asked and ours.asked:
            met.set()
        await met.wait()
        body = json.dumps(told).encode()
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async with (
        scoring_service(lambda asked: after_the_other(GOOD_RISK)) as ours,
        scoring_service(lambda asked: after_the_other(GOOD_CREDIT)) as theirs,
    ):
        modules = risk(ours.url, key="k1"), credit(theirs.url)
        async with bid_port(on, modules) as port:
            await connected(*modules)
            device = {**REQUEST["device"], "ip": "203.0.113.9"}
            for _ in range(3):
                assert await outcome(port, request(device=device)) == 0
            facts = Fact.FRAUD | Fact.DEVICE_RISK | Fact.LISTED | Fact.CREDIT_SCORE | Fact.PD | Fact.P_APPROVED
            bid = last_bid(on)
            assert (bid.facts, bid.fraud, bid.device_risk, bid.credit_score) == (facts, 120, 30, 712)
            assert (bid.pd, bid.p_approved) == (0.031, 0.64)
        key = f"key:{person_key('buyeruid', 'ann', 'usx'):016x}"
        subject = {"ids": [key], "ip": "203.0.113.9", "user_agent": REQUEST["device"]["ua"]}
        assert ours.asked == [{"subject": subject, "scores": ["fraud", "device_risk"]}]
        assert theirs.asked == [{"subject": {"ids": [key]}}]
        assert "authorization: bearer k1" in ours.heads[0] and "post /v1/score " in ours.heads[0]
        assert [dict(module.service.ended) for module in modules] == 2 * [
            {"answered": 1, "cached": 2, "late": 0, "unanswered": 0, "wrong": 0, "skipped": 0}
        ]


REFUSED = [
    ({"scores": {"fraud": {"score": 701}}}, GOOD_CREDIT, {}, 540),
    ({**GOOD_RISK, "lists": [{"list": "black", "scope": "global", "reason": "chargeback"}]}, GOOD_CREDIT, {}, 541),
    (GOOD_RISK, {**GOOD_CREDIT, "pd": 0.0801}, {}, 542),
    ({}, {}, {}, 0),  # half answers: what is missing is unknown
    ({}, GOOD_CREDIT, {"unknown": "refuse"}, 541),
    ({"scores": {"device_risk": {"score": 1}}, "lists": []}, GOOD_CREDIT, {"unknown": "refuse"}, 540),
    ({"scores": {"fraud": None}, "lists": []}, {"pd": None}, {"unknown": "refuse", "max_fraud": 1000}, 542),
]


@pytest.mark.parametrize(("told_risk", "told_credit", "rules", "nbr"), REFUSED)
async def test_what_is_told_decides(bid_port: Any, told_risk: Any, told_credit: Any, rules: Any, nbr: int) -> None:
    async with scoring_service(lambda _: told_risk) as ours, scoring_service(lambda _: told_credit) as theirs:
        modules = risk(ours.url), credit(theirs.url)
        async with bid_port(table(**rules), modules) as port:
            await connected(*modules)
            assert await outcome(port, request()) == nbr


@pytest.mark.parametrize("how", [*HOSTILE, "killed"])
async def test_a_hostile_service_costs_no_request(bid_port: Any, how: str) -> None:
    """Each request is bid on; and what the other service says still counts."""
    bad = HOSTILE.get(how, lambda asked: None)
    async with scoring_service(bad) as theirs, scoring_service(lambda asked: GOOD_RISK) as good:
        hostile = theirs.url if how != "killed" else "http://127.0.0.1:1"
        for modules, fact in (
            ((risk(good.url), credit(hostile, timeout_ms=BRIEF_MS)), Fact.FRAUD),
            ((risk(hostile, timeout_ms=BRIEF_MS), credit(good.url)), Fact(0)),
        ):
            on = table()
            async with bid_port(on, modules) as port:
                await connected(modules[0 if fact else 1])
                answers = await asyncio.gather(*(outcome(port, request(f"p{n}")) for n in range(3)))
                assert answers == [0, 0, 0]
                assert port.service.failures == 0
                assert last_bid(on).facts & ~int(Fact.LISTED | Fact.DEVICE_RISK) == int(fact)
                ended = modules[1 if fact else 0].service.ended
                assert sum(ended.values()) == 3 and ended["answered"] == 0, ended


async def test_a_service_that_does_not_answer_is_left_alone_until_it_does(bid_port: Any) -> None:
    well = False
    async with scoring_service(lambda asked: GOOD_CREDIT if well else {"pd": "?"}) as theirs:
        module = credit(theirs.url, breaker_failures=2, breaker_rest_s=3600.0, cache_s=0.0)
        async with bid_port(on := table(), [module]) as port:
            await connected(module)
            for _ in range(4):
                assert await outcome(port, request()) == 0
            assert module.service.resting and len(theirs.asked) == 2
            assert (module.service.ended["wrong"], module.service.ended["skipped"]) == (2, 2)
            assert 'outbid_bidder_module_resting{worker="0",module="credit"} 1' in port.service.metrics()
            well = True
            module.service._rests_until = 0.0  # the hour is over
            for _ in range(2):
                assert await outcome(port, request()) == 0
            assert not module.service.resting and last_bid(on).credit_score == 712
            text = port.service.metrics()
            assert 'outbid_bidder_module_questions_total{worker="0",module="credit",ended="answered"} 2' in text


async def test_more_questions_than_connections_take_turns(bid_port: Any) -> None:
    async with scoring_service(lambda asked: GOOD_RISK) as ours:
        module = risk(ours.url, connections=1, cache_s=0.0)
        async with bid_port(table(unknown="refuse", max_pd_ppm=10**6), [module]) as port:
            await connected(module)
            reader, writer = await port.open()
            writer.write(b"".join(post(request(f"p{n % 15}")) for n in range(20)))
            answers = [await read_answer(reader) for _ in range(20)]
            writer.close()
            assert all(b'"price"' in body for _, _, body in answers)
            assert len(ours.asked) == 15, "those about one person are one while they are on their way"


async def test_a_late_answer_is_known_to_the_next_request(bid_port: Any) -> None:
    told = asyncio.Event()

    async def late() -> Any:
        await told.wait()
        body = json.dumps(GOOD_CREDIT).encode()
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async with scoring_service(lambda asked: late()) as theirs:
        module = credit(theirs.url, timeout_ms=BRIEF_MS)
        async with bid_port(on := table(), [module]) as port:
            await connected(module)
            assert await outcome(port, request()) == 0 and last_bid(on).facts == 0
            told.set()
            await until(lambda: len(module.service._cache))
            assert await outcome(port, request()) == 0 and last_bid(on).credit_score == 712
            assert len(theirs.asked) == 1


async def test_nobody_is_asked_about_who_may_not_be_used(bid_port: Any, tmp_path: Path) -> None:
    """Nor does an id leave as it came."""
    on, forgotten = table(), Forgotten(tmp_path)
    forgotten.add([person_key("buyeruid", "gone", "usx")], 1)
    forgotten.refresh()
    on.people.put("buyeruid:usx:out", {OPT_OUT: 2**32 - 1}, {})
    async with scoring_service(lambda _: GOOD_RISK) as ours, scoring_service(lambda _: GOOD_CREDIT) as theirs:
        modules = risk(ours.url), credit(theirs.url)
        async with bid_port(on, modules) as port:
            _, *others = on.auction.chain.modules
            far = port.service.people is not None and port.service.people.lookup
            on.auction.chain.modules = (ProfileModule(far or on.people, forgotten), *others)
            await connected(*modules)
            assert await outcome(port, request(regs={"coppa": 1})) == 506
            device = REQUEST["device"]
            for unusable in (
                request(device={**device, "lmt": 1, "ip": "203.0.113.9"}),
                request(regs={"gdpr": 1}),
                request(regs={"us_privacy": "1YYN"}),
                request("gone", device={**device, "ip": "203.0.113.9"}),
                json.dumps({key: value for key, value in json.loads(request()).items() if key != "user"}).encode(),
            ):
                assert await outcome(port, unusable) == 0
                assert last_bid(on).facts == 0
            assert not ours.asked and not theirs.asked
            assert await outcome(port, request("out")) == 0 and last_bid(on).facts == 0
            if not far:  # of people far away it is known too late, and then not used
                assert not ours.asked and not theirs.asked
            assert await outcome(port, request("Secret-Id", device={**device, "ifa": "AB-CD"})) == 0
            told = json.dumps([ours.asked, theirs.asked]).lower()
            assert last_bid(on).facts and "secret" not in told and "ab-cd" not in told


async def test_what_an_exchange_sends_does_not_reach_a_service_as_it_is(bid_port: Any) -> None:
    """An address that is none would have the whole question refused, and half a surrogate pair is no JSON."""
    async with scoring_service(lambda _: GOOD_RISK) as ours:
        module = risk(ours.url)
        async with bid_port(on := table(), [module]) as port:
            await connected(module)
            for ip, agent in (("113.76.1.*", "\ud83d"), ("::ffff:203.0.113.9", "x" * 9_000), ("\ud83d", "")):
                device = {**REQUEST["device"], "ip": ip, "ua": agent}
                assert await outcome(port, request(device=device)) == 0 and last_bid(on).fraud == 120
            subjects = [asked["subject"] for asked in ours.asked]
            assert [subject.get("ip") for subject in subjects] == [None, "203.0.113.9", None]
            assert [subject.get("user_agent") for subject in subjects] == ["?", "x" * 512, None]


def test_services_are_asked_on_the_loop_of_production() -> None:
    async def ask() -> object:
        async with scoring_service(lambda asked: GOOD_CREDIT) as theirs:
            return await ask_once(credit(theirs.url), Wanted([7], []))

    assert uvloop.run(ask()) == (int(CREDIT_FACTS), 712, 0.031, 0.64)


async def test_the_risk_service_understands_and_is_understood(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    token, _ = keys.add("bank", ["risk:score"])
    served = Risk(tmp_path, Keys(keys.path), RiskSettings(flows=str(tmp_path)), ManualClock(NOW_NS))
    ann = person_key("buyeruid", "ann", "usx")
    async with TestServer(served.application()) as server:
        lists = served.engine.lists
        listed = Edit(f"key:{ann:016x}", "fraud")
        ListWriter(lists.directory, ManualClock(NOW_NS)).edit("add", "black", "", [listed], "test")
        lists.reload()
        url, agent = str(server.make_url("")), REQUEST["device"]["ua"]
        for whom, black in ((ann, Fact.BLACK), (7, Fact(0))):
            told = await ask_once(risk(url, key=token), Wanted([whom], [], 7, "198.51.100.7", agent))
            assert told.facts == Fact.FRAUD | Fact.DEVICE_RISK | Fact.LISTED | black
        assert await ask_once(risk(url, key="another"), Wanted([ann], [], 7, None, agent)) is None


def test_what_an_answer_is_remembered_by_does_not_grow_with_what_an_exchange_sends() -> None:
    service = risk("http://127.0.0.1:1")
    long = [Wanted([7], [], 7, "203.0.113.9", "Mozilla" * 30_000 + end) for end in ("a", "b")]
    keys = {service.who(wanted) for wanted in long}
    assert len(keys) == 1 and len(repr(keys)) < 1_000
    assert {service.question(wanted) for wanted in long} == {service.question(long[0])}
    assert service.who(Wanted([7], [], 7, None, "Opera")) != service.who(Wanted([7], [], 7, None, None))


async def test_without_a_url_the_deployments_own_service_is_asked_and_no_other_is_told_its_secret(
    tmp_path: Path,
) -> None:
    served = Risk(tmp_path, Keys(tmp_path / "none", "secret"), RiskSettings(flows=str(tmp_path)), ManualClock(NOW_NS))
    async with TestServer(served.application()) as server:
        base = str(server.make_url(""))
        own = of_deployment(RiskModuleSettings("remote", timeout_ms=PATIENT_MS), base, "secret")
        assert await ask_once(RiskService(own), Wanted([7], [])) is not None
    lender = CreditModuleSettings("remote", url="http://lender.example")
    assert of_deployment(lender, base, "secret") == lender and lender.key == ""
    assert of_deployment(CreditModuleSettings(), base, "secret") == CreditModuleSettings()


def test_a_cache_is_bounded_and_keeps_what_is_in_use() -> None:
    cache: AnswerCache[int] = AnswerCache(10.0, 100)
    for n in range(1_000):
        cache.put(n, n, 0.0)
        assert cache.get(0, 1.0) == 0 and len(cache) <= 100
    assert cache.get(999, 9.9) == 999 and cache.get(999, 10.0) is None and cache.get(500, 0.0) is None
    never: AnswerCache[int] = AnswerCache(0.0, 100)
    never.put(1, 1, 0.0)
    assert never.get(1, 0.0) is None
