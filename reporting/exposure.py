"""To whom the ads of one campaign were shown, impression by impression, and who became a customer.

For proving that a campaign reached those whom it was for, as `outbid simulate` does; persons are keys of 64 bits.
"""

from collections.abc import Mapping
from typing import Any

from domain.errors import Problem, Refused
from domain.events import NOT_COUNTED
from reporting.store import Store

MOST = 1_000_000
"""Impressions, or conversions, of one answer."""

_COUNTED = f"bitAnd(marks, {int(NOT_COUNTED)}) = 0"


def read(values: Mapping[str, str]) -> int:
    """The parameter ``campaign``, an id. Raises Refused."""
    text = values.get("campaign", "")
    if set(values) != {"campaign"} or not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise Refused([Problem("campaign", text or None, "it must be the id of a campaign, and nothing else")])
    return int(text)


def run(store: Store, campaign: int) -> dict[str, Any]:
    """``shown``: (person, when the bid was made, when the impression came) of each that counts. ``converted``: (person,
    when) of the conversions that clicks on its ads led to. Nanoseconds UTC. Raises Refused if there are too many.
    """
    where = f"campaign = %(campaign)s AND {_COUNTED} LIMIT {MOST + 1}"
    told = {"campaign": campaign}
    shown = store.query(f"SELECT person, bid_ns, received_ns FROM impressions WHERE {where}", told)
    converted = store.query(f"SELECT person, received_ns FROM conversions WHERE {where}", told)
    if max(len(shown), len(converted)) > MOST:
        raise Refused([Problem("campaign", campaign, f"it must have at most {MOST:,} impressions")])
    return {"shown": [list(map(int, row)) for row in shown], "converted": [list(map(int, row)) for row in converted]}
