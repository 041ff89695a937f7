"""Audiences in a campaign file: lists out of tables, sets of others, and whom advertisers and campaigns suppress."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from campaigns import fee_terms
from campaigns.snapshot import compile_snapshot
from campaigns.store import Store
from domain.audience import AudienceSet
from domain.campaign import Clause, Snapshot, reached_audiences
from domain.naming import person_key
from targeting.profiles import ProfileStore
from targeting.record import NEVER
from targeting.unpacked import unpack
from tests.unit.campaigns.test_importing import FILE, NOW, Desk


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    return Desk(tmp_path, store)


def audience(key: str, **fields: Any) -> dict[str, Any]:
    return {"key": key, "advertiser": "bank", "name": key} | fields


def file(
    *audiences: dict[str, Any], suppress: Any = None, campaign: Any = None, targeting: Any = None
) -> dict[str, Any]:
    content = deepcopy(FILE)
    content["audiences"] += audiences
    content["advertisers"][0]["suppress"] = suppress
    content["campaigns"][0]["suppress"] = campaign
    if targeting is not None:
        content["campaigns"][0]["line_items"][0]["targeting"] = targeting
    return content


A, B = audience("a"), audience("b")
FRESH = audience("fresh", of={"any": ["a", {"all": ["prime", "b"]}], "not": ["gone"]}, data_cpm="0.1")
GONE = audience("gone", of={"any": ["b", "prime"]})


def test_sets_and_suppression_go_the_whole_way(desk: Desk) -> None:
    """Also of audiences that come later in the file."""
    desk.take(file(FRESH, GONE, A, B, suppress=["b"], campaign=["gone"], targeting={"audience": ["fresh", "b"]}))
    stored = desk.stored()
    ids = {key: one.id for key, one in stored.audiences.items()}
    prime, a, b = ids["prime"], ids["a"], ids["b"]
    made = AudienceSet(any_of=(a, AudienceSet(all_of=(prime, b))), none_of=(ids["gone"],))
    assert stored.audiences["fresh"].of == made and stored.audiences["gone"].of == AudienceSet(any_of=(b, prime))
    assert stored.advertisers["bank"].suppress == (b,) and stored.campaigns["cards"].suppress == (ids["gone"],)
    item = stored.line_items["l1"]
    assert item.targeting.any_of == ((Clause("audience", (str(ids["fresh"]), str(b))),),) and item.reaches is None
    published = compile_snapshot(stored, NOW).line_items[0]
    ways = {frozenset((clause.values, clause.wanted) for clause in way) for way in published.targeting.any_of}
    assert ways == {
        frozenset({((str(b),), True)}),
        frozenset({((str(a),), True), ((str(b), str(prime)), False)}),
    }, "prime and b is never without gone"
    assert reached_audiences(published) == {prime, a, b, ids["fresh"]}
    with desk.store.write() as conn:
        (terms,) = fee_terms.agree(conn, stored).values()
    assert [part.of for part in terms.parts if part.kind == "data"] == sorted([ids["fresh"], prime])
    desk.take(file(FRESH, GONE, A, B))
    assert desk.stored().advertisers["bank"].suppress == desk.stored().campaigns["cards"].suppress == ()


def test_a_new_definition_is_followed(desk: Desk) -> None:
    desk.take(file(FRESH, GONE, A, B, targeting={"not": {"audience": ["fresh"]}}))
    desk.take({"audiences": [audience("fresh", of={"all": ["a", "b"]})]})
    ids = {key: str(one.id) for key, one in desk.stored().audiences.items()}
    published = compile_snapshot(desk.stored(), NOW).line_items[0]
    assert {way for way in published.targeting.any_of} == {
        (Clause("audience", (ids["a"],), False),), (Clause("audience", (ids["b"],), False),),
    }  # fmt: skip
    assert published.reaches == ()


def test_leaving_out_a_set_reaches_nobody_by_its_parts(desk: Desk) -> None:
    """Whoever is in b is not in the set, so targeting asks for b; the line item is not under b's caps for that."""
    left_out = audience("set", of={"any": ["a"], "not": ["b"]})
    desk.take(file(A, B, left_out, targeting={"not": {"audience": ["set"]}}))
    stored = desk.stored()
    sent = msgspec.msgpack.encode(compile_snapshot(stored, NOW))
    item = msgspec.msgpack.decode(sent, type=Snapshot).line_items[0]
    assert (Clause("audience", (str(stored.audiences["b"].id),)),) in item.targeting.any_of
    assert reached_audiences(item) == frozenset()


SETS: list[tuple[Any, str, str]] = [
    (["a"], "", "it must be a mapping with all or any"),
    ({}, "", "it must be a mapping with all or any"),
    ({"not": ["a"]}, "", "it must be a mapping with all or any"),
    ({"any": []}, ".any", "at least 1 entry"),
    ({"any": ["a"], "none": ["b"]}, ".none", "the keys here are all, any, not"),
    ({"any": ["a", {"all": ["b", "nobodies"]}]}, ".any[1].all[1]", "it must be the key of an audience; there are a, b"),
    ({"any": ["others"]}, ".any[0]", "it must be the key of an audience of 'bank'"),
    ({"any": ["a", "a"]}, ".any[1]", "it is in the list already"),
    ({"all": ["a"], "not": ["a"]}, "", "it contradicts itself"),
    ({"all": ["a"], "not": [{"any": ["a", "b"]}]}, "", "it contradicts itself"),
    ({"any": ["set"]}, "", "no audience may be made of itself: set -> set"),
    ({"all": [{"any": ["a", "b"], "not": [{"all": ["prime", "set"]}]}]}, "", "set -> set"),
    ({"all": [{"any": [f"l{7 * n + k}" for k in range(7)]} for n in range(3)]}, "", ""),
    ({"any": [{"all": [f"l{7 * n + k}" for k in range(7)]} for n in range(3)]}, "", "more than 64 alternatives"),
]


@pytest.mark.parametrize(("of", "below", "allowed"), SETS)
def test_what_is_no_set_is_named(desk: Desk, of: Any, below: str, allowed: str) -> None:
    many = [audience(f"l{n}") for n in range(21)] if "l0" in str(of) else []
    content = file(A, B, audience("others", advertiser="loans"), audience("set", of=of), *many)
    if not allowed:
        desk.take(content)
        return
    ((path, _, why),) = desk.refused(content)
    assert path == f"audiences[4].of{below}" and allowed in why


MISTAKES: list[tuple[Callable[[], dict[str, Any]], str, str]] = [
    (lambda: file(suppress=["nobodies"]), "advertisers[0].suppress[0]", "there is prime"),
    (lambda: file(suppress="prime"), "advertisers[0].suppress", "it must be a list"),
    (lambda: file(A, audience("o", advertiser="loans"), campaign=["o"]), "campaigns[0].suppress[0]", "are a, prime"),
    (lambda: file(audience("x", of={"any": ["prime"]}, ttl="1d")), "audiences[1].ttl", "made of others"),
    (lambda: file(audience("x", of={"any": ["prime"]}, file="prime.txt")), "audiences[1].file", "made of others"),
    (lambda: file(audience("x", columns={"ifa": "maid"})), "audiences[1].columns", "there is none"),
    (lambda: file(audience("x", file="x.csv")), "audiences[1].file", "which of its columns"),
    (lambda: file(audience("x", ttl="tomorrow")), "audiences[1].ttl", "it must be a time"),
    (
        lambda: file(A, B, GONE, targeting={"audience": ["gone"], "not": {"audience": ["b", "prime"]}}),
        "campaigns[0].line_items[0].targeting",
        "with its audiences as defined, it contradicts itself",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "path", "allowed"), MISTAKES)
def test_mistakes_are_named(desk: Desk, content: Callable[[], dict[str, Any]], path: str, allowed: str) -> None:
    ((found, _, why),) = desk.refused(content())
    assert found == path and allowed in why


def test_circles_over_several_imports_are_found(desk: Desk) -> None:
    desk.take(file(A, audience("one", of={"any": ["a"]}), audience("two", of={"any": ["one"]})))
    content = {"audiences": [audience("one", of={"all": ["a", "two"]})]}
    assert [(path, why) for path, _, why in desk.refused(content)] == [
        ("audiences[0].of", "no audience may be made of itself: one -> two -> one"),
        ("audiences.two.of", "no audience may be made of itself: two -> one -> two (it was imported before)"),
    ]


def test_a_definition_that_breaks_a_line_item_of_another_file_is_refused(desk: Desk) -> None:
    desk.take(file(A, B, GONE, targeting={"audience": ["gone"], "not": {"audience": ["a"]}}))
    ((path, _, why),) = desk.refused({"audiences": [audience("gone", of={"all": ["a", "b"]})]})
    assert path == "line_items.l1.targeting" and "it contradicts itself" in why and "imported before" in why


def test_a_list_remains_a_list_and_a_set_a_set(desk: Desk) -> None:
    desk.take(file(A, GONE, B))
    for key, of in (("a", {"any": ["prime"]}), ("gone", None)):
        ((path, _, why),) = desk.refused({"audiences": [audience(key, of=of) if of else audience(key)]})
        assert path == "audiences[0].of" and "which cannot change; use another key" in why


def test_a_table_beside_the_file(desk: Desk) -> None:
    (desk.folder / "crm.csv").write_text("mail,maid\n,A1\n,a2\n")
    listed = audience("x", file="crm.csv", columns={"ifa": "maid", "email": "mail"}, ttl="30d")
    desk.take(file(listed))
    stored = desk.stored().audiences["x"]
    assert (stored.size, stored.ttl_s) == (2, 30 * 86_400)
    with ProfileStore(desk.folder / "profiles.lmdb") as store:
        assert set(store.members(stored.id)) == {person_key("ifa", "a1"), person_key("ifa", "a2")}
        record = unpack(store.get_many([person_key("ifa", "a1")])[0] or b"")
    prime = desk.stored().audiences["prime"].id
    assert record.segments == {stored.id: NOW // 10**9 + 30 * 86_400, prime: NEVER}
    (desk.folder / "crm.csv").write_text("mail,maid\n,A1\nx\n")
    assert desk.refused(file(listed))[0][0] == "audiences[1].file"
    desk.take(file(audience("x", ttl="30d")))
    with ProfileStore(desk.folder / "profiles.lmdb") as store:
        assert store.size(stored.id) == 2, "without a file, its members are left alone"
