"""``/v1/lists`` of a running risk service: per-item results, whose lists are whose, the trail."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from api.keys import KeyFile, Keys
from domain.clock import SECOND, ManualClock
from risk import list_writer, lists_api
from risk.config import RiskSettings
from risk.lists import Lists
from risk.server import Service
from targeting.identity_keys import parse_person, written_key

NOW = 1_790_000_000
SCOPES = ("risk:lists", "risk:lists:read")


class Caller:
    """Calls with one key."""

    def __init__(self, client: "TestClient[Any, Any]", token: str, who: str) -> None:
        self._client, self._headers, self.who = client, {"Authorization": f"Bearer {token}"}, who

    async def __call__(self, path: str, body: Any = None, status: int = 200) -> Any:
        ask = self._client.get if body is None else self._client.post
        async with ask(f"/v1/lists{path}", headers=self._headers, **({"json": body} if body else {})) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()


@pytest.fixture
async def callers(tmp_path: Path) -> AsyncIterator[dict[str, Caller]]:
    keys = KeyFile(tmp_path / "keys.json")
    made = {name: keys.add(name, SCOPES, now_s=NOW) for name in ("", "north", "south")}
    made["reader"] = keys.add("north", ["risk:lists:read"], now_s=NOW)
    service = Service(tmp_path / "risk", Keys(keys.path), RiskSettings(durable=False), ManualClock(NOW * SECOND))
    async with TestClient(TestServer(service.application())) as client:
        yield {
            name: Caller(client, token, f"key {record.id}" + f" of {record.institution}" * (record.institution != ""))
            for name, (token, record) in made.items()
        }


async def test_every_item_has_a_result_of_its_own(callers: dict[str, Caller]) -> None:
    north, reader = callers["north"], callers["reader"]
    items = [
        {"id": "phone:+49 171 5550123"},
        {"id": "card:4111 1111 1111 1112"},
        {"id": "ip:10.0.0.0/8", "reason": "hosting", "source": "feed", "expires": "2d"},
        {"id": "ip:10.0.0.1/8"},
        {"id": "device:a", "expires": NOW},
        {"id": "phone:+491715550123"},
    ]
    answer = await north("/add", {"list": "black", "reason": "fraud", "source": "desk", "items": items})
    assert [one["status"] for one in answer["items"]] == [
        "added",
        "refused",
        "added",
        "refused",
        "refused",
        "unchanged",
    ]
    assert "proves the others" in answer["items"][1]["allowed"] and "4111" not in str(answer)
    assert "expired already" in answer["items"][4]["allowed"]
    asked = ["phone:+491715550123", "ip:10.9.9.9", "device:a", "tel:1"]
    told = (await reader("/look", {"ids": asked}))["items"]
    entry = {"list": "black", "scope": "institution", "reason": "fraud", "source": "desk", "expires": 0, "change": 1}
    assert told[0] == {"standing": "black", "lists": [entry]}
    assert told[1]["lists"] == [{"list": "black", "scope": "institution", "reason": "hosting", "source": "feed",
                                 "expires": NOW + 172_800, "change": 1, "range": "10.0.0.0/8"}]  # fmt: skip
    assert told[2] == {"standing": None} and "a person is written" in told[3]["allowed"]
    removed = await north("/remove", {"list": "black", "ids": ["device:a", "phone:+491715550123", "x"]})
    assert [one["status"] for one in removed["items"]] == ["absent", "removed", "refused"]
    assert (await reader("/look", {"ids": asked[:1]}))["items"] == [{"standing": None}]
    assert removed["version"] == 2


async def test_institutions_know_their_own_lists_only(
    callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, north, south, reader = (callers[name] for name in ("", "north", "south", "reader"))
    one = {"list": "white", "reason": "customer", "items": [{"id": "device:a"}]}
    everybody = {"list": "black", "reason": "fraud", "scope": "global", "items": [{"id": "device:a"}]}
    await north("/add", one)
    await north("/add", everybody, 403)
    await north("/add", {**one, "institution": "south"}, 403)
    await reader("/add", one, 403)
    await operator("/add", everybody)
    await operator("/add", one, 422)
    await operator("/add", {**one, "institution": "south", "list": "grey"})
    asked = {"ids": ["device:a"]}
    assert [(await who("/look", asked))["items"][0]["standing"] for who in (north, south)] == ["white", "black"]
    assert (await operator("/look", asked))["items"][0]["standing"] == "black"
    assert (await operator("/look", {**asked, "institution": "north"}))["items"][0]["standing"] == "white"
    await north("/look", {**asked, "institution": "south"}, 403)
    trails = {name: (await callers[name]("/audit"))["changes"] for name in ("", "north", "south")}
    assert [change["change"] for change in trails[""]] == [1, 2, 3]
    assert trails["north"] == trails[""][:1] and trails["south"] == trails[""][2:]
    assert [change["who"] for change in trails[""]] == [north.who, operator.who, operator.who]
    assert trails["north"][0]["edits"] == [[written_key(parse_person("device:a")), "customer", "", 0]]
    paged = await operator("/audit?limit=2")
    assert paged["next"] == 2 and (await operator("/audit?after=2"))["changes"] == trails[""][2:]
    with monkeypatch.context() as patched:  # an answer does not grow with what its changes have in them
        patched.setattr(lists_api, "MOST_EDITS", 1)
        pages = [await operator(f"/audit?after={after}") for after in (0, 1, 2)]
    assert [[change["change"] for change in page["changes"]] for page in pages] == [[1], [2], [3]]
    assert [page["next"] for page in pages] == [1, 2, None]
    assert (await operator("/imports"))["changes"] == []
    await operator("/audit?limit=0", status=422)


async def test_many_edits_become_a_new_base_while_calls_are_answered(
    callers: dict[str, Caller], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_writer, "MOST_PENDING", 50)
    ids = [f"device:{n}" for n in range(200)]
    for start in range(0, 200, 40):
        items = [{"id": id_} for id_ in ids[start : start + 40]]
        await callers["north"]("/add", {"list": "grey", "reason": "r", "items": items})
        told = await callers["north"]("/look", {"ids": ids[: start + 40]})
        assert {one["standing"] for one in told["items"]} == {"grey"}
    lists = Lists.open(tmp_path / "risk" / "lists")
    await callers["north"]("/remove", {"list": "grey", "ids": ids[:1]})  # waits for whoever writes
    assert lists.reload() and lists.manifest.version >= 1
    assert [len(lists.look((parse_person(id_),), None, lists.opened()[0].id[1], NOW)) for id_ in ids[:2]] == [0, 1]
