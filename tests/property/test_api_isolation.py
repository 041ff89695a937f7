"""No call with one advertiser's key tells or changes anything of another advertiser, or of the house.

Two advertisers have the same things. What only its owner may know has the word ``hush`` in it with the owner's name;
what the other one may have found out, and tries, is keys.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from api.keys import KeyFile
from campaigns.api import views
from campaigns.api.kinds import KINDS
from campaigns.api.shelf import Shelf, State
from campaigns.importing import import_file
from campaigns.referring import deals_by_code, refers
from tests.control_stores import new_control_store
from tests.examples import examples
from tests.unit.campaigns.api.conftest import application

TENANTS = ("alfa", "beta")


def of(name: str) -> dict[str, list[dict[str, Any]]]:
    """Everything of one advertiser. Some keys are known to the other one, some are not."""
    other = TENANTS[name == "alfa"]
    item = {
        "name": f"hush-{name}-item", "bid_cpm": "1.25", "daily_budget": "77",
        "targeting": {"country": ["USA"], "audience": [f"{name}-people"], "exchange": ["usx"]},
    }  # fmt: skip
    return {
        "advertisers": [{
            "key": name, "name": f"hush-{name}", "currency": "USD", "time_zone": "UTC", "domain": f"{name}.example",
            "categories": ["IAB13"], "agency": f"{name}-agency", "fees": [f"{name}-fee"], "funding": "credit",
            "credit_limit": "12345", "suppress": [f"hush-{name}-people"],
        }],
        "agencies": [{"key": f"{name}-agency", "name": f"hush-{name}-agency", "currency": "USD", "time_zone": "UTC"}],
        "fees": [{"key": f"{name}-fee", "name": f"hush-{name}-fee", "share": "5%"}],
        "audiences": [
            {"key": f"{name}-people", "advertiser": name, "name": f"hush-{name}-people"},
            {"key": f"hush-{name}-people", "advertiser": name, "name": f"hush-{name}-more"},
            {"key": f"{name}-set", "advertiser": name, "name": f"hush-{name}-set", "of": {"any": [f"{name}-people"]}},
        ],
        "creatives": [
            {
                "key": key, "advertiser": name, "size": "300x250", "landing_url": f"https://{name}.example/hush-{name}",
                "image_url": "https://cdn.example/1.jpg",
            }
            for key in (f"{name}-creative", f"hush-{name}-creative")
        ],
        "deals": [{"key": f"{name}-deal", "advertiser": name, "exchange": "usx", "code": f"hush-{name}-code"}],
        "campaigns": [{
            "key": f"{name}-campaign", "advertiser": name, "name": f"hush-{name}-campaign", "start": "2026-01-01",
            "end": "2027-01-01", "daily_budget": "50", "line_items": [
                item | {"key": f"{name}-item", "creatives": [f"{name}-creative"], "competitors": [other]},
                item | {"key": f"hush-{name}-item", "creatives": [f"hush-{name}-creative"], "deals": [f"{name}-deal"]},
            ],
        }],
        "block_lists": [
            {"key": f"{name}-blocked", "campaign": f"{name}-campaign", "domains": [f"hush-{name}.example"]},
            {"key": f"{name}-agency-blocked", "agency": f"{name}-agency", "domains": [f"hush-{name}-a.example"]},
        ],
    }  # fmt: skip


FILE: dict[str, list[dict[str, Any]]] = {
    "exchanges": [{"key": "usx", "currency": "USD", "billing": "burl", "secret": "hush-alfa hush-beta"}],
    **{kind: of("alfa")[kind] + of("beta")[kind] for kind in of("alfa")},
}
FILE["block_lists"].append({"key": "house-blocked", "domains": ["hush-alfa-hush-beta.example"]})

KEYS = sorted({
    one["key"] for section in FILE.values() for one in section if not one["key"].startswith("hush")
} | {"alfa-item", "beta-item", "alfa-new", "beta-new", "new"})  # fmt: skip
OF_KIND = {
    kind: [key for key in KEYS if key.rpartition("-")[2] in ("new", kind[:-1])] for kind in KINDS
} | {
    "exchanges": ["usx", "new"], "agencies": ["alfa-agency", "beta-agency"], "advertisers": list(TENANTS),
    "line_items": ["alfa-item", "beta-item", "new"], "audiences": ["alfa-people", "beta-people", "alfa-set", "new"],
    "block_lists": ["alfa-blocked", "beta-blocked", "alfa-agency-blocked", "house-blocked", "new"],
}  # fmt: skip
REFERENCES = st.sampled_from(KEYS)
LISTED = st.lists(REFERENCES, max_size=2, unique=True)
EXPRESSION = st.sampled_from(["audience", "exchange", "deal"]).flatmap(
    lambda word: LISTED.map(lambda keys: {word: keys})
) | LISTED.map(lambda keys: {"not": {"audience": keys}})
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("key", "advertiser", "agency", "campaign", "exchange"), REFERENCES),
    **dict.fromkeys(("fees", "suppress", "creatives", "deals", "competitors"), LISTED),
    "status": st.sampled_from(["active", "paused"]), "funding": st.sampled_from(["open", "prepaid", "credit"]),
    "credit_limit": st.sampled_from(["1", "12345", None]), "data_cpm": st.sampled_from(["0.1", None]),
    "of": st.builds(lambda keys: {"any": keys}, LISTED), "targeting": EXPRESSION, "name": st.sampled_from(["n", "m"]),
    "rule": st.builds(lambda keys: {"clicked": {"line_item": keys, "within": "7d"}}, LISTED),
    "multipliers": EXPRESSION.map(lambda when: [{"when": when, "factor": 2}]), "code": st.sampled_from(["x", "y"]),
    "publishers": REFERENCES.map(lambda key: [f"{key}:1"]), "daily_budget": st.sampled_from([5, None]),
    "file": st.just("/etc/passwd"), "domains": st.just(["x.example"]), "secret": st.just("x"), "share": st.just("1%"),
}  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """What a thing of one of the two says, with some of its fields changed."""
    known = [one for one in FILE.get(kind, ()) if not one["key"].startswith("hush")]
    if kind == "line_items":
        known = [
            one["line_items"][0] | {"campaign": one["key"]} for one in FILE["campaigns"]
        ]  # fmt: skip
    start = dict(draw(st.sampled_from(known))) if draw(st.booleans()) else {}
    start.pop("line_items", None)
    if "key" in start and draw(st.booleans()):
        start["key"] = draw(st.sampled_from(OF_KIND[kind]))
    names = [name for name in KINDS[kind].fields if name in FIELDS] + ["file"]
    for name in draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
        start[name] = draw(FIELDS[name])
    found: dict[str, Any] = json.loads(json.dumps(start).replace("hush-", "my-"))
    return found


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A method, a path and a body."""
    kind = draw(st.sampled_from(list(KINDS)))
    key = draw(st.sampled_from(OF_KIND[kind]))
    path, one = f"/v1/{kind}", f"/v1/{kind}/{key}"
    dry = "?validate_only=true" if draw(st.integers(0, 9)) == 0 else ""
    what = draw(st.integers(0, 11))
    if what == 0:
        wanted = draw(st.sampled_from(["", 'name : "hush"', 'key : "a"', 'advertiser = "alfa" OR advertiser = "beta"']))
        shown = draw(st.sampled_from(["true", "false"]))
        return "GET", f"{path}?filter={quote(wanted)}&show_deleted={shown}&page_size=2", None
    if what == 1:
        return "GET", f"{one}?show_deleted=true", None
    if what == 2:
        return (
            "GET",
            one + draw(st.sampled_from(["/versions", "/versions/1", "/versions/2/diff", "/versions/1/diff"])),
            None,
        )
    if what == 3:
        return "DELETE", one + dry, None
    if what == 4:
        return "POST", f"{one}:restore{dry}", None
    if what == 5:
        return "POST", f"{one}:revert{dry}", {"version": draw(st.integers(1, 3))}
    if what <= 8:
        return "PATCH", one + dry, draw(bodies(kind))
    if what == 9:
        return "POST", path + dry, draw(bodies(kind))
    edits = draw(
        st.lists(
            st.fixed_dictionaries({
                "method": st.sampled_from(["create", "update", "delete", "restore"]),
                "key": st.sampled_from(OF_KIND[kind]),
                "etag": st.just("*"),
                "body": bodies(kind),
            }),
            min_size=1, max_size=3,
        )
    )  # fmt: skip
    for edit in edits:
        if edit["method"] == "create":
            edit["key"] = edit["etag"] = ""
        elif edit["method"] != "update":
            edit["body"] = {}
    return "POST", f"{path}:batch{dry}", {"items": edits, "atomic": draw(st.booleans())}


class World:
    """The API in a loop of its own, for all examples."""

    def __init__(self, folder: Path) -> None:
        self.store = new_control_store(folder / "control.sqlite")
        (folder / "file.yaml").write_text(yaml.safe_dump(FILE))
        import_file(self.store, folder / "file.yaml", profiles=folder / "profiles.lmdb")
        keys = KeyFile(folder / "keys.json")
        self.tokens = {name: keys.add(name, ["read", "write", "money"])[0] for name in TENANTS}
        self.house, _ = keys.add("", ["*"])
        self.shelf = Shelf(self.store)
        self._loop = asyncio.new_event_loop()
        self._client: TestClient[Any, Any] = self._run(self._start(keys.path))

    def _run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    async def _start(self, keys: Path) -> TestClient[Any, Any]:
        client: TestClient[Any, Any] = TestClient(TestServer(application(self.store, keys)))
        await client.start_server()
        return client

    def call(self, token: str, method: str, path: str, body: Any) -> tuple[int, str]:
        async def called() -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}", "If-Match": "*", "Content-Type": "application/json"}
            data = None if body is None else json.dumps(body)
            async with self._client.request(method, path, data=data, headers=headers) as answer:
                return answer.status, await answer.text()

        found: tuple[int, str] = self._run(called())
        return found

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.close()
        self.store.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("isolation"))
    yield world
    world.close()


def not_of(state: State, tenant: str) -> dict[tuple[str, str], Any]:
    """All but one advertiser's things, with their marks; worked out from the whole, not from what the API shows."""
    owner, campaigns = state.whole.advertisers[tenant].id, {c.id: c.advertiser for c in state.whole.campaigns.values()}
    found = {}
    for kind in KINDS:
        for key, thing in getattr(state.whole, kind).items():
            whose = (
                thing.id if kind == "advertisers"
                else campaigns[thing.campaign] if kind == "line_items"
                else (thing.advertiser or campaigns.get(thing.campaign, 0)) if kind == "block_lists"
                else getattr(thing, "advertiser", 0)
            )  # fmt: skip
            if whose != owner:
                found[kind, key] = thing, state.marks.get((kind, thing.id))
    return found


def check_references(state: State, tenant: str) -> None:
    """What an advertiser has refers to its own things, and to the house's that were given to it."""
    owner = state.whole.advertisers[tenant]
    view = views.of_advertiser(state.whole, owner.id, alone=False)
    ids = {(kind, thing.id) for kind in KINDS for thing in getattr(view, kind).values()}
    lent = {("agencies", owner.agency), *(("fees", fee) for fee in owner.fees)}
    others = {("advertisers", one.id) for one in state.whole.advertisers.values() if one.id != owner.id}
    for kind in ("audiences", "creatives", "deals", "campaigns", "line_items", "block_lists"):
        for key, thing in getattr(view, kind).items():
            for at in refers(thing, deals_by_code(view)):
                if at[0] in ("agencies", "fees"):
                    assert at in lent, (kind, key, at)
                else:
                    assert at in ids and (at not in others or key == f"{tenant}-item"), (kind, key, at)


@settings(max_examples=examples(200))
@given(st.sampled_from(TENANTS), st.lists(calls(), min_size=1, max_size=3))
def test_no_call_tells_or_changes_anything_of_others(
    world: World, tenant: str, asked: list[tuple[str, str, Any]]
) -> None:
    other = TENANTS[tenant == "alfa"]
    for method, path, body in asked:
        before = world.shelf.current()
        status, text = world.call(world.tokens[tenant], method, path, body)
        after = world.shelf.current()
        assert status < 500, text
        assert f"hush-{other}" not in text, text
        assert not_of(after, tenant) == not_of(before, tenant)
        mine, was = after.whole.advertisers[tenant], before.whole.advertisers[tenant]
        for name in ("agency", "currency", "fees", "funding", "credit_limit", "status"):
            assert getattr(mine, name) == getattr(was, name)
        assert all(one.fees is None for one in after.whole.campaigns.values())
        check_references(after, tenant)


def test_a_key_does_what_it_is_for(world: World) -> None:
    """What the property says is not so because nothing is ever done."""
    for tenant in TENANTS:
        token = world.tokens[tenant]
        status, text = world.call(token, "GET", "/v1/line_items?show_deleted=true&page_size=500", None)
        assert status == 200 and f"hush-{tenant}-item" in text
        status, text = world.call(
            token, "POST", "/v1/audiences", {"key": f"{tenant}-x", "advertiser": tenant, "name": "X"}
        )
        assert status == 201, text
        assert world.call(token, "PATCH", f"/v1/audiences/{tenant}-x", {"name": "Y"})[0] == 200
        assert world.call(token, "DELETE", f"/v1/audiences/{tenant}-x", None)[0] == 200
    state = world.shelf.current()
    assert state.whole.line_items["alfa-item"].separate_from == (state.whole.advertisers["beta"].id,)
