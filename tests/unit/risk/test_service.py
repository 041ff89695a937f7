"""The risk service over HTTP: answers as its document has them, decisions as the twin makes them, whatever is sent."""

import errno
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp.test_utils import TestClient, TestServer

from api.keys import KeyFile, Keys
from domain.clock import SECOND, ManualClock
from domain.naming import person_key
from domain.yaml_file import read_yaml
from risk.config import RiskSettings
from risk.counters import Counters
from risk.decisions import recorded
from risk.flow import read_flow
from risk.list_files import Edit
from risk.list_writer import ListWriter
from risk.replay import replay
from risk.server import Service
from targeting.forgotten import Forgotten
from targeting.identity_keys import parse_person, written_key
from tests import flow_twin
from tests.json_schema import errors
from tests.odd_bodies import variations

EXAMPLE = Path(__file__).parents[3] / "examples" / "risk-flow.yaml"
NOW = 1_795_000_000
AGENT = "Mozilla/5.0 (Linux; Android 14; SM-S921B) Chrome/126.0"
SUBJECT = {
    "ids": ["ifa:0d3e63ae-0f10-4a3b-b1a1-000000000001", "phone:+886912345678"], "ip": "198.51.100.7",
    "user_agent": AGENT, "device": {"os": "android", "emulator": False, "age_days": 3},
}  # fmt: skip
FRAUDSTER = {"ids": ["device:f00d", "account:9"], "ip": "198.51.100.9"}


class World(NamedTuple):
    client: TestClient[Any, Any]
    service: Service
    document: dict[str, Any]
    bank: str
    other: str
    operator: str

    async def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Status and answer, which is checked against the document."""
        headers = {
            "Authorization": f"Bearer {self.bank if token is None else token}",
            "Content-Type": "application/json",
        }
        data = json.dumps(body).encode() if method == "POST" else None
        async with self.client.request(method, path, data=data, headers=headers) as answer:
            told = await answer.json(content_type=None)
            responses = self.operation(method, path)["responses"]
            known = responses.get(str(answer.status)) or responses[f"{answer.status // 100}XX"]
            schema = known["content"][answer.content_type]["schema"]
            assert not list(errors(told, schema, self.document)), (method, path, told)
            return answer.status, told

    def operation(self, method: str, path: str) -> dict[str, Any]:
        for shape, methods in self.document["paths"].items():
            parts, given = shape.split("/"), path.partition("?")[0].split("/")
            if len(parts) == len(given) and all(a == b or a[:1] == "{" for a, b in zip(parts, given, strict=True)):
                return dict(methods[method.lower()])
        raise AssertionError(path)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    (folder / "flows").mkdir()
    shutil.copy(EXAMPLE, folder / "flows")
    file = KeyFile(folder / "keys.json")
    bank = file.add("bank", ["risk:score", "risk:decide", "risk:events", "risk:labels"])[0]
    other = file.add("other bank", ["risk:score", "risk:decide"])[0]
    operator = file.add("", ["*"])[0]
    clock = ManualClock(NOW * SECOND)
    service = Service(folder, Keys(file.path), RiskSettings(flows=str(folder / "flows")), clock)
    async with TestClient(TestServer(service.application())) as client:
        async with client.get("/openapi.json") as answer:
            document = await answer.json()
        yield World(client, service, document, bank, other, operator)


def listed(world: World, name: Any, institution: str, id_: str, reason: str) -> None:
    lists = world.service.engine.lists
    ListWriter(lists.directory, ManualClock(NOW * SECOND)).edit("add", name, institution, [Edit(id_, reason)], "test")
    lists.reload()


async def test_a_decision_is_the_twins_and_can_be_asked_again(tmp_path: Path) -> None:
    form = read_yaml(EXAMPLE)
    async with world(tmp_path) as w:
        told: dict[str, Any] = {}
        for event, subject in (
            ("click", SUBJECT), ("application", SUBJECT), ("seen", FRAUDSTER), ("fraud", FRAUDSTER),
            ("seen", {"ids": ["account:9", SUBJECT["ids"][0]]}),
        ):  # fmt: skip
            assert (await w.call("POST", "/v1/events", {"event": event, "subject": subject}))[0] == 200
        listed(w, "black", "", "account:7", "fraud")
        listed(w, "grey", "bank", "account:8", "late payer")
        subjects = [SUBJECT, FRAUDSTER, {"ids": ["account:7"]}, {"ids": ["account:8"]}, {"ip": "203.0.113.1"}]
        for subject in subjects:
            for facts in ({}, {"amount": 9000, "emulator": True}, {"returning": True, "lenders_7d": 4, "amount": 1}):
                asked = {"subject": subject, "flow": "instalments", "facts": facts, "reference": "case/1"}
                status, answer = await w.call("POST", "/v1/decide", asked)
                assert status == 200
                status, kept = await w.call("GET", f"/v1/decisions/{answer['decision_id']}")
                assert status == 200 and kept["institution"] == "bank" and kept["reference"] == "case/1"
                same = ("decision", "reasons", "flow", "version", "points", "scores", "graph", "lists")
                assert [kept[name] for name in same] == [answer[name] for name in same]
                assert all(kept["facts"][name] == value for name, value in facts.items())
                decision, reasons, points = flow_twin.decision(form, values(kept), hits(kept))
                assert (answer["decision"], answer["points"]) == (decision, points)
                assert answer["reasons"][0] in reasons <= set(answer["reasons"])
                told[answer["decision_id"]] = answer["decision"]
        assert set(told.values()) == {"approve", "review", "reject"}
        assert (await w.call("GET", f"/v1/decisions/{next(iter(told))}", token=w.other))[0] == 404
        assert (await w.call("GET", f"/v1/decisions/{next(iter(told))}", token=w.operator))[0] == 200
        assert (await w.call("GET", "/v1/decisions/0123"))[0] == 404
        again = replay(read_flow(EXAMPLE), recorded(tmp_path))
        assert again.decisions == len(told) and not again.moved
        async with w.client.get("/metrics") as page:
            text = await page.text()
        for name in ("approve", "review", "reject"):
            count = list(told.values()).count(name)
            assert f'outbid_risk_decisions_total{{flow="instalments",decision="{name}"}} {count}\n' in text


def values(kept: dict[str, Any]) -> dict[str, Any]:
    """What was known, by the names of flows, from the record as it is answered."""
    found = dict(kept["facts"])
    for name in ("emulator", "automated"):
        if name in found:
            found[name] = bool(found[name])
    found |= {f"graph.{name}": value for name, value in kept["graph"].items()}
    return found | {f"score.{name}": one["score"] for name, one in kept["scores"].items()}


class Hit(NamedTuple):
    list: str
    institution: int
    reason: str


def hits(kept: dict[str, Any]) -> list[Hit]:
    counting = [hit for hit in kept["lists"] if not hit["overruled"]]
    return [Hit(hit["list"], int(hit["scope"] == "institution"), hit["reason"]) for hit in counting]


async def test_ones_own_white_list_stands_above_everybodys_but_not_above_the_law(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for id_, reason in (("account:1", "fraud"), ("account:2", "sanction:un")):
            listed(w, "black", "", id_, reason)
            listed(w, "white", "bank", id_, "staff")
        found = []
        for id_, token in (("account:1", w.bank), ("account:1", w.other), ("account:2", w.bank)):
            asked = {"subject": {"ids": [id_]}, "flow": "instalments"}
            status, answer = await w.call("POST", "/v1/decide", asked, token)
            assert status == 200
            overruled = sorted(hit["list"] for hit in answer["lists"] if hit["overruled"])
            found.append((answer["decision"], answer["reasons"][0], overruled))
        assert found == [
            ("approve", "TRUSTED", ["black"]),
            ("reject", "BLACK_LISTED", []),
            ("reject", "SANCTIONED", ["white"]),
        ]


async def test_an_event_shows_at_once_and_a_label_needs_its_scope(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        asked = {"subject": SUBJECT, "scores": ["fraud"]}
        before = (await w.call("POST", "/v1/score", asked))[1]
        assert before["scores"].keys() == {"fraud"} and not before["graph"]
        for device in range(5):
            subject = {"ids": [f"device:{device}", SUBJECT["ids"][1]], "ip": SUBJECT["ip"]}
            items = [{"event": event, "subject": subject} for event in ("click", "application")]
            status, told = await w.call("POST", "/v1/events/batch", {"items": items})
            assert status == 200 and all(item["result"] == {"at": NOW, "duplicate": False} for item in told["items"])
        after = (await w.call("POST", "/v1/score", asked))[1]
        assert after["facts"]["phone_applications_24h"] == 5 and after["facts"]["ip_devices_24h"] == 5
        assert after["graph"]["device_degree"] == 5
        assert after["scores"]["fraud"]["score"] > before["scores"]["fraud"]["score"]
        assert (await w.call("POST", "/v1/events", {"event": "fraud", "subject": FRAUDSTER}, w.other))[0] == 403
        later = {"event": "click", "subject": SUBJECT, "at": NOW + 10_000}
        assert (await w.call("POST", "/v1/events", later))[0] == 422


async def test_an_event_with_an_id_counts_once_whoever_is_killed(tmp_path: Path) -> None:
    async def counted(w: World) -> float:
        return float((await w.call("POST", "/v1/score", {"subject": SUBJECT}))[1]["facts"]["applications_7d"])

    told = {"event": "application", "subject": SUBJECT, "id": "lead-1"}
    async with world(tmp_path) as w:
        answers = [
            (await w.call("POST", "/v1/events", {**told, "id": id_}))[1] for id_ in ("lead-1", "lead-1", "lead-2")
        ]
        assert [answer["duplicate"] for answer in answers] == [False, True, False] and await counted(w) == 2
        status, answer = await w.call("POST", "/v1/events", told, w.operator)
        assert (status, answer["duplicate"]) == (200, False), "another institution's lead-1 is another"
        assert await counted(w) == 3
        w.service.engine.counters = Counters.open(copied(tmp_path / "counters"))  # as a new process finds them
        assert (await w.call("POST", "/v1/events", told))[1]["duplicate"] and await counted(w) == 3
        ip_key = (await w.call("POST", "/v1/score", {"subject": SUBJECT}))[1]["subject"]["ip"]
        itself = {"ids": [ip_key, "account:77"], "ip": SUBJECT["ip"]}
        assert (await w.call("POST", "/v1/events", {"event": "seen", "subject": itself}))[0] == 200


def copied(folder: Path) -> Path:
    """What a process that was killed leaves on disk."""
    return Path(shutil.copytree(folder, folder.with_name("left"), ignore=shutil.ignore_patterns("*.lock")))


async def test_people_are_forgotten_by_the_operator(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for event in ("application", "fraud"):
            assert (await w.call("POST", "/v1/events", {"event": event, "subject": SUBJECT}))[0] == 200
        asked = {"subject": SUBJECT, "flow": "instalments", "reference": "r-1"}
        status, before = await w.call("POST", "/v1/decide", asked)
        assert status == 200 and before["graph"] and before["decision"] == "reject"
        assert (await w.call("POST", "/v1/forget", {"subject": SUBJECT}))[0] == 403
        assert (await w.call("POST", "/v1/forget", {"subject": {"ip": SUBJECT["ip"]}}, w.operator))[0] == 422
        status, told = await w.call("POST", "/v1/forget", {"subject": SUBJECT}, w.operator)
        assert status == 200 and told == {"decisions": 1}
        status, kept = await w.call("GET", f"/v1/decisions/{before['decision_id']}")
        assert kept["subject"] == [] and kept["reference"] == "---" and kept["decision"] == "reject"
        status, after = await w.call("POST", "/v1/score", {"subject": SUBJECT})
        assert not after["graph"] and after["facts"]["applications_7d"] == 0


async def test_a_decision_that_cannot_be_recorded_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with world(tmp_path) as w:
        monkeypatch.setattr(w.service.decisions.archive._writer, "_recover", full)
        monkeypatch.setattr(w.service.decisions.archive._writer, "_write", full)
        status, told = await w.call("POST", "/v1/decide", {"subject": SUBJECT, "flow": "instalments"})
        assert status == 503 and "recorded" in told["detail"]
        async with w.client.get("/ready") as answer:
            assert answer.status == 503 and "decisions" in (await answer.json())["reasons"]
        async with w.client.get("/metrics") as page:
            assert "outbid_risk_unrecorded_total 1\n" in await page.text()
        assert not list(recorded(tmp_path))
        monkeypatch.undo()


async def test_an_event_that_the_disk_does_not_take_is_unavailable_and_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    asked = {"subject": {"ids": ["device:1", "device:2"]}, "scores": ["fraud"]}
    event = {"event": "click", "subject": asked["subject"]}
    async with world(tmp_path) as w:
        writer = w.service.engine.graph._writer
        with monkeypatch.context() as patched:
            patched.setattr(writer, "_recover", full)
            patched.setattr(writer, "_write", full)
            status, told = await w.call("POST", "/v1/events", event)  # it is found out while the event waits
            assert status == 503 and "recorded" in told["detail"]
            counted = (await w.call("POST", "/v1/score", asked))[1]["facts"]["device_clicks_24h"]
            again = {**event, "subject": {"ids": ["device:1", "device:3"]}}
            for _ in range(3):  # it is known before
                assert (await w.call("POST", "/v1/events", again))[0] == 503
            assert (await w.call("POST", "/v1/score", asked))[1]["facts"]["device_clicks_24h"] == counted
        late = {**event, "subject": {"ids": ["device:8", "device:9"]}, "at": NOW + 10_000}
        assert (await w.call("POST", "/v1/events", late))[0] == 422
        found = (await w.call("POST", "/v1/score", {"subject": late["subject"]}))[1]
        assert not found["graph"], "nothing of it was taken"


async def test_a_decision_about_who_is_forgotten_has_no_key(tmp_path: Path) -> None:
    phone, account = "phone:+886912345678", "account:9"
    async with world(tmp_path) as w:
        w.service.engine.forgotten = Forgotten(tmp_path / "host")
        w.service.engine.forgotten.add([parse_person(phone)], 1)
        listed(w, "grey", "bank", written_key(parse_person(phone)), "late payer")
        status, answer = await w.call(
            "POST", "/v1/decide", {"subject": {"ids": [phone, account]}, "flow": "instalments", "reference": "r"}
        )
        assert status == 200 and [hit["list"] for hit in answer["lists"]] == ["grey"]
        status, kept = await w.call("GET", f"/v1/decisions/{answer['decision_id']}")
        assert kept["subject"] == [written_key(parse_person(account))] and kept["reference"] == "r"
        assert [(hit["list"], hit["key"]) for hit in kept["lists"]] == [("grey", "")]
    files = b"".join(path.read_bytes() for path in (tmp_path / "decisions").rglob("*") if path.is_file())
    assert parse_person(phone).to_bytes(8, "little") not in files
    assert parse_person(account).to_bytes(8, "little") in files


async def test_whatever_is_sent_is_answered_or_refused_with_a_reason(tmp_path: Path) -> None:
    bodies = {
        "/v1/score": {"subject": SUBJECT, "scores": ["fraud"], "facts": {"rooted": 1}},
        "/v1/decide": {"subject": SUBJECT, "flow": "instalments", "facts": {"amount": 1, "channel": "app"}},
        "/v1/events": {"event": "click", "subject": SUBJECT, "at": NOW, "id": "e"},
    }  # fmt: skip
    async with world(tmp_path) as w:
        wrong = {"subject": {"ids": ["ifa:a", "x"], "ip": "1.2"}, "scores": ["luck"], "facts": {"emulator": 2, "no": 1}}
        told = (await w.call("POST", "/v1/score", wrong))[1]
        fields = {"subject.ids[1]", "subject.ip", "scores[0]", "facts.emulator", "facts.no"}
        assert {error["field"] for error in told["errors"]} == fields, "all at once"
        statuses = set()
        for path, body in bodies.items():
            for changed in variations(body):
                status, told = await w.call("POST", path, changed, w.operator)
                statuses.add(status)
                assert status in (200, 422), (path, changed, told)
                assert status == 200 or told["errors"], (path, changed, told)
        assert statuses == {200, 422}
        many = [changed for changed in variations(bodies["/v1/decide"])][:1000]
        status, told = await w.call("POST", "/v1/decide/batch", {"items": many}, w.operator)
        assert status == 200 and len(told["items"]) == len(many)
        assert {item["status"] for item in told["items"]} == {200, 422}


async def test_no_id_but_keys_is_recorded_or_answered(tmp_path: Path) -> None:
    raw = {"ids": ["email:ann@example.com", "phone:+886912345678", "national_id:A123456789", "account:4711-0815"]}
    async with world(tmp_path) as w:
        status, answer = await w.call("POST", "/v1/decide", {"subject": raw, "flow": "instalments"})
        assert status == 200
        (kept,) = recorded(tmp_path)
        wrong = {"ids": ["national_id:A12345678!", "email:ann", "account:4711 0815", "card:4000000000000001"]}
        status, refused = await w.call("POST", "/v1/decide", {"subject": wrong, "flow": "instalments"})
        assert status == 422 and len(refused["errors"]) == 4
        files = logged_in(tmp_path)
        told = json.dumps([answer, refused]).encode()
        for text in (b"ann@", b"example.com", b"912345678", b"A12345678", b"4711", b"400000000000"):
            assert text not in told, text
            assert text not in files, text
        assert person_key("account", "4711-0815").to_bytes(8, "little") in kept.decision.keys


def logged_in(folder: Path) -> bytes:
    """Of decisions and the graph. (Counters are keys and numbers in tables of a gigabyte.)"""
    parts = [folder / name for name in ("decisions", "graph", "lists")]
    return b"".join(path.read_bytes() for part in parts for path in part.rglob("*") if path.is_file())
