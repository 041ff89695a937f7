"""What is kept of a request that may only be used by its context: nothing that tells people apart, and all that context
targeting sees."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bidder.candidates import Candidates
from bidder.enrichment.chain import Chain
from bidder.enrichment.device import DeviceModule
from bidder.enrichment.geo import GeoModule
from bidder.reach_match import Matches
from bidder.select import facts_of, select
from domain.campaign import Targeting
from openrtb.decode import decode
from openrtb.impersonal import impersonal
from openrtb.parse import Malformed
from openrtb.request import Request
from targeting.dimensions import Dimension
from targeting.expression import published
from tests.auction_table import NOW_NS, Table, merge, snapshot
from tests.examples import examples
from tests.property.requests import CLEAN, SLOPPY
from tests.property.test_context import RICH
from tests.strangers.bases import BASES
from tests.targeting_twin import words

CHAIN = Chain([GeoModule(), DeviceModule()])


def asking_for_everything() -> Table:
    """One line item that asks for every dimension, each in an alternative of its own."""
    ways = [way for d in Dimension for way in published({d.name.lower(): words(d)[:1]}).any_of]
    campaigns = snapshot()
    item = replace(campaigns.line_items[0], targeting=Targeting(tuple(ways)))
    return Table(replace(campaigns, line_items=(item,)))


TABLE = asking_for_everything()


def seen(body: bytes) -> object:
    """All that targeting has of a request whose person is forgotten, and the floors that are asked for."""
    request, candidates, matches = Request(), Candidates(), Matches()
    seller = TABLE.view.sellers["usx"]
    try:
        if refused := decode(request, body, seller.exchange, NOW_NS):
            return refused
    except Malformed:
        return None
    request.forget_person()
    CHAIN.enrich(request)
    selected = select(candidates, TABLE.view, seller, request, body)
    matches.add(candidates, TABLE.view, seller, request, 0)
    facts = {d: sorted(of) for d, of in facts_of(candidates).items() if d is not Dimension.CONSENT}
    return selected, facts, [column.tolist() for column in matches.arrays()]


@settings(max_examples=examples(150), deadline=None)
@given(st.one_of(CLEAN, SLOPPY))
@example(RICH)
@example(BASES[0])
@example(BASES[1])
@example(BASES[2])
def test_context_is_kept(made: dict[str, Any]) -> None:
    body = json.dumps(made).encode()
    expected = seen(body)
    if expected is not None:
        assert seen(impersonal(body)) == expected


PERSON = {
    "device": {
        "ip": "203.0.113.77", "ipv6": "2001:db8:aaaa:bbbb:cccc::1", "ifa": "secret-ifa", "didsha1": "secret-did",
        "dpidmd5": "secret-dpid", "macsha1": "secret-mac", "ext": {"ifv": "secret-ifv", "x": "secret-ext"},
        "geo": {"lat": 40.712776, "lon": -74.005974, "zip": "secret-zip", "city": "secret-city", "country": "USA"},
    },
    "user": {
        "id": "secret-id", "buyeruid": "secret-buyer", "yob": 1234, "gender": "F", "keywords": "secret-word",
        "eids": [{"source": "uidapi.com", "uids": [{"id": "secret-eid"}]}], "customdata": "secret-custom",
        "consent": "secret-consent", "ext": {"eids": [{"source": "a.example", "uids": [{"id": "secret-eid"}]}]},
    },
    "site": {"page": "https://news.example/a?who=secret-query#secret-part", "ref": "https://a.example/secret-ref",
             "search": "secret-search", "ext": {"visitor": "secret-visitor"}},
    "imp": [{"id": "1", "banner": {"w": 300, "h": 250}, "ext": {"session": "secret-session", "data": {"a": "kept"}}}],
    "source": {"tid": "secret-tid"}, "ext": {"fingerprint": "secret-print"},
    "regs": {"gdpr": 1, "gpp": "secret-gpp", "ext": {"visitor": "secret-regs"}},
}  # fmt: skip


def test_nothing_tells_who_it_was() -> None:
    left = impersonal(json.dumps(merge(RICH, PERSON)).encode()).decode()
    for told in ("secret", "1234", "40.71", "203.0.113.77", "bbbb", "user"):
        assert told not in left, told
    kept = json.loads(left)
    assert kept["device"]["ip"] == "203.0.113.0"
    assert kept["device"]["ipv6"] == "2001:db8:aaaa::"
    assert kept["imp"][0]["ext"] == {"data": {"a": "kept"}}
