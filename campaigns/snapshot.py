"""Compiling the catalogue into the snapshot that bidders decide on."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec

from campaigns.catalogue import Catalogue
from domain.campaign import Clause, FeeTerms, LineItem, Multiplier, Snapshot, Targeting
from domain.clock import utc
from domain.exchange import Approval
from domain.exchange_rates import effective
from targeting.audience_algebra import Definitions, definitions_of, expanded, resolved
from targeting.expression import Ill

HOURS = 168
log = logging.getLogger(__name__)

NO_TERMS: Mapping[int, FeeTerms] = {}


def compile_snapshot(
    catalogue: Catalogue,
    published_ns: int,
    terms: Mapping[int, FeeTerms] = NO_TERMS,
    approvals: tuple[Approval, ...] = (),
) -> Snapshot:
    """The catalogue at its version, as it holds at ``published_ns``: today's rates, and hours of the week in UTC.

    ``terms``: the fees that line items pay, by their ids. ``approvals``: what exchanges think of creatives.
    """
    today = utc(published_ns).date().isoformat()
    currencies = {e.currency for e in catalogue.exchanges.values()}
    currencies |= {a.currency for a in catalogue.advertisers.values()}
    rates = effective(catalogue.rates, today).values()
    zones = {a.id: ZoneInfo(a.time_zone) for a in catalogue.advertisers.values()}
    zone_of = {c.id: zones[c.advertiser] for c in catalogue.campaigns.values()}
    definitions = definitions_of(catalogue.audiences.values())
    return Snapshot(
        version=catalogue.version,
        published_ns=published_ns,
        exchanges=tuple(catalogue.exchanges.values()),
        rates=tuple(sorted((rate for rate in rates if rate.quote in currencies), key=lambda rate: rate.id)),
        advertisers=tuple(catalogue.advertisers.values()),
        campaigns=tuple(catalogue.campaigns.values()),
        line_items=tuple(
            msgspec.structs.replace(
                _in_utc(_of_lists(item, definitions), offset_hours(zone_of[item.campaign], published_ns)),
                terms=terms[item.id].id if item.id in terms else 0,
            )
            for item in catalogue.line_items.values()
        ),
        creatives=tuple(catalogue.creatives.values()),
        deals=tuple(catalogue.deals.values()),
        audiences=tuple(catalogue.audiences.values()),
        agencies=tuple(catalogue.agencies.values()),
        terms=tuple(sorted({t.id: t for t in terms.values()}.values(), key=lambda t: t.id)),
        block_lists=tuple(catalogue.block_lists.values()),
        approvals=approvals,
    )


def stale(catalogue: Catalogue, published_ns: int, now_ns: int) -> bool:
    """Whether a snapshot of this catalogue, compiled at ``published_ns``, would come out otherwise now.

    It does on days from which another exchange rate holds, and when clocks are changed where an advertiser is.
    """
    before, now = utc(published_ns).date().isoformat(), utc(now_ns).date().isoformat()
    if before != now and effective(catalogue.rates, before) != effective(catalogue.rates, now):
        return True
    zones = {ZoneInfo(a.time_zone) for a in catalogue.advertisers.values()}
    return any(offset_hours(zone, published_ns) != offset_hours(zone, now_ns) for zone in zones)


def offset_hours(zone: ZoneInfo, at_ns: int) -> int:
    """Whole hours that a zone's clocks are ahead of UTC; a half hour is rounded down."""
    offset = utc(at_ns).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(hours=1)


def _of_lists(item: LineItem, definitions: Definitions) -> LineItem:
    """Imports refuse what makes no sense; what gets past them is shown to nobody."""
    try:
        item = resolved(item, definitions)
    except Ill as ill:
        log.error("line item %s wants nothing: with its audiences as defined, %s", item.key, ill)
        item = msgspec.structs.replace(item, targeting=Targeting(()))
    if not item.multipliers:
        return item
    return _whens(item, lambda when: _expanded(item, when, definitions))


def _expanded(item: LineItem, when: Targeting, definitions: Definitions) -> Targeting:
    try:
        return expanded(when, definitions)
    except Ill as ill:
        log.error("a multiplier of line item %s holds nowhere: with its audiences as defined, %s", item.key, ill)
        return Targeting(())


def _whens(item: LineItem, change: Callable[[Targeting], Targeting]) -> LineItem:
    """With each multiplier's expression changed."""
    multipliers = tuple(Multiplier(change(one.when), one.factor) for one in item.multipliers)
    return msgspec.structs.replace(item, multipliers=multipliers)


def _in_utc(item: LineItem, ahead: int) -> LineItem:
    item = msgspec.structs.replace(item, targeting=in_utc(item.targeting, ahead))
    return _whens(item, lambda when: in_utc(when, ahead)) if item.multipliers else item


def in_utc(targeting: Targeting, ahead: int) -> Targeting:
    """As a snapshot has it: hours of the week of a zone whose clocks are ``ahead`` hours of UTC, in UTC."""

    def shifted(clause: Clause) -> Clause:
        if clause.dimension != "hour_of_week":
            return clause
        return Clause(clause.dimension, _shift(clause.values, ahead), clause.wanted)

    return Targeting(tuple(tuple(shifted(clause) for clause in each) for each in targeting.any_of))


def _shift(hours: Iterable[str], ahead: int) -> tuple[str, ...]:
    return tuple(str(hour) for hour in sorted((int(hour) - ahead) % HOURS for hour in hours))
