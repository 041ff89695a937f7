"""Definitions of the scores, bad facts and bad cards named, and cards of institutions."""

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from domain.errors import Refused
from domain.naming import name_id
from risk.card_files import Shelf, cards_of, read_cards, write_cards
from risk.cards import NAMES, Card, Scorecard, Steps, points_log_odds, probability_of, reason_text, score_of
from risk.inputs import FACTS, Inputs, inputs_of
from risk.published import published
from risk.score_page import PAGE, page
from risk.scores import SCORES, assess

OWN = """
scores:
  multi_lender:
    version: 1001
    kind: points
    facts:
      lenders_30d: {rising: [[0, 0], [3, 200], [6, 700]]}
"""


def test_every_score_is_defined_with_inputs_reasons_and_version() -> None:
    assert tuple(SCORES) == NAMES
    for name, definition in SCORES.items():
        assert definition.title and definition.about and definition.calibration
        assert 0 < definition.version < 1000
        assert set(definition.rising) | set(definition.falling) == set(definition.inputs)
        assert all(words for words in definition.reasons.values()), name
    assert {name for name, one in SCORES.items() if one.kind == "probability"} == {"device_risk", "fraud"}


def test_facts_are_the_fields_of_inputs() -> None:
    assert tuple(FACTS) == Inputs.__struct_fields__
    read = {name for one in SCORES.values() for name in one.inputs}
    assert set(FACTS) - read == {"ip_degree", "shared_ip", "ip_installs_24h"}  # for flows, and for cards of one's own


def test_known_fraud_is_scored_above_what_nothing_speaks_against() -> None:
    nothing = assess(Inputs())
    assert nothing["fraud"].probability == pytest.approx(0.01)
    assert nothing["fraud"].score == score_of(math.log(0.01 / 0.99)) == 169
    listed = assess(Inputs(black_listed=1))["fraud"]
    assert listed.probability == pytest.approx(1 - 0.99 * 0.1)
    assert listed.reasons == ("black_listed_high",)
    assert probability_of(listed.score) == pytest.approx(listed.probability, abs=0.002)
    assert assess(Inputs(lenders_30d=8, lenders_7d=3, application_gap_h=0.5))["multi_lender"].score == 390
    assert assess(Inputs(distance_to_fraud=0))["social_relation"].score == 300
    assert assess(Inputs(distance_to_fraud=99))["social_relation"].score == 0


def test_reasons_are_the_strongest_four_in_order_and_in_words() -> None:
    found = assess(Inputs(emulator=1, automated=1, rooted=1, device_age_h=0.5, proxy=1), ("device_risk",))
    assert found["device_risk"].reasons == ("automated", "emulator", "proxy", "rooted")
    assert reason_text("device_age_h_low") == "low: hours since the device was first seen"
    assert assess(Inputs(), ("device_risk",))["device_risk"].reasons == ("device_age_h_unknown",)


@pytest.mark.parametrize(
    ("name", "value"),
    [("label_score", 1.5), ("emulator", -1), ("ip_clicks_1h", math.nan), ("lenders_7d", math.inf), ("proxy", "yes")],
)
def test_a_bad_fact_is_named(name: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        inputs_of({name: value, "ip_clicks_24h": 3, "no_such": 1})
    assert [problem.path for problem in refused.value.problems] == [f"facts.{name}", "facts.no_such"]
    if not isinstance(value, str):
        with pytest.raises(Refused, match=rf"facts\.{name}: .* from 0 to"):
            Inputs(**{name: value})


def test_an_unknown_score_is_named() -> None:
    with pytest.raises(Refused, match=r"scores: 'wealth' is not allowed; one of device_risk, fraud"):
        assess(Inputs(), ("fraud", "wealth"))


CARD = Card(1001, "probability", {"emulator": Steps(((0, 0), (1, 0.5)))}, 0.01)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"version": 0}, "card.version"),
        ({"base": 0.0}, "card.base"),
        ({"base": math.nan}, "card.base"),
        ({"kind": "points"}, "card.base"),
        ({"facts": {}}, "card.facts"),
        ({"facts": {"shoe_size": Steps(((0, 0), (1, 0.5)))}}, "card.facts.shoe_size"),
        ({"facts": {"emulator": Steps(((0, 0), (1, 0.5)), ((0, 0),))}}, "card.facts.emulator"),
        ({"facts": {"emulator": Steps()}}, "card.facts.emulator"),
        ({"facts": {"emulator": Steps(((0, 0), (1, 1.0)))}}, "card.facts.emulator"),
        ({"facts": {"emulator": Steps(((0, 0), (1, math.nan)))}}, "card.facts.emulator"),
        ({"facts": {"emulator": Steps(((0, 0), (1, 0.5)), missing=-0.1)}}, "card.facts.emulator"),
        ({"facts": {"ip_clicks_1h": Steps(((0, 0), (2, 0.5), (3, 0.4)))}}, "card.facts.ip_clicks_1h.rising"),
        ({"facts": {"ip_clicks_1h": Steps(((0, 0), (3, 0.1), (2, 0.4)))}}, "card.facts.ip_clicks_1h.rising"),
        ({"facts": {"ip_clicks_1h": Steps(((1, 0), (3, 0.1)))}}, "card.facts.ip_clicks_1h.rising"),
        ({"facts": {"ip_clicks_1h": Steps(((0, 0.1), (3, 0.2)))}}, "card.facts.ip_clicks_1h.rising"),
        ({"facts": {"device_age_h": Steps((), ((0, 0.1), (3, 0.2)))}}, "card.facts.device_age_h.falling"),
        ({"facts": {"device_age_h": Steps((), ((0, 0.3), (3, 0.2)))}}, "card.facts.device_age_h.falling"),
        ({"kind": "points", "base": 0.0, "facts": {"proxy": Steps(((0, 0), (1, 700)), missing=0),
          "rooted": Steps(((0, 0), (1, 301)))}}, "card.facts"),
    ],
)  # fmt: skip
def test_a_card_that_could_not_be_monotone_or_bounded_is_refused(change: dict[str, Any], where: str) -> None:
    Scorecard(CARD)
    with pytest.raises(Refused) as refused:
        Scorecard(msgspec.structs.replace(CARD, **change))
    assert [problem.path for problem in refused.value.problems] == [where]


@pytest.mark.parametrize("curve", [
    {"x": [0, 0], "y": [0, 1], "below": 1, "above": 1}, {"x": [0, 1], "y": [1, 0], "below": 1, "above": 1},
    {"x": [], "y": [], "below": 1, "above": 1}, {"x": [0], "y": [0], "below": -1, "above": 1},
    {"x": [0], "y": [math.nan], "below": 1, "above": 1},
])  # fmt: skip
def test_a_calibration_that_falls_is_refused(curve: dict[str, Any]) -> None:
    form = {**msgspec.to_builtins(CARD), "calibration": curve}
    with pytest.raises(Refused, match=r"scores\.fraud\.calibration"):
        cards_of({"scores": {"fraud": form}})


def test_institutions_have_cards_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    folder.mkdir()
    refused: list[tuple[str, str]] = []
    shelf = Shelf(tmp_path, lambda path, why: refused.append((path.name, why)))
    many = Inputs(lenders_30d=7)
    everybody = shelf.of(0).assess(many)
    (folder / "bank.yaml").write_text(OWN)
    assert shelf.refresh() and not shelf.refresh()
    own = shelf.of(name_id("bank")).assess(many)
    assert (own["multi_lender"].score, own["multi_lender"].version) == (700, 1001)
    assert own["fraud"] == everybody["fraud"]
    assert shelf.of(name_id("other")).assess(many) == everybody
    write_cards(folder / "all.yaml", {"fraud": CARD})
    assert shelf.refresh()
    assert shelf.of(name_id("bank")).assess(many)["fraud"].version == 1001  # its own, and else everybody's
    assert shelf.of(name_id("bank")).assess(many)["multi_lender"].version == 1001
    (folder / "bank.yaml").write_text(OWN.replace("[6, 700]", "[6, 100]"))
    assert shelf.refresh()
    assert shelf.of(name_id("bank")).assess(many)["multi_lender"].score == 700  # as it was
    ((name, why),) = refused
    assert name == "bank.yaml"
    assert "scores.multi_lender.facts.lenders_30d.rising" in why and "[6.0, 100.0]" in why
    (folder / "bank.yaml").unlink()
    assert shelf.refresh()
    assert shelf.of(name_id("bank")).assess(many)["multi_lender"] == everybody["multi_lender"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scores: [", "YAML"),
        ("- 1", "scores"),
        ("scores: {}", "scores"),
        ("scores: {wealth: {}}", "one of device_risk"),
        (OWN.replace("1001", "7"), "1000 and above are"),
        (OWN.replace("kind: points", "kind: magic"), "magic"),
        (OWN.replace("version", "versoin"), "versoin"),
    ],
)
def test_a_file_of_cards_is_refused_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cards.yaml"
    path.write_text(text)
    with pytest.raises(Refused, match=said):
        read_cards(path)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = {name: msgspec.structs.replace(published(name).card(), version=1007) for name in NAMES}
    write_cards(tmp_path / "all.yaml", written)
    assert {name: one.card for name, one in read_cards(tmp_path / "all.yaml").items()} == written
    assert yaml.safe_load((tmp_path / "all.yaml").read_text())["scores"]["fraud"]["base"] == 0.01
    assert points_log_odds(0) == -points_log_odds(1000)


def test_the_page_has_every_card_and_fact_as_it_is() -> None:
    assert PAGE.read_text() == page(PAGE.read_text()), "run: python -m risk.score_page"
