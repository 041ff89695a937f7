"""What a campaign file says of whom to buy from: rules of line items, and block lists."""

from collections.abc import Callable
from typing import Any, get_args

from campaigns import values
from campaigns.references import References
from domain.campaign import AdsTxtRule, BlockList, SchainRule, SellersJsonRule, SupplyRules
from domain.entry import Entry, Wrong

RULES = ("ads_txt", "schain", "sellers_json", "max_hops")
SCOPES = {"agency": "agencies", "advertiser": "advertisers", "campaign": "campaigns"}
LISTS = ("domains", "bundles", "publishers", "nodes")
BLOCK_LIST = ("key", *SCOPES, *LISTS, "status")
LONGEST_CHAIN = 100


def rules(e: Entry) -> SupplyRules:
    """The field ``supply`` of a line item."""
    given = e.values.get("supply")
    if given is None:
        return SupplyRules()
    inside = Entry(given, e.at("supply"), RULES, e.problems)
    found = SupplyRules(
        inside.take("ads_txt", values.choice(*get_args(AdsTxtRule)), "any"),
        inside.take("schain", values.choice(*get_args(SchainRule)), "any"),
        inside.take("sellers_json", values.choice(*get_args(SellersJsonRule)), "any"),
        inside.take("max_hops", values.integer(1, LONGEST_CHAIN), 0),
    )
    e.sound &= inside.sound
    return found


def block_list(e: Entry, key: str, id_: int, references: References) -> BlockList:
    """An entry of the section ``block_lists``."""
    scopes = {name: e.take(name, references.id_of(kind, _called(name)), 0) for name, kind in SCOPES.items()}
    named = [name for name in SCOPES if e.values.get(name) is not None]
    if len(named) > 1:
        e.wrong(named[1], e.values[named[1]], f"it must be of one scope only, and {named[0]} is given already")
    if not any(e.values.get(name) for name in LISTS):
        e.wrong("domains", None, f"at least one of {', '.join(LISTS)} must be given")
    return BlockList(
        id_,
        key,
        **scopes,
        domains=e.take("domains", values.listed(values.domain_name), ()),
        bundles=e.take("bundles", values.listed(values.text()), ()),
        publishers=e.take("publishers", values.listed(_publisher(references)), ()),
        nodes=e.take("nodes", values.listed(_node), ()),
        status=e.take("status", values.choice("active", "paused"), "active"),
    )


def _publisher(references: References) -> Callable[[Any], tuple[int, str]]:
    exchange_id = references.id_of("exchanges", "an exchange")

    def check(value: Any) -> tuple[int, str]:
        """``usx:pub-77``"""
        exchange, colon, account = value.partition(":") if isinstance(value, str) else ("", "", "")
        if not colon or not account.strip() or "\0" in account or len(account) > 255:
            raise Wrong("it must be EXCHANGE:ACCOUNT, an exchange's key and the publisher's id there")
        return exchange_id(exchange), account

    return check


def _node(value: Any) -> tuple[str, str]:
    """``reseller.example`` or ``reseller.example:4711``"""
    system, colon, seller = value.partition(":") if isinstance(value, str) else ("", "", "")
    try:
        values.domain_name(system)
    except Wrong:
        system = ""
    if not system or bool(colon) != bool(seller.strip()) or "\0" in seller or len(seller) > 255:
        raise Wrong("it must be SYSTEM or SYSTEM:SELLER, an advertising system's domain and the seller's id there")
    return system, seller


def _called(scope: str) -> str:
    return f"an {scope}" if scope[0] == "a" else f"a {scope}"
