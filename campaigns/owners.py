"""Whose account it is: what people name by its key, as the ledger knows it."""

from difflib import get_close_matches
from typing import Any

from campaigns.catalogue import Catalogue
from domain.errors import Problem, Refused
from domain.exchange import Exchange
from pacing.accounts import Owner
from pacing.funds import Payer

_PLURAL = {
    "agency": "agencies",
    "advertiser": "advertisers",
    "campaign": "campaigns",
    "line_item": "line_items",
    "exchange": "exchanges",
}


def owner(known: Catalogue, kind: str, key: str) -> Owner:
    """An agency, advertiser, campaign or line item by its key. Raises Refused."""
    thing = _thing(known, kind, key)
    if kind == "agency":
        return Owner("agency", thing.id, key, thing.currency, thing.time_zone)
    line_item, campaign = (thing.id, thing.campaign) if kind == "line_item" else (0, thing.id)
    by_id = {one.id: one for one in known.campaigns.values()}
    advertiser_id = thing.id if kind == "advertiser" else by_id[campaign].advertiser
    payer = next(one for one in known.advertisers.values() if one.id == advertiser_id)
    above = payer.currency, payer.time_zone, payer.agency
    if kind == "advertiser":
        return Owner("advertiser", payer.id, key, *above)
    if kind == "campaign":
        return Owner("campaign", campaign, key, *above, advertiser=payer.id)
    return Owner("line_item", line_item, key, *above, advertiser=payer.id, campaign=campaign)


def exchange(known: Catalogue, key: str) -> Exchange:
    """Raises Refused."""
    found: Exchange = _thing(known, "exchange", key)
    return found


def agencies(known: Catalogue) -> dict[int, int]:
    """Each advertiser's agency; 0: none."""
    return {advertiser.id: advertiser.agency for advertiser in known.advertisers.values()}


def payers(known: Catalogue) -> list[Payer]:
    """All agencies with their advertisers, then the advertisers without one, each in the order of their keys."""
    direct = sorted(known.advertisers.values(), key=lambda a: (a.agency != 0, a.key))
    of_agency: dict[int, list[Payer]] = {0: []}
    for one in direct:
        of_agency.setdefault(one.agency, []).append(
            Payer(owner(known, "advertiser", one.key), one.funding, one.credit_limit)
        )
    listed = []
    for agency in sorted(known.agencies.values(), key=lambda a: a.key):
        listed.append(Payer(owner(known, "agency", agency.key), agency.funding, agency.credit_limit))
        listed += of_agency.get(agency.id, [])
    return listed + of_agency[0]


def _thing(known: Catalogue, kind: str, key: str) -> Any:
    things: dict[str, Any] = getattr(known, _PLURAL[kind])
    if key not in things:
        close = get_close_matches(key, things, 3) or sorted(things)[:5]
        allowed = f"there is none of that key; {'known: ' + ', '.join(close) if close else 'none is defined yet'}"
        raise Refused([Problem(kind, key, allowed)])
    return things[key]
