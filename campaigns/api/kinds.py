"""The kinds of resources: which fields each has, who may change which, and what lists can be filtered and sorted by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from campaigns.catalogue import Catalogue
from campaigns.creatives import CREATIVE
from campaigns.exchanges import EXCHANGE
from campaigns.history import Mark
from campaigns.reading import ADVERTISER, AGENCY, AUDIENCE, CAMPAIGN, DEAL, FEE, LINE_ITEM
from campaigns.supply_rules import BLOCK_LIST
from domain.clock import utc

OUTPUT = ("id", "etag", "version", "created", "updated", "deleted")
"""Of every resource; what a body says of them is not looked at, but for ``etag``, which must be the current one."""
SECRETS = ("secret", "price_key")
"""Of exchanges: they can be written, and are not told again."""


@dataclass(frozen=True)
class Kind:
    """One kind. ``fields``: of a body; ``house``: those that an advertiser's own key cannot change."""

    name: str
    one: str
    fields: tuple[str, ...]
    owned: bool = True
    house: tuple[str, ...] = ()
    money: tuple[str, ...] = ()
    """Those that take the scope ``money`` to be changed."""
    has_status: bool = True
    places: Mapping[str, Callable[["Seen", Any], Any]] = field(default_factory=dict)
    """Fields that lists can be filtered and sorted by, with how each is found."""

    @property
    def type_name(self) -> str:
        return "".join(part.capitalize() for part in self.one.split("_"))


class Seen:
    """Keys by ids of what a list is made of."""

    def __init__(self, known: Catalogue, marks: Mapping[tuple[str, int], Mark], no_mark: Mark) -> None:
        self._marks, self._no_mark = marks, no_mark
        self.advertisers = {one.id: one.key for one in known.advertisers.values()}
        self.agencies = {one.id: one.key for one in known.agencies.values()}
        self.exchanges = {one.id: one.key for one in known.exchanges.values()}
        self.campaigns = {one.id: one for one in known.campaigns.values()}
        self.keys = {id(deal): key for key, deal in known.deals.items()}

    def mark(self, kind: str, thing: Any) -> Mark:
        return self._marks.get((kind, thing.id), self._no_mark)


def moment(ns: int) -> str | None:
    """RFC 3339 in UTC; None: not known."""
    return utc(ns).strftime("%Y-%m-%dT%H:%M:%SZ") if ns else None


Place = Callable[[Seen, Any], Any]


def _plain(name: str) -> Place:
    return lambda seen, thing: getattr(thing, name)


def _budget(name: str) -> Place:
    def found(seen: Seen, thing: Any) -> Decimal | None:
        nanos = getattr(thing.limits, name)
        return None if nanos is None else Decimal(nanos).scaleb(-9)

    return found


def _campaign(seen: Seen, thing: Any) -> str:
    found = seen.campaigns.get(thing.campaign)
    return found.key if found else ""


def _owner(seen: Seen, thing: Any) -> str:
    found = seen.campaigns.get(thing.campaign)
    return seen.advertisers.get(found.advertiser, "") if found else ""


def _deal_key(seen: Seen, thing: Any) -> str:
    return seen.keys[id(thing)]


def _places(kind: str, *plain: str, **others: Place) -> dict[str, Place]:
    return {
        "key": _plain("key"),
        "id": _plain("id"),
        "created": lambda seen, thing: moment(seen.mark(kind, thing).created_ns),
        "updated": lambda seen, thing: moment(seen.mark(kind, thing).updated_ns),
        "deleted": lambda seen, thing: bool(seen.mark(kind, thing).deleted_ns),
        **{name: _plain(name) for name in plain},
        **others,
    }


_BUDGETS = {name: _budget(name) for name in ("hourly_budget", "daily_budget", "total_budget")}
_ADVERTISER: Place = lambda seen, thing: seen.advertisers.get(thing.advertiser, "")  # noqa: E731
_AGENCY: Place = lambda seen, thing: seen.agencies.get(thing.agency, "")  # noqa: E731
_EXCHANGE: Place = lambda seen, thing: seen.exchanges.get(thing.exchange, "")  # noqa: E731

_LISTED = (
    Kind(
        "exchanges", "exchange", EXCHANGE, owned=False, has_status=False,
        places=_places("exchanges", "currency", "adapter", "seat"),
    ),
    Kind(
        "agencies", "agency", AGENCY, owned=False, money=("funding", "credit_limit"),
        places=_places("agencies", "name", "currency", "time_zone", "funding", "status", **_BUDGETS),
    ),
    Kind("fees", "fee", FEE, owned=False, has_status=False, money=("share_ppm", "cpm"), places=_places("fees", "name")),
    Kind(
        "advertisers", "advertiser", ADVERTISER,
        house=("agency", "currency", "fees", "funding", "credit_limit", "status"),
        money=("fees", "funding", "credit_limit"),
        places=_places(
            "advertisers", "name", "currency", "time_zone", "domain", "funding", "status", agency=_AGENCY, **_BUDGETS
        ),
    ),
    Kind(
        "audiences", "audience", tuple(name for name in AUDIENCE if name not in ("file", "columns")),
        house=("data_cpm",), has_status=False,
        places=_places("audiences", "name", "size", advertiser=_ADVERTISER),
    ),
    Kind(
        "creatives", "creative", CREATIVE,
        places=_places(
            "creatives", "format", "width", "height", "language", "status", "landing_url", advertiser=_ADVERTISER
        ),
    ),
    Kind(
        "deals", "deal", DEAL, has_status=False,
        places=_places("deals", "code", key=_deal_key, advertiser=_ADVERTISER, exchange=_EXCHANGE),
    ),
    Kind(
        "campaigns", "campaign", tuple(name for name in CAMPAIGN if name != "line_items"),
        house=("fees",), money=("fees",),
        places=_places(
            "campaigns", "name", "status", "special_category", advertiser=_ADVERTISER,
            start=lambda seen, thing: moment(thing.start_ns), end=lambda seen, thing: moment(thing.end_ns), **_BUDGETS,
        ),
    ),
    Kind(
        "line_items", "line_item", ("campaign", *LINE_ITEM),
        places=_places(
            "line_items", "name", "status", "pacing", campaign=_campaign, advertiser=_owner,
            strategy=lambda seen, thing: thing.strategy.name,
            bid_cpm=lambda seen, thing: Decimal(thing.highest_cpm).scaleb(-6), **_BUDGETS,
        ),
    ),
    Kind(
        "block_lists", "block_list", BLOCK_LIST,
        places=_places(
            "block_lists", "status", agency=_AGENCY,
            advertiser=lambda seen, thing: seen.advertisers.get(thing.advertiser, ""),
            campaign=_campaign,
        ),
    ),
)  # fmt: skip
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _LISTED}
