"""Lookalike audiences in the catalogue: what they may be made from, and that the law keeps them out of special
categories, in whatever order things are saved."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from campaigns import lookalikes
from campaigns.fair_audiences import modelled
from campaigns.snapshot import compile_snapshot
from campaigns.store import Store
from domain.errors import Refused
from tests.unit.campaigns.test_importing import FILE, IN_TARGET, NOW, Desk

SETS: list[dict[str, Any]] = [
    {"key": "old", "advertiser": "bank", "name": "Old", "file": "prime.txt"},
    {"key": "mixed", "advertiser": "bank", "name": "Mixed", "of": {"any": ["old"], "not": ["prime"]}},
]


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    """The file of the import's tests, with a second list and a set."""
    made = Desk(tmp_path, store)
    made.take(_file())
    return made


def _file(**campaign: Any) -> dict[str, Any]:
    content = deepcopy(FILE)
    content["audiences"] += deepcopy(SETS)
    content["campaigns"][0] |= campaign
    return content


def targeting(content: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    content["campaigns"][0]["line_items"][0]["targeting"] = form
    return content


def make(desk: Desk, seed: str = "prime", key: str = "like-prime") -> int:
    order = lookalikes.order(desk.stored(), "bank", seed, key)
    id_ = lookalikes.new_id(desk.store, order)
    lookalikes.enter(desk.store, order, "Like prime", 1_000, 86_400, id_)
    return id_


def said(refused: pytest.ExceptionInfo[Refused]) -> list[tuple[str, object]]:
    return [(problem.path, problem.value) for problem in refused.value.problems]


def test_one_is_entered_published_and_made_anew(desk: Desk) -> None:
    before = desk.stored().version
    id_ = make(desk)
    known = desk.stored()
    made = known.audiences["like-prime"]
    assert (made.id, made.advertiser, made.size, made.ttl_s) == (id_, known.advertisers["bank"].id, 1_000, 86_400)
    assert made.lookalike_of == known.audiences["prime"].id
    assert known.version == before + 1
    assert made in compile_snapshot(known, NOW).audiences
    assert make(desk, "old") == id_
    assert desk.stored().audiences["like-prime"].lookalike_of == known.audiences["old"].id
    entry = {"key": "like-prime", "advertiser": "bank", "name": "Renamed", "data_cpm": "0.2"}
    desk.take({"audiences": [entry]})  # its name, fee and caps are a matter of the file,
    make(desk, "old")  # and stay when it is made anew
    renamed = desk.stored().audiences["like-prime"]
    assert (renamed.name, renamed.data_cpm, renamed.size, renamed.lookalike_of) == (
        "Renamed", 200_000, 1_000, known.audiences["old"].id,
    )  # fmt: skip
    ((path, _, _),) = desk.refused({"audiences": [entry | {"file": "prime.txt"}]})
    assert path == "audiences[0].file"


@pytest.mark.parametrize(
    ("advertiser", "seed", "key", "path", "allowed"),
    [
        ("nobody", "prime", "x", "--advertiser", "there are bank, loans"),
        ("bank", "primes", "x", "SEED", "there are mixed, old, prime"),
        ("loans", "prime", "x", "SEED", "it must be an audience of 'loans'; there are none"),
        ("bank", "prime", "old", "--name", "not of a lookalike"),
        ("bank", "prime", "mixed", "--name", "not of a lookalike"),
        ("bank", "prime", "Two words", "--name", "it must be"),
    ],
)
def test_what_is_refused(desk: Desk, advertiser: str, seed: str, key: str, path: str, allowed: str) -> None:
    with pytest.raises(Refused) as refused:
        lookalikes.order(desk.stored(), advertiser, seed, key)
    ((where, _),) = said(refused)
    assert where == path
    assert allowed in refused.value.problems[0].allowed


def test_not_like_itself(desk: Desk) -> None:
    make(desk)
    desk.take({"audiences": [{"key": "both", "advertiser": "bank", "name": "B", "of": {"any": ["like-prime", "old"]}}]})
    for seed in ("like-prime", "both"):
        with pytest.raises(Refused, match="like itself"):
            lookalikes.order(desk.stored(), "bank", seed, "like-prime")


def test_what_they_are_recognised_by(desk: Desk) -> None:
    """Nothing that the seed is defined by, in whatever depth, and no other model; nothing of another advertiser."""
    desk.take(
        {
            "audiences": [
                {"key": "of-loans", "advertiser": "loans", "name": "L", "file": "prime.txt"},
                {"key": "new", "advertiser": "bank", "name": "New", "file": "prime.txt"},
                {"key": "deep", "advertiser": "bank", "name": "Deep", "of": {"all": ["mixed"]}},
                {"key": "visitors", "advertiser": "bank", "name": "V", "rule": {"visited": {"within": "7d"}}},
                {"key": "buyers", "advertiser": "bank", "name": "B", "rule": {"converted": {"event": ["sale"]}}},
                {"key": "converted", "advertiser": "bank", "name": "C", "rule": {"converted": {"within": "9d"}}},
                {"key": "either", "advertiser": "bank", "name": "E", "of": {"any": ["converted", "prime"]}},
            ]
        }
    )
    make(desk, "new", "like-new")
    known = desk.stored()

    def by(seed: str, *without: str) -> lookalikes.Plan:
        return lookalikes.plan(known, lookalikes.order(known, "bank", seed, "x"), ("lead", "sale"), frozenset(without))

    ruled = {"visitors", "buyers", "converted"}
    assert set(by("prime").audiences.values()) == {"old", "new"} | ruled
    assert set(by("deep").audiences.values()) == {"new"} | ruled
    assert set(by("new", "audience:old").audiences.values()) == {"prime"} | ruled
    less = by("prime", "score:credit", "conversion:lead", "dealings")
    assert (less.scores, less.conversions, less.dealings) == (("fraud", "intent"), ("sale",), False)
    assert (by("prime").conversions, by("prime").dealings) == (("lead", "sale"), True)
    for seed, left in (("visitors", ("lead", "sale")), ("buyers", ("lead",)), ("converted", ()), ("either", ())):
        assert (by(seed).conversions, by(seed).dealings) == (left, False)  # what a rule asks about says who is of it
    with pytest.raises(Refused, match="--without: 'score:shoe'"):
        by("prime", "score:shoe")
    order = lookalikes.order(known, "bank", "deep", "x")
    old, prime = known.audiences["old"].id, known.audiences["prime"].id
    assert [order.is_seed(of) for of in ([old], [old, prime], [prime], [])] == [True, False, False, False]


WAYS = [
    ({"audience": ["like-prime"]}, ".audience[0]", "like-prime"),
    ({"not": {"audience": ["prime", "like-prime"]}}, ".not.audience[1]", "like-prime"),
    ({"any": [{"os": ["ios"]}, {"audience": ["derived"]}]}, ".any[1].audience[0]", "derived"),
    ({"not": {"audience": ["left-out"]}}, ".not.audience[0]", "left-out"),
]
DERIVED: list[dict[str, Any]] = [
    {"key": "derived", "advertiser": "bank", "name": "D", "of": {"all": [{"any": ["like-prime", "old"]}]}},
    {"key": "left-out", "advertiser": "bank", "name": "L", "of": {"any": ["nested"]}},
    {"key": "nested", "advertiser": "bank", "name": "N", "of": {"any": ["old"], "not": ["like-prime"]}},
]


@pytest.mark.parametrize(("form", "below", "key"), WAYS)
def test_a_special_category_has_none(desk: Desk, form: dict[str, Any], below: str, key: str) -> None:
    """Neither reached nor left out, also by a set; whether line item or category is saved first."""
    make(desk)
    desk.take({"audiences": DERIVED})
    known = desk.stored()
    names = {audience.key for audience in known.audiences.values() if audience.id in modelled(known.audiences.values())}
    assert names == {"like-prime", "derived", "left-out", "nested"}
    special = targeting(_file(special_category="credit"), form)
    ((path, value, why),) = desk.refused(special)
    assert (path, value) == (f"{IN_TARGET}{below}", key)
    assert "lookalike" in why
    desk.take(targeting(_file(), form))  # in no such category
    ((path, value, why),) = desk.refused(_file(special_category="housing", line_items=[]))
    assert (path, value) == ("campaigns[0].special_category", "housing")
    assert f"targeting{below} of line item 'l1' stands in the way" in why


def test_nor_as_a_suppression(desk: Desk) -> None:
    make(desk)
    ((path, value, _),) = desk.refused(_file(special_category="credit", suppress=["like-prime"]))
    assert (path, value) == ("campaigns[0].suppress", "like-prime")
    content = _file(special_category="credit")
    content["advertisers"][0]["suppress"] = ["prime", "like-prime"]
    ((path, value, _),) = desk.refused(content)
    assert (path, value) == ("advertisers[0].suppress", "like-prime")
    desk.take(_file(suppress=["like-prime"]))
    ((path, _, _),) = desk.refused({"campaigns": [{**_file()["campaigns"][0], "special_category": "credit",
                                                   "suppress": ["like-prime"]}]})  # fmt: skip
    assert path == "campaigns[0].suppress"


def test_nor_by_a_set_that_becomes_one(desk: Desk) -> None:
    """A set that a special campaign targets may not take a lookalike in."""
    make(desk)
    desk.take(targeting(_file(special_category="credit"), {"audience": ["mixed"]}))
    mixed = {"key": "mixed", "advertiser": "bank", "name": "Mixed", "of": {"any": ["old", "like-prime"]}}
    ((path, value, why),) = desk.refused({"audiences": [mixed]})
    assert (path, value) == ("line_items.l1.targeting.audience[0]", "mixed")
    assert "imported before" in why
    with pytest.raises(Refused, match="not of a lookalike"):  # nor may an audience become one
        lookalikes.order(desk.stored(), "bank", "old", "prime")


def test_what_came_between_is_seen(desk: Desk) -> None:
    """The audience is entered only if it may still be there when the model is done."""
    id_ = make(desk)
    order = lookalikes.order(desk.stored(), "bank", "prime", "second")
    desk.take({"audiences": [{"key": "second", "advertiser": "bank", "name": "S", "file": "prime.txt"}]})
    with pytest.raises(Refused, match="not of a lookalike"):
        lookalikes.enter(desk.store, order, "Like prime", 5, 0, id_ + 7)
    slow = lookalikes.order(desk.stored(), "bank", "prime", "third")
    make(desk, "prime", "third")
    with pytest.raises(Refused, match="made it meanwhile"):
        lookalikes.enter(desk.store, slow, "Like prime", 5, 0, lookalikes.new_id(desk.store, slow))
