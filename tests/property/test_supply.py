"""The supply stage against a twin that reads the nouns: no ids, no bits, no records."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bidder.auction import NoBid
from domain.campaign import BlockList, LineItem, Snapshot, SupplyRules, Targeting
from tests.auction_table import Table, snapshot
from tests.examples import examples

SYSTEMS = ("usx.example", "ssp.example")
ACCOUNTS = ("1", "2")
DOMAINS = ("news.example", "a.news.example", "b.a.news.example", "other.example")
BUNDLES = ("com.dev.game", "77")
NODES = st.tuples(st.sampled_from(SYSTEMS), st.sampled_from(ACCOUNTS))
RULES = st.builds(
    SupplyRules,
    st.sampled_from(("any", "not_unauthorised", "authorised", "direct")),
    st.sampled_from(("any", "not_incomplete", "complete")),
    st.sampled_from(("any", "not_missing", "listed")),
    st.sampled_from((0, 0, 1, 2)),
)
EVERYBODY = [(system, account) for system in SYSTEMS for account in ACCOUNTS]
SAID = st.lists(st.sampled_from(("DIRECT", "RESELLER", "")), min_size=len(EVERYBODY), max_size=len(EVERYBODY))
LISTED = SAID.map(lambda said: [(*who, kind) for who, kind in zip(EVERYBODY, said, strict=True) if kind])
FILES = st.fixed_dictionaries({
    "ads.txt": st.fixed_dictionaries(
        {"news.example": LISTED},
        optional={
            "a.news.example": LISTED | st.just("news.example"), "other.example": st.none() | st.just("news.example"),
        },
    ),
    "app-ads.txt": st.fixed_dictionaries(
        {"dev.example": st.none() | LISTED}, optional={"com.dev.game": LISTED | st.just("dev.example")}
    ),
    "sellers.json": st.dictionaries(st.sampled_from(SYSTEMS), st.lists(st.sampled_from(ACCOUNTS)), min_size=1),
})  # fmt: skip
SCOPES = ({}, {"agency": 1}, {"agency": 2}, {"advertiser": 1}, {"advertiser": 2}, {"campaign": 1}, {"campaign": 3})
LISTS = st.lists(
    st.builds(
        lambda scope, domains, bundles, publishers, nodes, status: BlockList(
            1, "b", **scope, domains=domains, bundles=bundles, publishers=publishers, nodes=nodes, status=status
        ),
        st.sampled_from(SCOPES),
        st.lists(st.sampled_from((*DOMAINS, "dev.example")), max_size=1).map(tuple),
        st.lists(st.sampled_from(BUNDLES), max_size=1).map(tuple),
        st.lists(st.tuples(st.integers(1, 2), st.sampled_from(ACCOUNTS)), max_size=1).map(tuple),
        st.lists(st.tuples(st.sampled_from(SYSTEMS), st.sampled_from(("", *ACCOUNTS))), max_size=1).map(tuple),
        st.sampled_from(("active", "active", "paused")),
    ),
    max_size=2,
)  # fmt: skip
CHAIN = st.fixed_dictionaries(
    {
        "complete": st.sampled_from((1, 1, 1, 0)),
        "nodes": st.lists(NODES, max_size=3),
        "ver": st.sampled_from(("1.0", "1.0", "2.0")),
    }
)
PLACES = st.one_of(
    st.sampled_from(DOMAINS).map(lambda domain: {"site": {"domain": domain}}),
    st.tuples(st.sampled_from(BUNDLES), st.sampled_from(({}, {"domain": "dev.example"}))).map(
        lambda app: {"app": {"bundle": app[0], **app[1]}}
    ),
)


class Twin:
    """Whether a line item wants a request from those who sell it."""

    def __init__(self, campaigns: Snapshot, files: dict[str, Any], request: dict[str, Any]) -> None:
        self.campaigns, self.files = campaigns, files
        self.app = "app" in request
        self.place = request["app"] if self.app else request["site"]
        self.publisher = self.place.get("publisher", {}).get("id")
        self.system = campaigns.exchanges[0].ads_domain
        chain = request.get("source", {}).get("schain")
        self.nodes = [(node["asi"], node["sid"]) for node in chain["nodes"]] if chain else []
        whole = bool(chain) and chain["complete"] == 1 and bool(self.nodes) and chain["ver"] == "1.0"
        if whole and self.system and self.nodes[-1][0] != self.system:
            whole = False
        self.chain = "whole" if whole else "broken" if chain is not None else "untold"

    def sellers_of_file(self) -> list[tuple[str, str, str]] | None:
        kind = self.files["app-ads.txt" if self.app else "ads.txt"]
        if self.app:
            names = [self.place["bundle"], *([self.place["domain"]] if "domain" in self.place else [])]
        else:
            parts = self.place["domain"].split(".")
            names = [".".join(parts[i:]) for i in range(len(parts) - 1)]
        name = next((name for name in names if name in kind), None)
        found = kind.get(name)
        found = kind.get(found) if isinstance(found, str) else found
        return None if isinstance(found, str) else found

    def authorisation(self) -> str:
        seller = None
        if self.system and self.publisher:
            seller = (self.system, self.publisher)
        elif self.nodes and (not self.system or self.nodes[-1][0] == self.system or not self.publisher):
            seller = self.nodes[-1]
        found = self.sellers_of_file()
        if found is None or seller is None:
            return "unknown"
        said = {kind for system, account, kind in found if (system, account) == seller}
        if not said or any((system, account) not in {(s, a) for s, a, _ in found} for system, account in self.nodes):
            return "unauthorised"
        return "direct" if "DIRECT" in said else "reseller"

    def listing(self) -> str:
        pairs = list(self.nodes)
        if self.system and self.publisher:
            pairs.append((self.system, self.publisher))
        known = self.files["sellers.json"]
        if any(system in known and account not in known[system] for system, account in pairs):
            return "missing"
        return "listed" if pairs and all(system in known for system, _ in pairs) else "unknown"

    def blocked(self, item: LineItem) -> bool:
        campaign = next(c for c in self.campaigns.campaigns if c.id == item.campaign)
        advertiser = next(a for a in self.campaigns.advertisers if a.id == campaign.advertiser)
        for one in self.campaigns.block_lists:
            mine = (
                one.status == "active"
                and one.agency in (0, advertiser.agency)
                and one.advertiser in (0, advertiser.id)
                and one.campaign in (0, campaign.id)
            )
            if not mine:
                continue
            domain = self.place.get("domain", "")
            if self.app:
                here = self.place["bundle"] in one.bundles or domain in one.domains
            else:
                here = any(domain == name or domain.endswith("." + name) for name in one.domains)
            if here or (1, self.publisher) in one.publishers:
                return True
            if any((system, account) in one.nodes or (system, "") in one.nodes for system, account in self.nodes):
                return True
        return False

    def wants(self, item: LineItem) -> bool:
        rules = item.supply
        allowed = {
            "any": True,
            "not_unauthorised": self.authorisation() != "unauthorised",
            "authorised": self.authorisation() in ("direct", "reseller"),
            "direct": self.authorisation() == "direct",
        }[rules.ads_txt]
        chain = {"any": True, "not_incomplete": self.chain != "broken", "complete": self.chain == "whole"}[rules.schain]
        listed = {"any": True, "not_missing": self.listing() != "missing", "listed": self.listing() == "listed"}
        short = not rules.max_hops or len(self.nodes) <= rules.max_hops
        return allowed and chain and listed[rules.sellers_json] and short and not self.blocked(item)


@settings(max_examples=examples(500), deadline=None)
@given(
    st.lists(RULES, min_size=3, max_size=3), LISTS, FILES, PLACES,
    st.none() | st.sampled_from(ACCOUNTS), st.none() | CHAIN,
    st.sampled_from(("usx.example", "usx.example", "")),
)  # fmt: skip
def test_the_stage_agrees_with_its_twin(
    rules: list[SupplyRules],
    lists: list[BlockList],
    files: dict[str, Any],
    place: dict[str, Any],
    publisher: str | None,
    chain: dict[str, Any] | None,
    ads_domain: str,
) -> None:
    base = snapshot()
    campaigns = (*base.campaigns[:1], replace(base.campaigns[0], id=3, key="other"))
    everybody = Targeting()
    items = tuple(
        replace(
            base.line_items[0],
            id=20 + n,
            key=f"l{n}",
            campaign=(1, 3, 1)[n],
            supply=rule,
            targeting=everybody,
        )
        for n, rule in enumerate(rules)
    )
    known = replace(
        base,
        exchanges=(replace(base.exchanges[0], ads_domain=ads_domain), *base.exchanges[1:]),
        advertisers=(replace(base.advertisers[0], agency=1), *base.advertisers[1:]),
        campaigns=campaigns,
        line_items=items,
        block_lists=tuple(lists),
    )
    request: dict[str, Any] = {"id": "r", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}], **place}
    if publisher is not None:
        next(iter(place.values()))["publisher"] = {"id": publisher}
    if chain is not None:
        nodes = [{"asi": system, "sid": account, "hp": 1} for system, account in chain["nodes"]]
        request["source"] = {"schain": {**chain, "nodes": nodes}}
    table = Table(known)
    said = {name: [[name, account, "BOTH"] for account in accounts] for name, accounts in files["sellers.json"].items()}
    table.files.put({**files, "sellers.json": said})
    table.auction.candidates.keep_reasons = True
    outcome = table.decide(request)
    gone = {
        table.view.line_items[line].key for stage, line, *_ in table.auction.candidates.reasons if stage == "supply"
    }
    twin = Twin(known, files, request)
    assert gone == {item.key for item in items if not twin.wants(item)}
    if len(gone) == len(items):
        assert isinstance(outcome, NoBid) and outcome.stage == "supply"
        assert int(outcome.reason) in (7, 11, 12, 16, 17, 520, 521)
