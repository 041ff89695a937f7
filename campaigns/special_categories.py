"""Campaigns for credit, housing and employment may not choose by who people are.

In the USA the Equal Credit Opportunity Act (15 U.S.C. 1691), the Fair Housing Act (42 U.S.C. 3604) and Title VII forbid
to leave people out by age, sex, family status or where they live; large sellers of advertising refuse such targeting
for these three categories for that reason. What is refused here is refused when a campaign is saved, whoever saves it.
"""

from campaigns.catalogue import Catalogue
from domain.campaign import LineItem
from targeting.dimensions import Dimension
from targeting.ranges import read_circle

CATEGORIES = ("credit", "housing", "employment")
PROTECTED = frozenset({Dimension.AGE, Dimension.GENDER, Dimension.POSTCODE})
"""Nothing in Outbid says whether people have families, so there is nothing to refuse."""
LEAST_RADIUS_KM = 25


def refusal(dimension: Dimension, values: tuple[str, ...]) -> str | None:
    """Why a line item in a special category may not say this about a dimension; None if it may."""
    name, categories = dimension.name.lower(), ", ".join(CATEGORIES)
    if dimension in PROTECTED:
        return f"a campaign in a special category ({categories}) must not target by {name}"
    if dimension is Dimension.RADIUS and any(read_circle(value)[2] < LEAST_RADIUS_KM * 1000 for value in values):
        return f"in a special category ({categories}) a radius is at least {LEAST_RADIUS_KM} km"
    return None


def unlawful(item: LineItem) -> str | None:
    """As `refusal`, of a line item that was saved before its campaign came into a special category."""
    said = (item.targeting, *(multiplier.when for multiplier in item.multipliers))
    clauses = (clause for targeting in said for conjunction in targeting.any_of for clause in conjunction)
    found = (refusal(Dimension[clause.dimension.upper()], clause.values) for clause in clauses)
    return next((why for why in found if why), None)


def first_unlawful(catalogue: Catalogue, campaign: int) -> tuple[str, str] | None:
    """Key of a line item of a campaign that is not lawful in a special category, and why."""
    found = ((item.key, unlawful(item)) for item in catalogue.line_items.values() if item.campaign == campaign)
    return next(((key, why) for key, why in found if why), None)
