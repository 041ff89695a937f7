"""The credit service over HTTP: scores, people, outcomes; killed and started again; and what is learnt from it."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from api.keys import KeyFile, Keys
from cli.main import main
from credit import applications, outcomes
from credit.api import SCOPES
from credit.config import CreditSettings
from credit.match_config import OfferSettings
from credit.matching import Match
from credit.model import CreditModel
from credit.outcomes import FILES, SERVICE, Outcome, OutcomeBook, OutcomeReader
from credit.people import table_file, write_people
from credit.retraining import endings, lessons
from credit.server import Service
from credit.table import read
from domain.clock import SECOND, ManualClock
from targeting.identity_keys import parse_person
from tests.credit_sets import german
from tests.odd_bodies import variations
from tests.unit.credit.conftest import ROWS
from tests.unit.credit.test_match_desk import PRODUCTS

EXAMPLE = Path(__file__).parents[3] / "examples" / "products.yaml"
NOW = 1_790_000_000


class Running:
    """The service behind a client, with a bank's key."""

    def __init__(self, data: Path, model: Path) -> None:
        self.data, self.model = data, model
        (data / "credit").mkdir(parents=True, exist_ok=True)
        self._file = data / "keys.json"
        self.key, _ = KeyFile(self._file).add("bank", SCOPES)
        self.poor, _ = KeyFile(self._file).add("bank", ("credit:score",))

    async def __aenter__(self) -> "Running":
        self.service = Service(
            self.data / "credit",
            Keys(self._file),
            CreditSettings(model=str(self.model)),
            OfferSettings(),
            ManualClock(NOW * SECOND),
        )
        self.client = TestClient(TestServer(self.service.application()))
        await self.client.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def post(self, path: str, body: Any, key: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self.client.post(path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        async with self.client.get(path, params=query) as answer:
            return answer.status, await answer.json(content_type=None)


GOOD = {"checking_status": "no checking", "duration": 6, "credit_amount": 900, "credit_history": "existing paid"}


async def test_scores_are_the_models(tmp_path: Path, folder: Path, model: CreditModel) -> None:
    async with Running(tmp_path, folder / "model") as running:
        status, told = await running.post("/v1/score", {"applicant": GOOD})
        expected = model.assess([GOOD])[0]
        assert status == 200 and told["score"] == expected.score and told["pd"] == expected.pd
        assert told["p_approved"] == expected.p_approved and told["version"] == model.version
        assert [tuple(reason.values()) for reason in told["reasons"]] == [tuple(reason) for reason in expected.reasons]
        status, told = await running.post("/v1/score/batch", {"items": [{"applicant": GOOD}, {"applicant": {"x": 1}}]})
        assert [item["status"] for item in told["items"]] == [200, 422]
        assert told["items"][1]["problem"]["errors"][0]["field"] == "applicant.x"
        for wrong, field in (
            ({}, "applicant"),
            ({"subject": {"ids": []}}, "applicant"),
            ({"applicant": []}, "applicant"),
        ):
            status, told = await running.post("/v1/score", wrong)
            assert status == 422 and field in json.dumps(told)
        status, told = await running.post("/v1/outcomes", {"kind": "repaid", "reference": "r"}, running.poor)
        assert status == 403
        async with running.client.get("/openapi.json") as answer:
            document = await answer.json()
        assert {"/v1/score", "/v1/score/batch", "/v1/match", "/v1/outcomes", "/v1/outcomes/batch"} <= set(
            document["paths"]
        )
        assert document["openapi"].startswith("3.1")


async def test_people_are_looked_up_and_taken_up_when_they_change(tmp_path: Path, folder: Path) -> None:
    known, other = parse_person("email:a@b.example"), parse_person("ifa:00000000-0000-4000-8000-000000000001")
    async with Running(tmp_path, folder / "model") as running:
        asked = {"subject": {"ids": ["email:a@b.example", "ifa:00000000-0000-4000-8000-000000000001"]}}
        status, told = await running.post("/v1/score", asked)
        assert status == 200 and told["score"] is None and told["pd"] is None and told["p_approved"] is None
        write_people(
            table_file(tmp_path), np.array([known, other], np.uint64), [650, 700], 0.5, 0.25, [NOW - 9, NOW - 5]
        )
        running.service.people.look()
        status, told = await running.post("/v1/score", asked)
        assert (told["score"], told["pd"], told["p_approved"], told["scored_at"]) == (700, 0.5, 0.25, NOW - 5)
        (tmp_path / "nonsense").write_bytes(b"nonsense")
        (tmp_path / "nonsense").replace(table_file(tmp_path))
        running.service.people.look()
        status, told = await running.post("/v1/score", asked)
        assert told["score"] == 700 and "people" in running.service.trouble


async def test_a_matched_applicant_is_recorded_with_what_the_model_of_then_said(
    tmp_path: Path, folder: Path, model: CreditModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credit").mkdir()
    (tmp_path / "credit" / "products.yaml").write_text(PRODUCTS.format(total=50))
    async with Running(tmp_path, folder / "model") as running:
        match = running.service.desk.match

        async def slowly(*asked: Any) -> Match:
            found = await match(*asked)
            running.service.model.value = None  # taken away before the answer is sent
            return found

        monkeypatch.setattr(running.service.desk, "match", slowly)
        status, told = await running.post("/v1/match", {"amount": 500, "term_months": 12, "applicant": GOOD})
        assert status == 200 and told["offers"]
    (kept,) = applications.read(tmp_path / "credit")
    said = model.assess([GOOD])[0]
    assert (kept.match_id, kept.applicant, kept.version) == (told["match_id"], GOOD, model.version)
    assert (kept.score, kept.pd, kept.p_approved) == (said.score, said.pd, said.p_approved)


async def test_outcomes_count_once_whatever_happens(tmp_path: Path, folder: Path) -> None:
    folder_ = outcomes.directory(tmp_path)
    async with Running(tmp_path, folder / "model") as running:
        one = {"kind": "approved", "reference": "r1", "amount": 12.5}
        answers = await asyncio.gather(*(running.post("/v1/outcomes", one) for _ in range(5)))
        assert sorted(told["status"] for _, told in answers) == ["duplicate"] * 4 + ["recorded"]
        status, told = await running.post("/v1/outcomes", {**one, "amount": 13.5})
        assert status == 409
        status, told = await running.get(
            "/v1/outcomes/postback", {"key": running.key, "kind": "repaid", "reference": "r1"}
        )
        assert (status, told) == (200, {"status": "recorded"})
        status, _ = await running.get("/v1/outcomes/postback", {"key": "obk_x_y", "kind": "repaid", "reference": "r1"})
        assert status == 401
        for wrong in (
            {"reference": "a", "match_id": "b"},
            {},
            {"reference": "a", "at": NOW + 10**6},
            {"reference": "a" * 200},
        ):
            status, told = await running.post("/v1/outcomes", {"kind": "repaid", **wrong})
            assert status == 422, wrong
        # what has been answered is on disk: another reader sees it while the service runs
        assert [(each.reference, each.kind, each.amount) for each in OutcomeReader(folder_).read()] == [
            ("r1", "approved", 12_500_000_000), ("r1", "repaid", 0),
        ]  # fmt: skip
    async with Running(tmp_path, folder / "model") as running:
        status, told = await running.post("/v1/outcomes", {"kind": "approved", "reference": "r1", "amount": 12.5})
        assert told == {"status": "duplicate"}


async def test_whatever_is_sent_is_answered_or_refused_with_a_reason(tmp_path: Path, folder: Path) -> None:
    bodies: dict[str, Any] = {
        "/v1/score": {"applicant": {"duration": 6, "checking_status": "x"}, "reference": "r"},
        "/v1/match": {
            "amount": 500, "term_months": 12, "offers": 1, "applicant": {"duration": 6},
            "tags": {"identity": {"age": 30, "verified": True}}, "subject": {"ids": ["ifa:a"]},
        },
        "/v1/outcomes": {"kind": "approved", "reference": "r", "amount": 1.5, "at": NOW, "product": "a", "id": "i"},
    }  # fmt: skip
    (tmp_path / "credit").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "credit" / "products.yaml")
    async with Running(tmp_path, folder / "model") as running:
        for path, body in bodies.items():
            bodies_changed = list(variations(body))
            status, told = await running.post(f"{path}/batch", {"items": bodies_changed})
            assert status == 200 and {item["status"] for item in told["items"]} <= {200, 409, 422}, path
            assert {200, 422} <= {item["status"] for item in told["items"]}
            for item, changed in zip(told["items"], bodies_changed, strict=True):
                assert item["status"] == 200 or item["problem"]["errors"], (path, changed, item)


def test_outcomes_out_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    file = tmp_path / "outcomes.csv"
    file.write_text(
        "reference;kind;amount;at\nr1;defaulted;1.100,50;2026-09-01\nr2;repaid;;1780000000\n;approved;;\nr3;lost;;\n"
    )
    for recorded, known in ((2, 0), (0, 2)):
        assert main(["credit", "outcomes", str(file), "--institution", "bank"]) == 1
        said = capsys.readouterr()
        assert f"{recorded} recorded, {known} known before, 2 left out" in said.out
        assert "line 4.match_id" in said.err and "line 5.kind" in said.err
    found = list(OutcomeReader(outcomes.directory(tmp_path)).read())
    assert [(each.reference, each.amount, each.at) for each in found] == [
        ("r1", 1_100_500_000_000, 1_788_220_800), ("r2", 0, 1_780_000_000),
    ]  # fmt: skip
    # another process posts the same: the first counts, in whichever log it is
    book = OutcomeBook(outcomes.directory(tmp_path), SERVICE)
    try:
        assert book.take(found[0]).status == "duplicate"
        assert book.take(msgspec.structs.replace(found[0], amount=1)).status == "contradiction"
        book.wait(book.take(Outcome("m", "rejected", 1)).position)
    finally:
        book.close()
    assert len(list(OutcomeReader(outcomes.directory(tmp_path)).read())) == 3
    assert FILES != SERVICE


async def test_what_became_of_applicants_is_learnt_from(
    tmp_path: Path,
    folder: Path,
    model: CreditModel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = german(120, seed=9)
    records = [dict(zip(made.columns, row, strict=True)) for row in zip(*made.columns.values(), strict=True)]
    async with Running(tmp_path, folder / "model") as running:
        items = [{"applicant": {**record, "class": None}, "reference": f"r{n}"} for n, record in enumerate(records)]
        _, told = await running.post("/v1/score/batch", {"items": items})
        scores = [item["result"]["score"] for item in told["items"]]
        pds = [item["result"]["pd"] for item in told["items"]]
        middle = sorted(scores)[48]
        posted = []
        for n, score in enumerate(scores[:110]):
            if score < middle:
                posted.append({"kind": "rejected", "reference": f"r{n}"})
            else:
                posted.append({"kind": "approved", "reference": f"r{n}"})
                posted.append({"kind": "defaulted" if made.bad[n] else "repaid", "reference": f"r{n}"})
        _, told = await running.post("/v1/outcomes/batch", {"items": posted})
        assert {item["status"] for item in told["items"]} == {200}
        status, told = await running.post("/v1/outcomes", {"kind": "approved", "reference": "never scored"})
        assert status == 200

    rejected = [n for n in range(110) if scores[n] < middle]
    granted = [n for n in range(110) if scores[n] >= middle]
    found = lessons(model, endings(tmp_path / "credit"), [read(folder / "german.csv")], factor=2.0)
    assert found.rejected == len(rejected) and found.repaid + found.defaulted == len(granted)
    assert found.defaulted == sum(bool(made.bad[n]) for n in granted) and found.undecided == 10
    assert found.table.rows == ROWS + len(granted) + 2 * len(rejected)
    assert np.all(found.weight[: ROWS + len(granted)] == 1) and found.inferred.sum() == 2 * len(rejected)
    weights = found.weight[found.inferred].reshape(-1, 2)
    expected = [2 * pds[n] / (1 - pds[n]) / (1 + 2 * pds[n] / (1 - pds[n])) for n in rejected]
    np.testing.assert_allclose(weights.sum(1), 1.0)
    np.testing.assert_allclose(weights[:, 0], expected)
    assert not found.approval.assumed and abs(found.approval.middle - middle) < 40
    sure = found.approval(np.array([middle - 120.0, middle + 120.0]))
    assert sure[0] < 0.2 and sure[1] > 0.8

    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    asked = ["credit", "retrain", "--model", str(folder / "model"), "--data", str(folder / "german.csv"), "--json"]
    capsys.readouterr()
    assert main([*asked, "--out", str(tmp_path / "next")]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["rows"] == ROWS + len(granted)  # nothing is judged by rows that are assumed
    assert told["columns"] == [plan.name for plan in model.facts.schema.plans]
    assert told["protected"] == model.facts.schema.protected
    assert f"{len(rejected)} rejected applicants are taken in" in said.err
    assert "This is an assumption" in (tmp_path / "next" / "card.md").read_text()
    assert main(["credit", "use", str(tmp_path / "next")]) == 0
    used = CreditModel.load(tmp_path / "credit" / "model")
    assert used.facts.approval.rejected == len(rejected)
