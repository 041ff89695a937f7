"""A campaign file's content into a `Catalogue`: every field checked, every reference resolved, every mistake noted.

The form of the file is documented in docs/campaigns.md. Things are read in the order in which they refer to each other.
"""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from campaigns import (
    attribution_terms,
    audience_rules,
    audience_terms,
    fair_audiences,
    rule_terms,
    special_categories,
    strategy_terms,
    supply_rules,
    terms,
    values,
)
from campaigns.catalogue import Catalogue
from campaigns.creatives import CREATIVE, read_creative
from campaigns.exchanges import EXCHANGE, read_exchange
from campaigns.frequency import read_caps
from campaigns.references import NewId, References
from domain.campaign import (
    Advertiser,
    Agency,
    Audience,
    Campaign,
    Deal,
    Fee,
    Limits,
    LineItem,
    Rate,
    Targeting,
    wanted_values,
)
from domain.entry import Entry
from domain.errors import Problem, Refused
from domain.exchange_rates import effective, inverse
from targeting.expression import paths_of

SECTIONS = (
    *("exchanges", "rates", "agencies", "fees", "advertisers", "audiences", "creatives", "deals", "campaigns"),
    "block_lists",
)
LIMITS = tuple(Limits.__struct_fields__)
FUNDS = ("funding", "credit_limit")
AGENCY = ("key", "name", "currency", "time_zone", *FUNDS, *LIMITS, "status")
FEE = ("key", "name", "share", "cpm")
RATE = ("base", "quote", "day", "rate")
ADVERTISER = (
    *("key", "name", "agency", "currency", "time_zone", "domain", "categories", "categories_in", "fees"),
    *(*FUNDS, *LIMITS, "frequency_caps", "suppress", "lifecycle", "attribution", "status"),
)
AUDIENCE = ("key", "advertiser", "name", *audience_terms.FIELDS, "data_cpm", "frequency_caps")
DEAL = ("key", "advertiser", "exchange", "code")
CAMPAIGN = (
    *("key", "advertiser", "name", "start", "end", *LIMITS, "fees", "frequency_caps", "suppress", "status"),
    *("special_category", "attribution", "line_items"),
)
LINE_ITEM = (
    *("key", "name", *strategy_terms.FIELDS, "targeting", "creatives", *LIMITS, "pacing"),
    *("frequency_caps", "deals", "supply", *rule_terms.LINE_ITEM_RULES, "status"),
)

_status = values.choice("active", "paused")


class Reading:
    """One file on its way into a catalogue: ``new`` holds all that was known and all that the file says.

    ``today`` (YYYY-MM-DD) decides which exchange rates hold. ``lists`` are those of audiences that the file names files
    of; `close` them.
    """

    def __init__(self, known: Catalogue, directory: Path, new_id: NewId, today: str) -> None:
        self.references = References(known, new_id)
        self.new, self.directory, self.new_id, self.today = self.references.new, directory, new_id, today
        self.problems: list[Problem] = []
        self.lists: list[audience_terms.List] = []
        self.rules: list[tuple[Entry, str, Advertiser]] = []
        self._entries: dict[tuple[str, str], Entry] = {}

    def close(self) -> None:
        for listed in self.lists:
            listed.spool.close()

    def read(self, content: object) -> None:
        """Raises Refused with all problems if there is any."""
        file = Entry(content, "", SECTIONS, self.problems)
        self._rates(list(file.entries("rates", RATE)))
        for section, fields, read in (
            ("exchanges", EXCHANGE, self._exchange),
            ("agencies", AGENCY, self._agency),
            ("fees", FEE, self._fee),
            ("advertisers", ADVERTISER, self._advertiser),
            ("audiences", AUDIENCE, self._audience),
            ("creatives", CREATIVE, self._creative),
            ("deals", DEAL, self._deal),
            ("campaigns", CAMPAIGN, self._campaign),
            ("block_lists", supply_rules.BLOCK_LIST, self._block_list),
        ):
            for entry in file.entries(section, fields):
                read(entry)
        self._refer_to_audiences()
        for told in self.rules:  # last: they may name campaigns and line items, which may name audiences
            self._rule(*told)
        if self.problems:
            raise Refused(self.problems)
        self._check_rates(file)
        audience_terms.check_sets(self.new, self._entries, self.problems)
        fair_audiences.check(self.new, self._entries, self.problems)
        if self.problems:
            raise Refused(self.problems)

    def _exchange(self, e: Entry) -> None:
        key, id_ = self.references.identify("exchanges", e)
        self.references.keep("exchanges", e, key, read_exchange(e, id_, key), "currency")

    def _agency(self, e: Entry) -> None:
        key, id_ = self.references.identify("agencies", e)
        agency = Agency(
            id=id_,
            key=key,
            name=e.take("name", values.text()),
            currency=e.take("currency", values.currency),
            time_zone=e.take("time_zone", values.time_zone),
            limits=_limits(e),
            **_funds(e),
            status=e.take("status", _status, "active"),
        )
        self.references.keep("agencies", e, key, agency, "currency")

    def _fee(self, e: Entry) -> None:
        key, id_ = self.references.identify("fees", e)
        name, share, cpm = e.take("name", values.text()), e.take("share", values.share, 0), e.take("cpm", values.cpm, 0)
        if e.sound and bool(share) == bool(cpm):
            e.wrong("share", e.values.get("share"), "either share or cpm must be given, and not both")
        self.references.keep("fees", e, key, Fee(id_, key, name, share, cpm))

    def _advertiser(self, e: Entry) -> None:
        key, id_ = self.references.identify("advertisers", e)
        agency = e.take("agency", self.references.thing("agencies", "an agency"), None)
        advertiser = Advertiser(
            id=id_,
            key=key,
            name=e.take("name", values.text()),
            currency=e.take("currency", values.currency),
            time_zone=e.take("time_zone", values.time_zone),
            domain=e.take("domain", values.domain_name),
            categories=e.take("categories", values.listed(values.category, least=1)),
            categories_in=e.take("categories_in", rule_terms.categories_in, {}),
            agency=agency.id if agency else 0,
            limits=_limits(e),
            **_funds(e),
            fees=self._fees(e) or (),
            status=e.take("status", _status, "active"),
            frequency_caps=read_caps(e),
            lifecycle=e.take("lifecycle", audience_rules.lifecycle, {}),
            attribution=attribution_terms.read(e),
        )
        if agency and advertiser.currency and agency.currency != advertiser.currency:
            e.wrong("agency", agency.key, f"it must be an agency that accounts in {advertiser.currency}, too")
        self.references.keep("advertisers", e, key, advertiser, "currency", "agency")
        self._entries["advertisers", key] = e

    def _fees(self, e: Entry) -> tuple[int, ...] | None:
        fees = e.take("fees", values.listed(self.references.id_of("fees", "a fee")), None)
        return None if fees is None else tuple(sorted(fees))

    def _audience(self, e: Entry) -> None:
        key, id_ = self.references.identify("audiences", e)
        owner = self.references.advertiser(e)
        name, ttl_s = e.take("name", values.text()), audience_terms.ttl(e)
        before = self.references.known.audiences.get(key)
        audience_terms.check_kind(e, before)
        listed = audience_terms.read_list(e, self.directory, id_, ttl_s, self.new)
        if listed is not None:
            self.lists.append(listed)
        size, data_cpm = before.size if before else 0, e.take("data_cpm", values.cpm, 0)
        if listed is not None:
            size = len(listed.spool)
        audience = owner and Audience(id_, key, owner.id, name, size, data_cpm, read_caps(e), ttl_s)
        if audience and before and before.lookalike_of:
            kept = {name: getattr(before, name) for name in ("size", "ttl_s", "lookalike_of")}
            audience = replace(audience, **kept)
        self.references.keep("audiences", e, key, audience, "advertiser")
        self._entries["audiences", key] = e
        if owner and e.values.get("rule") is not None:
            self.rules.append((e, key, owner))

    def _refer_to_audiences(self) -> None:
        """Whom advertisers and campaigns suppress, and what audiences are made of: of audiences further down, too."""
        owners = {owner.id: owner for owner in self.new.advertisers.values()}
        for (kind, key), e in self._entries.items():
            thing = getattr(self.new, kind).get(key)
            if thing is None or kind == "line_items":
                continue
            owner = thing if kind == "advertisers" else owners.get(thing.advertiser)
            own = self.references.own("audiences", "an audience", owner)
            if kind != "audiences":
                suppressed = _ascending(e.take("suppress", values.listed(own), ()))
                getattr(self.new, kind)[key] = replace(thing, suppress=suppressed)
            elif "of" in e.values:
                self.new.audiences[key] = replace(thing, of=e.take("of", audience_terms.set_of(own)))

    def _rule(self, e: Entry, key: str, owner: Advertiser) -> None:
        """Gives an audience its rule, now that campaigns and line items are known."""
        rule = e.take("rule", audience_rules.rule(owner, self.new))
        if e.sound:
            self.new.audiences[key] = replace(self.new.audiences[key], rule=rule)

    def _creative(self, e: Entry) -> None:
        key, id_ = self.references.identify("creatives", e)
        creative = read_creative(e, id_, key, self.references.advertiser(e))
        self.references.keep("creatives", e, key, creative, "advertiser", "format")

    def _deal(self, e: Entry) -> None:
        key, id_ = self.references.identify("deals", e)
        owner = self.references.advertiser(e)
        exchange = e.take("exchange", self.references.thing("exchanges", "an exchange"))
        code = e.take("code", values.text())
        deal = Deal(id_, code, exchange.id, owner.id) if exchange and owner else None
        for other, held in self.new.deals.items():
            if deal and other != key and (held.exchange, held.code) == (deal.exchange, code):
                e.wrong("code", code, f"it must be the exchange's code of one deal only; {other!r} has it already")
        self.references.keep("deals", e, key, deal, "exchange", "advertiser")

    def _campaign(self, e: Entry) -> None:
        key, id_ = self.references.identify("campaigns", e)
        owner = self.references.advertiser(e)
        zone = ZoneInfo(owner.time_zone if owner else "UTC")
        start, end = e.take("start", values.moment(zone)), e.take("end", values.moment(zone, end=True))
        if start and end and end <= start:
            e.wrong("end", e.values["end"], f"it must be after the start, {e.values['start']!r}")
        limits, fees = _limits(e), self._fees(e)
        if not {"hourly_budget", "daily_budget", "total_budget"} & e.values.keys():
            e.wrong("daily_budget", None, "a campaign must have a daily_budget, a total_budget or an hourly_budget")
        name, caps, state = e.take("name", values.text()), read_caps(e), e.take("status", _status, "active")
        special = e.take("special_category", values.choice(*special_categories.CATEGORIES), "")
        for item in e.entries("line_items", LINE_ITEM):
            self._line_item(item, id_, owner, special)
        if special and (bad := special_categories.first_unlawful(self.new, id_)):
            e.wrong("special_category", special, f"line item {bad[0]!r} stands in the way: {bad[1]}")
        credit = attribution_terms.read(e)
        campaign = owner and Campaign(
            id_, key, owner.id, name, start, end, limits, fees, caps, state, special, attribution=credit
        )
        self.references.keep("campaigns", e, key, campaign, "advertiser")
        self._entries["campaigns", key] = e

    def _line_item(self, e: Entry, campaign: int, owner: Advertiser | None, special: str) -> None:
        references = self.references
        key, id_ = references.identify("line_items", e)
        before = references.known.line_items.get(key)
        creatives = values.listed(references.own("creatives", "a creative", owner), least=1)
        deals = values.listed(references.own("deals", "a deal", owner))
        own_deal = references.own("deals", "a deal", owner)
        codes = {deal.id: deal.code for deal in self.new.deals.values()}
        target = terms.targeting(
            owner.id if owner else 0,
            references.id_of("exchanges", "an exchange"),
            references.own("audiences", "an audience", owner),
            lambda value: codes.get(own_deal(value), ""),
            special_categories.refusal if special else terms.anything_goes,
        )
        price = strategy_terms.read(e, target)
        item = LineItem(
            id=id_,
            key=key,
            campaign=campaign,
            name=e.take("name", values.text()),
            **price._asdict(),
            targeting=e.take("targeting", target, Targeting()),
            creatives=_ascending(e.take("creatives", creatives)),
            limits=_limits(e),
            pacing=e.take("pacing", values.choice("even", "ahead", "asap"), "even"),
            frequency_caps=read_caps(e),
            deals=_ascending(e.take("deals", deals, ())),
            **rule_terms.line_item_rules(e, references, owner),
            activated_ns=before.activated_ns if before else 0,
            status=e.take("status", _status, "active"),
            supply=supply_rules.rules(e),
        )
        if e.sound and 0 not in item.creatives:
            self._check_sizes(e, item)
        references.keep("line_items", e, key, item, "campaign")
        self._entries["line_items", key] = e

    def _block_list(self, e: Entry) -> None:
        key, id_ = self.references.identify("block_lists", e)
        self.references.keep("block_lists", e, key, supply_rules.block_list(e, key, id_, self.references))

    def _check_sizes(self, e: Entry, item: LineItem) -> None:
        """A targeted size without a creative of that size would never be served, and nobody would know why."""
        by_id = {creative.id: creative for creative in self.new.creatives.values()}
        offered = {str(by_id[c].width << 16 | by_id[c].height) for c in item.creatives}
        for size in wanted_values(item.targeting, "size"):
            if size not in offered:
                shown = f"{int(size) >> 16}x{int(size) & 0xFFFF}"
                below = next(paths_of(item.targeting.written, "size"), "")
                e.wrong(f"targeting{below}", shown, "the line item must have a creative of each size it targets")

    def _rates(self, entries: list[Entry]) -> None:
        """Takes the rates; one that is given in one direction only holds in the other as well."""
        given: dict[tuple[str, str, str], int] = {}
        for e in entries:
            base, quote = e.take("base", values.currency), e.take("quote", values.currency)
            day, rate = e.take("day", values.day), e.take("rate", values.rate)
            if base and base == quote:
                e.wrong("quote", quote, "it must be another currency than base")
            if (base, quote, day) in given:
                e.wrong("day", day, f"it must be a day without a rate from {base} to {quote} in the file already")
            if e.sound:
                given[base, quote, day] = rate
        for (base, quote, day), rate in list(given.items()):
            given.setdefault((quote, base, day), inverse(rate))
        for (base, quote, day), rate in given.items():
            stored = [r.per_unit for r in self.new.rates if (r.base, r.quote, r.day) == (base, quote, day)]
            if stored[-1:] != [rate]:
                self.new.rates.append(Rate(self.new_id("rates"), base, quote, day, rate))

    def _check_rates(self, file: Entry) -> None:
        """Every advertiser can be billed for what is bought on every exchange."""
        have = effective(self.new.rates, self.today)
        places = {item["key"]: f"advertisers[{i}]" for i, item in enumerate(file.values.get("advertisers") or ())}
        sold_in = sorted({exchange.currency for exchange in self.new.exchanges.values()})
        for key, advertiser in self.new.advertisers.items():
            paid_in = advertiser.currency
            missing = [currency for currency in sold_in if currency != paid_in and (currency, paid_in) not in have]
            if missing:
                path = f"{places.get(key, f'advertiser {key}')}.currency"
                allowed = (
                    f"it must have a rate with {' and '.join(missing)}, as exchanges have it, of {self.today} or before"
                )
                self.problems.append(Problem(path, paid_in, f"{allowed}: add it to rates"))


def _limits(e: Entry) -> Limits:
    checks = {"budget": values.budget, "impressions": values.integer(1, 10**12)}
    return Limits(**{name: e.take(name, checks[name.partition("_")[2]], None) for name in LIMITS})


def _funds(e: Entry) -> dict[str, Any]:
    funding, limit = e.take("funding", values.choice("open", "prepaid", "credit"), "open"), e.values.get("credit_limit")
    if (funding == "credit") != (limit is not None):
        e.wrong("credit_limit", limit, "it must be given where funding is 'credit', and only there")
    return {"funding": funding, "credit_limit": e.take("credit_limit", values.budget, 0)}


def _ascending(ids: tuple[int, ...] | None) -> tuple[int, ...]:
    return tuple(sorted(ids or ()))
