"""Files of products: what is read, and what is refused with its path, its value and what is allowed."""

from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from credit.product_file import catalogue_of, read_products
from credit.tags import facts_of, schema_of
from domain.campaign import Clause
from domain.errors import Refused
from domain.money import NANOS

PRODUCT: dict[str, Any] = {
    "key": "p",
    "name": "P",
    "amount": {"min": 100, "max": Decimal("1000.50")},
    "term_months": {"min": 3, "max": 5},
    "apr": {"min": Decimal("4.9"), "max": 20},
    "payout": {"fixed": 40, "share": "0.8%"},
}
FILE: dict[str, Any] = {"currency": "USD", "lenders": [{"key": "l", "name": "L", "products": [PRODUCT]}]}


def changed(**fields: Any) -> dict[str, Any]:
    file = deepcopy(FILE)
    file["lenders"][0]["products"][0].update(fields)
    return file


def test_the_example_is_valid() -> None:
    catalogue = read_products(Path(__file__).parents[3] / "examples" / "products.yaml")
    assert [product.path for product in catalogue.products] == ["northbank/flex", "northbank/prime", "sunrise/start"]
    flex = catalogue.products[0]
    assert flex.pays(5_000 * NANOS) == pytest.approx(40 + 40)
    assert flex.loses(5_000 * NANOS) == pytest.approx(5_000 * 0.6 * 0.05 + 80 * 0.5)
    assert (flex.offers.day, flex.volume.day, flex.prior.approval_ppm) == (400, 2_000_000 * NANOS, 450_000)
    assert catalogue == read_products(Path(__file__).parents[3] / "examples" / "products.yaml")
    assert len(catalogue.version) == 16


def test_what_is_read() -> None:
    (product,) = catalogue_of(
        changed(eligibility={"any": [{"credit.score": [">=600 <750.5"]}, {"identity.verified": ["yes"]}]})
    ).products
    assert (product.amount_min, product.amount_max) == (100 * NANOS, 1_000_500_000_000)
    assert (product.terms, product.apr_min, product.active, product.answer_days) == ((3, 4, 5), 4.9, True, 30)
    assert product.eligibility.any_of == (
        (Clause("identity.verified", ("yes",)),),
        (Clause("credit.score", (">=600 <750.5",)),),
    ) or product.eligibility.any_of == (
        (Clause("credit.score", (">=600 <750.5",)),),
        (Clause("identity.verified", ("yes",)),),
    )
    other = catalogue_of(changed(payout={"fixed": 41}))
    assert other.version != catalogue_of(FILE).version
    assert other.products[0].id == product.id


@pytest.mark.parametrize(
    ("fields", "path", "value", "allowed"),
    [
        ({"amount": {"min": 100}}, "amount.max", None, "it must be given"),
        ({"amount": {"min": 100, "max": 99}}, "amount.max", 99, "it must not be below the min, 100"),
        ({"amount": {"min": -1, "max": 99}}, "amount.min", -1, "an amount of money above 0"),
        ({"term_months": [12, 0]}, "term_months[1]", 0, "a whole number from 1 to 600"),
        ({"term_months": {"min": 9, "max": 3}}, "term_months.max", 3, "it must not be below the min, 9"),
        ({"term_months": 12}, "term_months", 12, "it must be a list of months"),
        ({"apr": {"min": 5, "max": "6"}}, "apr.max", "6", "a yearly rate in percent"),
        ({"payout": {}}, "payout", {}, "it must have a fixed sum, or a share"),
        ({"payout": {"share": "101%"}}, "payout.share", "101%", "a share such as '12.5%', from 0% to 100%"),
        ({"loss": {"lgd": 0.4}}, "loss.lgd", 0.4, "a share such as"),
        ({"prior": {"approval": "100%"}}, "prior.approval", "100%", "it must be below 100%"),
        ({"offers": {"day": 0}}, "offers.day", 0, "a whole number from 1 to"),
        ({"offers": {"hour": 3}}, "offers.hour", 3, "the fields here are day, week, month, total"),
        ({"volume": {"day": "many"}}, "volume.day", "many", "an amount of money above 0"),
        ({"status": "on"}, "status", "on", "'active' or 'paused'"),
        ({"colour": "red"}, "colour", "red", "there is no such field; the fields here are key, name, amount"),
        ({"eligibility": {"credit.scor": ["a"]}}, "eligibility.credit.scor", ["a"], "there is no such dimension"),
        ({"eligibility": {"credit.score": [600]}}, "eligibility.credit.score[0]", 600, "a range such as '>=620'"),
        ({"eligibility": {"credit.score": ["<6 "]}}, "eligibility.credit.score[0]", "<6 ", "a range such as"),
        ({"eligibility": {"credit.score": [">=7 <6"]}}, "eligibility.credit.score[0]", ">=7 <6", "nothing in this"),
        ({"eligibility": {"identity.age": []}}, "eligibility.identity.age", [], "a list of at least 1 value"),
        ({"eligibility": {"identity.verified": ["ja"]}}, "eligibility.identity.verified[0]", "ja", "yes or no"),
        (
            {"eligibility": {"identity.verified": ["yes", "no"]}},
            "eligibility.identity.verified",
            ["yes", "no"],
            "it must be [yes] or [no]",
        ),
        (
            {"eligibility": {"any": [{"assets.home": ["tent"]}]}},
            "eligibility.any[0].assets.home[0]",
            "tent",
            "one of owner, mortgage, rent, family, other",
        ),
        (
            {"eligibility": {"credit.score": [">=700"], "not": {"credit.score": [">=700"]}}},
            "eligibility",
            {"credit.score": [">=700"], "not": {"credit.score": [">=700"]}},
            "it contradicts itself",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(fields: dict[str, Any], path: str, value: object, allowed: str) -> None:
    with pytest.raises(Refused) as refused:
        catalogue_of(changed(**fields))
    (problem,) = refused.value.problems
    assert (problem.path, problem.value) == (f"lenders[0].products[0].{path}", value)
    assert allowed in problem.allowed


def test_all_problems_are_told_at_once() -> None:
    file = deepcopy(FILE)
    file["currency"] = "dollars"
    file["tags"] = [{"name": "credit.score", "kind": "number"}, {"name": "wealth.x", "kind": "set"}]
    file["lenders"][0] |= {"time_zone": "Moon/Sea", "products": [PRODUCT, PRODUCT]}
    file["lenders"].append({"key": "l", "name": "L"})
    with pytest.raises(Refused) as refused:
        catalogue_of(file)
    assert [problem.path for problem in refused.value.problems] == [
        *("currency", "tags[0].name", "tags[1].name", "tags[1].kind", "lenders[0].time_zone"),
        *("lenders[0].products[1].key", "lenders[1].key"),
    ]
    for content in (None, {"currency": "USD"}, {"currency": "USD", "lenders": [{"key": "l", "name": "L"}]}):
        with pytest.raises(Refused):
            catalogue_of(content)


def test_tags_of_applicants() -> None:
    file = changed(eligibility={"behaviour.clubs": ["Golf"]})
    file["tags"] = [{"name": "behaviour.clubs", "kind": "words", "values": ["golf", "chess"]}]
    schema = catalogue_of(file).schema()
    told = {"identity": {"age": 30, "verified": True, "country": "USA"}, "behaviour": {"clubs": ["Chess", "golf"]}}
    assert facts_of(told, schema) == {
        "identity.age": 30.0,
        "identity.verified": "yes",
        "identity.country": "usa",
        "behaviour.clubs": frozenset({"chess", "golf"}),
    }
    wrong: dict[str, dict[str, Any]] = {
        "identity": {"age": True, "verified": "yes", "agee": 1, "country": ""},
        "behaviour": {"clubs": ["golf"], "interests": "golf"},
        "credit": {"score": float("inf")},
    }
    with pytest.raises(Refused) as refused:
        facts_of(wrong, schema_of())
    assert [problem.path for problem in refused.value.problems] == [
        *("tags.identity.age", "tags.identity.verified", "tags.identity.agee", "tags.identity.country"),
        *("tags.behaviour.clubs", "tags.behaviour.interests", "tags.credit.score"),
    ]
    assert "the tags of identity are age, country" in refused.value.problems[2].allowed
