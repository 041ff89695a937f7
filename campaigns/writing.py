"""What is stored, as a campaign file says it: the other way round of `campaigns.reading`, which makes the same of it
again.

An entry has the fields that are not as they are by default. Members of audiences, and what outbid itself works out,
are no part of a file.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.catalogue import KINDS, Catalogue
from campaigns.risk_terms import POINTS
from campaigns.supply_rules import SCOPES
from campaigns.writing_creatives import creative
from campaigns.writing_exchanges import exchange
from campaigns.written import Form, amount, caps, changed, cpm, given, limits, moment, otherwise, plain, share, status
from domain.attribution import Attribution
from domain.audience import AudienceSet
from domain.audience_rule import AllOf, AnyOf, Happened, Not, Rule
from domain.campaign import (
    Advertiser,
    Agency,
    Audience,
    BlockList,
    Campaign,
    Deal,
    Fee,
    LineItem,
    Multiplier,
    SupplyRules,
    Targeting,
)
from domain.creative import Creative
from domain.exchange import Exchange
from domain.frequency import window
from domain.money import RATE_UNIT
from domain.strategy import BY_VALUE, EXPLORE_PPM, NEEDS_GOAL, RATIO_UNIT
from domain.worth import PPM, RiskRules, ScoreMultiplier


class Writing:
    """Writes what is in one catalogue."""

    def __init__(self, known: Catalogue) -> None:
        self.known = known
        self._keys = {kind: {thing.id: key for key, thing in getattr(known, kind).items()} for kind in KINDS}
        self._owners = {owner.id: owner for owner in known.advertisers.values()}

    def file(self) -> dict[str, list[Form]]:
        """All of it, in the order in which a file has its sections; those without anything are left out."""
        sections: dict[str, list[Form]] = {"rates": self.rates()}
        for kind in KINDS:
            if kind not in ("line_items", "block_lists"):
                sections[kind] = [self.entry(kind, key) for key in getattr(self.known, kind)]
        of_campaign: dict[int, list[Form]] = {}
        for key, item in self.known.line_items.items():
            of_campaign.setdefault(item.campaign, []).append(self.entry("line_items", key))
        for key, form in zip(self.known.campaigns, sections["campaigns"], strict=True):
            form |= given(line_items=of_campaign.get(self.known.campaigns[key].id))
        sections["block_lists"] = [self.entry("block_lists", key) for key in self.known.block_lists]
        order = ("exchanges", "rates", "agencies", "fees", "advertisers", "audiences", "creatives", "deals")
        return {name: sections[name] for name in (*order, "campaigns", "block_lists") if sections[name]}

    def entry(self, kind: str, key: str) -> Form:
        """One thing, by its kind (`campaigns.catalogue.KINDS`) and key; of a campaign without its line items. Raises
        KeyError."""
        thing = getattr(self.known, kind)[key]
        match thing:
            case Exchange():
                return exchange(thing)
            case Creative():
                return creative(thing, self._keys["advertisers"][thing.advertiser])
            case Agency():
                return {"key": key, "name": thing.name} | _account(thing) | status(thing.status)
            case Fee():
                price = {"share": share(thing.share_ppm)} if thing.share_ppm else {"cpm": cpm(thing.cpm)}
                return {"key": key, "name": thing.name} | price
            case Advertiser():
                return self._advertiser(thing)
            case Audience():
                return self._audience(thing)
            case Deal():
                owner, seller = self._keys["advertisers"][thing.advertiser], self._keys["exchanges"][thing.exchange]
                return {"key": key, "advertiser": owner, "exchange": seller, "code": thing.code}
            case Campaign():
                return self._campaign(thing)
            case LineItem():
                return self._line_item(thing)
            case BlockList():
                return self._block_list(thing)
        raise KeyError(kind)

    def resource(self, kind: str, key: str) -> Form:
        """As `entry`, of a thing by itself: a line item, too, says whose it is. Raises KeyError."""
        if kind != "line_items":
            return self.entry(kind, key)
        return {"campaign": self._keys["campaigns"][self.known.line_items[key].campaign]} | self.entry(kind, key)

    def rates(self) -> list[Form]:
        """Exchange rates, the last word of each day."""
        last = {(rate.base, rate.quote, rate.day): rate.per_unit for rate in self.known.rates}
        return [
            {"base": base, "quote": quote, "day": day, "rate": plain(Decimal(per_unit) / RATE_UNIT)}
            for (base, quote, day), per_unit in last.items()
        ]

    def _advertiser(self, it: Advertiser) -> Form:
        return (
            {"key": it.key, "name": it.name}
            | given(agency=self._keys["agencies"].get(it.agency))
            | _account(it)
            | {"domain": it.domain, "categories": list(it.categories)}
            | given(
                categories_in={name: list(ids) for name, ids in it.categories_in.items()},
                fees=self._listed("fees", it.fees),
                frequency_caps=caps(it.frequency_caps),
                suppress=self._listed("audiences", it.suppress),
                lifecycle=dict(it.lifecycle),
                attribution=_attribution(it.attribution),
            )
            | status(it.status)
        )

    def _audience(self, it: Audience) -> Form:
        return {"key": it.key, "advertiser": self._keys["advertisers"][it.advertiser], "name": it.name} | given(
            ttl=window(it.ttl_s) if it.ttl_s and not it.lookalike_of else None,
            of=self._set(it.of) if it.of else None,
            rule=self._rule(it.rule) if it.rule else None,
            data_cpm=cpm(it.data_cpm) if it.data_cpm else None,
            frequency_caps=caps(it.frequency_caps),
        )

    def _set(self, of: AudienceSet) -> Form:
        def parts(listed: Sequence[int | AudienceSet]) -> list[Any]:
            return [
                self._set(part) if isinstance(part, AudienceSet) else self._keys["audiences"][part] for part in listed
            ]

        return given(all=parts(of.all_of), any=parts(of.any_of), **{"not": parts(of.none_of)})

    def _rule(self, rule: Rule) -> Form:
        match rule:
            case AllOf(of):
                return {"all": [self._rule(part) for part in of]}
            case AnyOf(of):
                return {"any": [self._rule(part) for part in of]}
            case Not(of):
                return {"not": self._rule(of)}
            case Happened():
                said = given(
                    page=list(rule.pages),
                    url=list(rule.urls),
                    event=list(rule.events),
                    campaign=self._listed("campaigns", rule.campaigns),
                    line_item=self._listed("line_items", rule.line_items),
                    within=window(rule.within_s) if rule.within_s else None,
                    at_least=rule.at_least if rule.at_least != 1 else None,
                )
                return {rule.what: said}

    def _campaign(self, it: Campaign) -> Form:
        owner = self._owners[it.advertiser]
        zone = ZoneInfo(owner.time_zone)
        form: Form = {"key": it.key, "advertiser": owner.key, "name": it.name}
        form |= {"start": moment(it.start_ns, zone), "end": moment(it.end_ns, zone, end=True)} | limits(it.limits)
        if it.fees is not None:
            form["fees"] = self._listed("fees", it.fees)
        return (
            form
            | given(
                frequency_caps=caps(it.frequency_caps),
                suppress=self._listed("audiences", it.suppress),
                special_category=it.special_category,
                attribution=_attribution(it.attribution),
            )
            | status(it.status)
        )

    def _line_item(self, it: LineItem) -> Form:
        return (
            {"key": it.key, "name": it.name}
            | _price(it)
            | given(
                targeting=it.targeting.written,
                creatives=self._listed("creatives", it.creatives),
                deals=self._listed("deals", it.deals),
                deals_only=False if it.deals and not it.deals_only else None,
            )
            | limits(it.limits)
            | otherwise(it, "pacing", "interstitials", "roadblock", "one_per_pod", "pod_slot")
            | given(
                frequency_caps=caps(it.frequency_caps),
                competitive_separation="category" if it.separate_categories else None,
                competitors=self._listed("advertisers", it.separate_from),
                supply=changed(it.supply, SupplyRules()),
                risk=_risk(it.risk),
            )
            | status(it.status)
        )

    def _block_list(self, it: BlockList) -> Form:
        scope = {name: self._keys[kind][getattr(it, name)] for name, kind in SCOPES.items() if getattr(it, name)}
        return (
            {"key": it.key}
            | scope
            | given(
                domains=list(it.domains),
                bundles=list(it.bundles),
                publishers=[f"{self._keys['exchanges'][seller]}:{account}" for seller, account in it.publishers],
                nodes=[f"{system}:{seller}" if seller else system for system, seller in it.nodes],
            )
            | status(it.status)
        )

    def _listed(self, kind: str, ids: Sequence[int]) -> list[str]:
        return [self._keys[kind][id_] for id_ in ids]


def _account(it: Agency | Advertiser) -> Form:
    form: Form = {"currency": it.currency, "time_zone": it.time_zone}
    if it.funding != "open":
        form["funding"] = it.funding
    if it.funding == "credit":
        form["credit_limit"] = amount(it.credit_limit)
    return form | limits(it.limits)


def _price(it: LineItem) -> Form:
    how = it.strategy
    form: Form = {}
    if how.computed:
        form["strategy"] = how.name
        if how.name in NEEDS_GOAL:
            form["goal"] = plain(Decimal(how.goal) / RATIO_UNIT) if how.name in BY_VALUE else amount(how.goal)
    else:
        form["bid_cpm"] = cpm(it.bid_cpm)
    form |= given(
        bid_cap_cpm=cpm(it.bid_cap_cpm) if it.bid_cap_cpm else None,
        conversion=how.conversion,
        conversion_value=amount(how.conversion_value) if how.conversion_value else None,
        multipliers=[_multiplier(one) for one in it.multipliers],
    )
    if how.name == "credit_value":
        form |= {"margin": amount(how.margin), "exposure": amount(how.exposure), "lgd": share(how.lgd_ppm)}
        form |= {"p_approved": share(how.p_approved_ppm), "pd": share(how.pd_ppm)}
    if how.computed and how.explore_ppm != EXPLORE_PPM:
        form["explore"] = share(how.explore_ppm) if how.explore_ppm else 0
    return form


def _risk(rules: RiskRules) -> Form:
    form = changed(rules, RiskRules())
    if form.pop("max_pd_ppm", None) is not None:
        form["max_pd"] = share(rules.max_pd_ppm)
    if rules.multipliers:
        form["multipliers"] = [_score_multiplier(one) for one in rules.multipliers]
    return form


def _score_multiplier(one: ScoreMultiplier) -> Form:
    low, high = POINTS.get(one.score, (0, PPM))
    ends = {"from": (one.least, low), "to": (one.below, high + 1)}
    said = {name: n if one.score in POINTS else share(n) for name, (n, usual) in ends.items() if n != usual}
    return {"score": one.score} | said | {"factor": plain(Decimal(one.factor) / RATIO_UNIT)}


def _multiplier(one: Multiplier) -> Form:
    when: Targeting = one.when
    return {"when": when.written, "factor": plain(Decimal(one.factor) / RATIO_UNIT)}


def _attribution(said: Attribution) -> Form:
    def words(seconds: int | None) -> str | int | None:
        return window(seconds) if seconds else seconds

    form = {
        "click_window": words(said.click_window_s),
        "view_window": words(said.view_window_s),
        "viewable_only": said.viewable_only,
    }
    return {name: value for name, value in form.items() if value is not None}
