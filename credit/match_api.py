"""``/v1/match`` and ``/v1/products``: offers for applicants, and what there is to offer."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from api.batch import batch_of
from api.operations import Call, Operation
from api.problem import Failure
from credit.applications import MOST_FIELDS, Value
from credit.match_desk import MatchDesk
from credit.matching import MOST_OFFERS, Match, Question, Standing, joined
from credit.products import Catalogue, Product
from credit.sums import nanos_of
from credit.tags import Family, facts_of
from domain.errors import Problem, Refused
from domain.money import MAX_NANOS, NANOS
from risk.subject import SubjectForm, read_subject

MATCH, PRODUCTS = "credit:match", "credit:products"
SCOPES = (MATCH, PRODUCTS)
"""What keys may be made for."""

Scorer = Callable[[Mapping[str, Any] | None, tuple[int, ...]], Standing]
"""Features of an applicant (None: not told) and the keys of a subject -> what the credit model says. It may raise
Refused for features that it cannot use."""

TagValue = bool | float | Annotated[str, Meta(max_length=64)] | Annotated[list[str], Meta(max_length=100)]


class MatchRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who wants which loan."""

    amount: Annotated[float, Meta(gt=0, le=MAX_NANOS / NANOS)]
    """Of the loan, in the catalogue's currency."""
    term_months: Annotated[int, Meta(ge=0, le=600)] = 0
    """0: any."""
    subject: SubjectForm | None = None
    """Ids of the applicant: the credit model's table of people may know them."""
    applicant: Annotated[dict[str, Value], Meta(max_length=MOST_FIELDS)] | None = None
    """Features of the applicant, as `/v1/score` takes them."""
    tags: Annotated[dict[Family, dict[str, TagValue]], Meta(max_length=7)] = {}
    """By family and name, docs/offers.md."""
    offers: Annotated[int, Meta(ge=1, le=MOST_OFFERS)] = 1
    """At most so many."""


class OfferTold(Struct, frozen=True):
    """An offer."""

    product: str
    """``lender/product``"""
    lender: str
    name: str
    amount: float
    terms: tuple[int, ...]
    """Months: the one that was asked for, or all that there are."""
    apr_min: float
    apr_max: float
    p_approved: float
    payout: float
    """For an approval, in the catalogue's currency."""
    expected_loss: float
    expected_value: float
    """P(approved) × payout - expected loss."""
    propensity: float
    """The probability with which this product was chosen here."""


class MatchAnswer(Struct, frozen=True):
    """Offers in the order in which they were chosen; none: no product is for this applicant, or has room left."""

    match_id: str
    """For `/v1/outcomes`."""
    currency: str
    offers: tuple[OfferTold, ...]
    eligible: int
    """Products that the applicant may have, with room or without."""
    score: float | None
    pd: float | None
    catalogue: str
    """Version of the products."""


class ProductTold(Struct, frozen=True):
    """A product that can be offered."""

    product: str
    name: str
    lender: str
    active: bool
    amount_min: float
    amount_max: float
    terms: tuple[int, ...]
    apr_min: float
    apr_max: float
    payout_fixed: float
    payout_share: float
    eligibility: Any
    """The conditions: one of the lists holds whole; each condition is a tag, values, and whether they are wanted."""
    left: dict[str, float]
    """By quota: what is left of its period."""


class ProductsAnswer(Struct, frozen=True):
    """All products that the key may see."""

    currency: str
    catalogue: str
    products: tuple[ProductTold, ...]


class Matching:
    """``scorer`` says what the credit model knows of applicants."""

    def __init__(self, desk: MatchDesk, scorer: Scorer) -> None:
        self._desk, self._scorer = desk, scorer

    def operations(self) -> tuple[Operation, ...]:
        one = Operation(
            "POST", "/v1/match", "Offers for an applicant", MatchRequest, MatchAnswer, MATCH, self._match,
            description="The product with the best expected value, as far as that is known: what is less known is "
            "offered now and then. Each offer is counted against its quotas and recorded with its propensity.",
        )  # fmt: skip
        listed = Operation(
            "GET", "/v1/products", "Products and what is left of their quotas", None, ProductsAnswer, PRODUCTS,
            self._products,
            description="All products; to a key of a lender's, its own.",
        )  # fmt: skip
        return one, batch_of(one), listed

    async def _match(self, call: Call) -> MatchAnswer:
        asked: MatchRequest = call.body
        catalogue, version = self._desk.matcher.catalogue, self._desk.version
        keys = read_subject(asked.subject).keys if asked.subject else ()
        standing = self._scorer(asked.applicant, keys) if asked.applicant is not None or keys else Standing()
        facts, standing = joined(facts_of(asked.tags, self._desk.schema), standing)
        question = Question(facts, standing, _nanos(asked.amount), asked.term_months, asked.offers)
        found = await self._desk.match(question, call.key.institution, keys)
        return told(found, question, catalogue, version)  # another one may be in use by now

    async def _products(self, call: Call) -> ProductsAnswer:
        matcher = self._desk.matcher
        catalogue, own = matcher.catalogue, call.key.institution
        left = await asyncio.to_thread(matcher.quotas.left_now)
        owners = catalogue.owners()
        seen = [product for product in catalogue.products if not own or owners[product.lender] == own]
        if own and not seen:
            raise Failure(404, f"there are no products of {own!r}")
        return ProductsAnswer(
            catalogue.currency, self._desk.version, tuple(_product_told(product, left) for product in seen)
        )


def told(found: Match, asked: Question, catalogue: Catalogue, version: str) -> MatchAnswer:
    """A match as JSON has it."""
    offers = []
    for offer in found.offers:
        product = catalogue.products[offer.product]
        offers.append(
            OfferTold(
                product=product.path,
                lender=product.lender,
                name=product.name,
                amount=asked.amount / NANOS,
                terms=(asked.term_months,) if asked.term_months else product.terms,
                apr_min=product.apr_min,
                apr_max=product.apr_max,
                p_approved=offer.p_approved,
                payout=offer.payout,
                expected_loss=offer.expected_loss,
                expected_value=offer.expected_value,
                propensity=offer.propensity,
            )
        )
    score, pd = (value if value == value else None for value in asked.standing[:2])
    return MatchAnswer(found.id, catalogue.currency, tuple(offers), found.eligible, score, pd, version)


def _product_told(product: Product, left: Mapping[str, int]) -> ProductTold:
    quotas = {}
    for name, units in left.items():
        what, period, path = name.split(" ", 2)
        if path in (product.path, product.lender):
            of = "" if path == product.path else "lender_"
            quotas[f"{of}{what}_{period}"] = units if what == "offers" else units / NANOS
    return ProductTold(
        product=product.path,
        name=product.name,
        lender=product.lender,
        active=product.active,
        amount_min=product.amount_min / NANOS,
        amount_max=product.amount_max / NANOS,
        terms=product.terms,
        apr_min=product.apr_min,
        apr_max=product.apr_max,
        payout_fixed=product.payout.fixed / NANOS,
        payout_share=product.payout.share_ppm / 1e6,
        eligibility=msgspec.to_builtins(product.eligibility.any_of),
        left=quotas,
    )


def _nanos(amount: float) -> int:
    if (nanos := nanos_of(amount)) <= 0:
        raise Refused([Problem("amount", amount, "it must be 0.000000001 or more")])
    return nanos
