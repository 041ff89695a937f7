"""Targeting as marketers write it, read against what is published instead of a campaign file: for forecasts."""

from typing import Any
from zoneinfo import ZoneInfo

from campaigns import terms
from campaigns.snapshot import in_utc, offset_hours
from campaigns.values import Check
from domain.campaign import Advertiser, Snapshot, Targeting
from domain.entry import Entry, Wrong
from domain.errors import Problem, Refused
from targeting.audience_algebra import definitions_of, expanded
from targeting.expression import Ill


def read_targeting(form: Any, owner: Advertiser, snapshot: Snapshot) -> Targeting:
    """An expression of an advertiser, as a snapshot of this moment has it; deals are named by their exchange's code.
    Raises `Refused` with the path of every mistake.
    """
    exchanges = {exchange.key: exchange.id for exchange in snapshot.exchanges}
    audiences = {audience.key: audience.id for audience in snapshot.audiences if audience.advertiser == owner.id}
    deals = {deal.code: deal.code for deal in snapshot.deals if deal.advertiser == owner.id}
    problems: list[Problem] = []
    entry = Entry({"targeting": form}, "", ("targeting",), problems)
    check = terms.targeting(
        owner.id,
        _one_of(exchanges, "the key of an exchange"),
        _one_of(audiences, f"the key of an audience of {owner.key!r}"),
        _one_of(deals, f"the code of a deal of {owner.key!r}"),
    )
    found = entry.take("targeting", check, Targeting())
    if problems:
        raise Refused(problems)
    try:
        found = expanded(found, definitions_of(snapshot.audiences))
    except Ill as ill:
        raise Refused([Problem("targeting", form, f"with its audiences as defined, {ill.faults[0][2]}")]) from None
    return in_utc(found, offset_hours(ZoneInfo(owner.time_zone), snapshot.published_ns))


def _one_of(known: dict[str, Any], what: str) -> Check[Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in known:
            raise Wrong(f"it must be {what}; there are {', '.join(sorted(known)) or 'none'}")
        return known[value]

    return check
