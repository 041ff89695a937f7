"""Offers over HTTP: chosen, counted, recorded with their propensities, and learnt from."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from api.application import application
from api.keys import KeyFile, Keys
from credit import outcomes
from credit.learning import Lessons, model_of
from credit.match_api import SCOPES, Matching
from credit.match_config import OfferSettings
from credit.match_desk import MatchDesk
from credit.match_features import NAMES
from credit.match_log import FOLDER, MatchReader, MatchRecord, Offered, forget
from credit.matching import MOST_OFFERS, Standing
from credit.outcomes import Outcome, OutcomeBook
from credit.product_file import catalogue_of
from domain.clock import SECOND, ManualClock
from domain.errors import Unavailable
from eventlog.frames import LogFull
from eventlog.writer import LogBusy
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told, request_seconds
from targeting.forgotten import Forgotten
from targeting.identity_keys import parse_person

NOW = 1_790_000_000 * SECOND

PRODUCTS = """
currency: USD
lenders:
  - key: north
    name: North
    institution: north-group
    offers: {{total: {total}}}
    products:
      - {{key: dear, name: Dear, amount: {{min: 100, max: 9000}}, term_months: [6, 12], apr: {{min: 1, max: 2}},
         payout: {{fixed: 50}}, prior: {{approval: 20%, worth: 5}}, eligibility: {{credit.score: [">=600"]}}}}
      - {{key: cheap, name: Cheap, amount: {{min: 100, max: 9000}}, term_months: [12], apr: {{min: 1, max: 2}},
         payout: {{fixed: 30}}, prior: {{approval: 20%, worth: 5}}}}
  - key: south
    name: South
    products:
      - {{key: other, name: Other, amount: {{min: 100, max: 900}}, term_months: [12], apr: {{min: 1, max: 2}},
         payout: {{fixed: 10}}, prior: {{approval: 20%, worth: 5}}, answer_days: 3}}
"""


def scorer(applicant: Any, keys: tuple[int, ...]) -> Standing:
    return Standing(700.0, 0.04, 0.5) if keys == (parse_person("email:a@b.example"),) else Standing()


class Service:
    """A desk behind an application, and who may call it."""

    def __init__(self, data: Path, clock: ManualClock, total: int = 50_000) -> None:
        self.data, self.clock = data, clock
        (data / "credit").mkdir(parents=True, exist_ok=True)
        self.write(total)
        file = KeyFile(data / "api-keys.json")
        self.operator, _ = file.add("", SCOPES)
        self.south, _ = file.add("south", SCOPES)
        self._keys = Keys(data / "api-keys.json")

    def write(self, total: int) -> None:
        (self.data / "credit" / "products.yaml").write_text(PRODUCTS.format(total=total))

    async def __aenter__(self) -> "Service":
        settings = OfferSettings(fit_s=1e9)
        self.desk = MatchDesk(self.data / "credit", settings, self.clock)
        await self.desk.start()
        families = (request_seconds("credit"),)
        app = application(
            "t", "1", Matching(self.desk, scorer).operations(), self._keys,
            told=Told(self._page, self._ready), requests=Requests(families[0]), lag=LoopLag(),
        )  # fmt: skip
        self.client = TestClient(TestServer(app))
        await self.client.start_server()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.client.close()
        await self.desk.close()

    async def _page(self) -> Page:
        return Page(())

    async def _ready(self) -> Readiness:
        return Readiness("credit")

    async def post(self, path: str, body: Any, key: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key or self.operator}"}
        async with self.client.post(path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, key: str) -> tuple[int, Any]:
        async with self.client.get(path, headers={"Authorization": f"Bearer {key}"}) as answer:
            return answer.status, await answer.json()


async def until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.05)


def records(data: Path) -> list[MatchRecord]:
    reader = MatchReader(data / "credit" / FOLDER)
    return [record for part in iter(lambda: list(reader.read()), []) for record in part]


async def test_a_match_is_answered_counted_recorded_and_learnt_from(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    async with Service(tmp_path, clock) as service:
        asked = {"amount": 500.5, "term_months": 12, "subject": {"ids": ["email:a@b.example"]}, "offers": 3}
        status, answer = await service.post("/v1/match", asked)
        assert status == 200
        assert {offer["product"] for offer in answer["offers"]} == {"north/dear", "north/cheap", "south/other"}
        assert (answer["score"], answer["pd"], answer["eligible"]) == (700.0, 0.04, 3)
        (record,) = records(tmp_path)
        places, shares = record.chosen_from()
        assert (record.id, record.institution, record.amount) == (answer["match_id"], "", 500_500_000_000)
        assert record.person_keys() == (parse_person("email:a@b.example"),)
        assert places.tolist() == [0, 1, 2] and shares.sum() == pytest.approx(1)
        # each one's probability after those before it
        by_path = dict(zip(["north/dear", "north/cheap", "south/other"], shares, strict=True))
        left = 1.0
        for offer, told in zip(record.offers, answer["offers"], strict=True):
            assert (offer.product, offer.propensity) == (told["product"], told["propensity"])
            assert offer.propensity == pytest.approx(by_path[offer.product] / left, rel=1e-4)
            assert told["expected_value"] == pytest.approx(told["p_approved"] * told["payout"] - told["expected_loss"])
            left -= by_path[offer.product]

        stranger = {"amount": 500, "term_months": 12}
        before = (await service.post("/v1/match", {**stranger, "offers": 2}))[1]
        assert {offer["product"] for offer in before["offers"]} == {"north/cheap", "south/other"}, "without a score"
        book = OutcomeBook(outcomes.directory(tmp_path), outcomes.SERVICE)
        for _ in range(15):
            found = (await service.post("/v1/match", {**stranger, "offers": 2}))[1]
            for product, kind in (("north/cheap", "rejected"), ("other", "disbursed")):
                taken = book.take(Outcome(found["match_id"], kind, 1_790_000_000, product=product))
                assert taken.status == "recorded"
        foreign = book.take(Outcome(before["match_id"], "approved", 1, product="cheap", institution="south"))
        book.wait(foreign.position)
        book.close()
        await until(lambda: len(service.desk.lessons) == 30)
        assert (len(service.desk.lessons), service.desk.lessons.foreign) == (30, 1)
        after = (await service.post("/v1/match", {**stranger, "offers": 2}))[1]
        rate = {o["product"]: o["p_approved"] for o in before["offers"]}
        moved = {o["product"]: o["p_approved"] for o in after["offers"]}
        assert moved["north/cheap"] < rate["north/cheap"] < 0.4 < moved["south/other"]
    async with Service(tmp_path, clock) as again:  # a fit of all that the logs have
        await until(lambda: again.desk.learnt == 30)
        found = (await again.post("/v1/match", {**stranger, "offers": 2}))[1]
        fitted = {o["product"]: o["p_approved"] for o in found["offers"]}
        assert fitted == pytest.approx(moved, abs=0.12)
        assert records(tmp_path)[-1].learnt == 30
    person = parse_person("email:a@b.example")
    assert record.tags()["credit.score"] == 700.0
    assert forget(tmp_path / "credit" / FOLDER, [person]) == 1
    blank = records(tmp_path)[0]
    assert (blank.person_keys(), blank.tags(), blank.offers) == ((0,), {}, record.offers)
    Forgotten(tmp_path).add([person], 1)
    async with Service(tmp_path, clock) as again:
        await again.post("/v1/match", asked)
        assert records(tmp_path)[-1].person_keys() == (0,)


async def test_quotas_hold_over_restarts_and_changes_of_the_file(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    body = {"amount": 5_000, "term_months": 12}
    async with Service(tmp_path, clock, total=3) as service:
        for _ in range(2):
            status, answer = await service.post("/v1/match", body)
            assert (status, [offer["product"] for offer in answer["offers"]]) == (200, ["north/cheap"])
            await service.desk.renew()
        with pytest.raises(LogBusy):
            MatchDesk(tmp_path / "credit", OfferSettings(), clock)
    async with Service(tmp_path, clock, total=3) as service:
        assert len((await service.post("/v1/match", body))[1]["offers"]) == 1
        clock.time_ns += 20 * SECOND
        await service.desk.renew()
        status, answer = await service.post("/v1/match", body)
        assert (status, answer["offers"], answer["eligible"]) == (200, [], 1)
        service.write(4)
        clock.time_ns += 20 * SECOND
        await service.desk.look()
        assert len((await service.post("/v1/match", body))[1]["offers"]) == 1
        (tmp_path / "credit" / "products.yaml").write_text("currency: USD\nlenders: []\n")
        await service.desk.look()
        assert "there must be a lender with a product" in service.desk.trouble["products"]
        assert (await service.get("/v1/products", service.operator))[1]["products"][0]["left"] == {
            "lender_offers_total": 0
        }
    assert len([offer for record in records(tmp_path) for offer in record.offers]) == 4


async def test_a_file_of_products_that_could_not_be_taken_up_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with Service(tmp_path, ManualClock(NOW), total=3) as service:
        before = service.desk.version
        service.write(44)
        with monkeypatch.context() as patched:
            patched.setattr("credit.match_desk.keep_catalogue", full)
            for _ in range(2):
                await service.desk.look()
                assert service.desk.version == before and "No space left" in service.desk.trouble["products"]
        await service.desk.look()
        assert service.desk.version != before and not service.desk.trouble


async def test_a_match_that_cannot_be_recorded_uses_no_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(record: bytes) -> int:
        raise LogFull(errno.ENOSPC, "No space left on device")

    body = {"amount": 5_000, "term_months": 12}
    async with Service(tmp_path, ManualClock(NOW), total=2) as service:
        with monkeypatch.context() as patched:
            patched.setattr(service.desk._log, "keep", full)
            for _ in range(5):
                status, answer = await service.post("/v1/match", body)
                assert status == 503 and "cannot be recorded" in answer["detail"]
                await service.desk.renew()
        found = [(await service.post("/v1/match", body))[1]["offers"] for _ in range(2)]
        assert [len(offers) for offers in found] == [1, 1]
        await service.desk.renew()
        assert (await service.post("/v1/match", body))[1]["offers"] == []
        assert (service.desk.made, service.desk.lost) == (3, 5)


async def test_an_answer_names_the_catalogue_that_its_offers_are_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Service(tmp_path, ManualClock(NOW)) as service:
        keep = service.desk._log.keep

        async def slowly(record: bytes) -> int:
            end = await keep(record)
            service.write(3)  # another one is in use before the answer is sent
            await service.desk.look()
            return end

        monkeypatch.setattr(service.desk._log, "keep", slowly)
        before = service.desk.version
        status, answer = await service.post("/v1/match", {"amount": 500, "term_months": 12})
        assert status == 200 and service.desk.version != before == answer["catalogue"]
        assert [kept.catalogue for kept in records(tmp_path)] == [before]


async def test_wrong_calls_are_refused_with_what_is_allowed(tmp_path: Path) -> None:
    async with Service(tmp_path, ManualClock(NOW)) as service:
        for body, field, allowed in (
            ({"amount": 0}, "amount", "it must be a number above 0"),
            ({"amount": 1e-10}, "amount", "0.000000001 or more"),
            ({"amount": 5, "tags": {"wealth": {"x": 1}}}, "tags", "identity"),
            ({"amount": 5, "tags": {"credit": {"scor": 1}}}, "tags.credit.scor", "the tags of credit are bankrupt"),
            ({"amount": 5, "tags": {"credit": {"pd": 2}}}, "tags.credit.pd", "from 0 to 1"),
            ({"amount": 5, "subject": {"ids": ["x"]}}, "subject.ids[0]", "a person is written"),
        ):
            status, answer = await service.post("/v1/match", body)
            assert status == 422, answer
            assert allowed in answer["errors"][0]["allowed"], answer
            assert answer["errors"][0]["field"].startswith(field)
        status, answer = await service.post("/v1/match/batch", {"items": [{"amount": 500}, {"amount": -1}]})
        assert [item["status"] for item in answer["items"]] == [200, 422]
        assert (await service.post("/v1/match", {"amount": 5}, "obk_wrong_key"))[0] == 401
        status, answer = await service.get("/v1/products", service.south)
        assert [product["product"] for product in answer["products"]] == ["south/other"]
        (tmp_path / "credit" / "products.yaml").unlink()
    async with Service(tmp_path / "none", ManualClock(NOW)) as service:
        pass
    (tmp_path / "none" / "credit" / "products.yaml").unlink()
    desk = MatchDesk(tmp_path / "none" / "credit", OfferSettings(), ManualClock(NOW))
    await desk.start()
    assert "there is no file" in desk.missing and not desk.trouble, "who wants no offers has no trouble"
    with pytest.raises(Unavailable, match="there is no file"):
        _ = desk.matcher
    (tmp_path / "none" / "credit" / "products.yaml").write_text(PRODUCTS.format(total=9))
    await desk.look()
    assert desk.matcher and not desk.missing and not desk.trouble
    (tmp_path / "none" / "credit" / "products.yaml").unlink()
    await desk.look()
    assert desk.matcher and "there is no file" in desk.trouble["products"], "its offers are made still"
    await desk.close()
    named = MatchDesk(tmp_path / "named" / "credit", OfferSettings(products="none.yaml"), ManualClock(NOW))
    await named.start()
    assert "none.yaml" in named.trouble["products"], "a file that was named should be there"
    await named.close()


def test_the_first_answer_counts_and_silence_is_one() -> None:
    import yaml

    catalogue = catalogue_of(yaml.safe_load(PRODUCTS.format(total=9)))
    lessons = Lessons()
    lessons.owners = {"north": "north-group"}

    def record(id_: str, *products: str) -> MatchRecord:
        offers = tuple(Offered(path, 0.1, 1.0, 0.5, (1.0,) * len(NAMES)) for path in products)
        return MatchRecord(id_, NOW, "broker", b"", 1, 0, 1.0, 1.0, 1.0, b"", "", "", 0.0, 0, 0, b"", b"", offers)

    assert lessons.happened(Outcome("early", "approved", 1, product="cheap", institution="north-group")) is None
    assert [answer.approved for answer in lessons.matched(record("early", "north/cheap"))] == [True]
    for number in range(1_000):  # of a match that nobody has made
        assert lessons.happened(Outcome("none", "approved", 1, id=str(number))) is None
    assert lessons.unknown == 1_000 - 2 * MOST_OFFERS
    lessons.unknown = 0
    lessons.matched(record("m", "north/dear", "south/other"))
    assert lessons.happened(Outcome("m", "approved", 1)) is None and lessons.unknown == 1, "which of the two?"
    assert lessons.happened(Outcome("m", "approved", 1, product="dear", institution="north")) is None
    assert lessons.foreign == 1
    answer = lessons.happened(Outcome("m", "rejected", 1, product="north/dear", institution="broker"))
    assert answer is not None and (answer.product, answer.approved) == ("north/dear", False)
    assert lessons.happened(Outcome("m", "approved", 2, product="dear")) is None, "it was answered"
    assert lessons.happened(Outcome("", "approved", 2, reference="r")) is None
    assert lessons.expire(NOW + 2 * 86_400 * SECOND, catalogue) == []
    (silent,) = lessons.expire(NOW + 4 * 86_400 * SECOND, catalogue)
    assert (silent.product, silent.approved, lessons.waiting) == ("south/other", False, 0)
    paths, answers = lessons.answers()
    assert [(paths[p], y) for p, y in zip(answers.product, answers.approved, strict=True)] == [
        ("north/cheap", 1.0),
        ("north/dear", 0.0),
        ("south/other", 0.0),
    ]
    model = model_of(paths, answers, catalogue, 5)
    assert (model.answers, np.isfinite(model.approvals.products.mean).all()) == (3, True)
