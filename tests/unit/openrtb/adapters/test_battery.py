"""Every adapter goes through the same: an auction, the response checked, its notices called and read, the books."""

import json
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bidder.config import BidderSettings
from bidder.service import Service
from domain.events import Kind, Mark
from openrtb.adapters.registry import ADAPTERS
from simulator.checker import Checker, Loss
from simulator.markup import read_markup
from simulator.offer import read_offer
from tests.control_stores import new_control_store
from tests.unit.openrtb.adapters.exchange_player import REQUEST, Player, exchange_of

BASES = {"burl": Kind.BILLING, "nurl": Kind.WIN, "impression": Kind.IMPRESSION}
CHARGED = Decimal("1.234")
NAMES = sorted(ADAPTERS)


@pytest.fixture(scope="module", params=NAMES)
def player(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    data = tmp_path_factory.mktemp(request.param)
    with closing(new_control_store(data / "control.sqlite")) as store:
        yield Player(exchange_of(request.param), data, store)


def request(**more: Any) -> dict[str, Any]:
    """A request as this exchange would send one."""
    return {**REQUEST, **more}


def test_the_response_passes_an_independent_check(player: Player) -> None:
    asked = request()
    response, bid = player.bid(asked)
    offer = read_offer(asked, currency="USD", auction_type=2)
    answer = Checker({}).read(200, json.dumps(response).encode(), offer)
    assert not answer.fault and [b.refused for b in answer.bids] == [Loss.WON], answer
    assert response["seatbid"][0]["seat"] == player.exchange.seat and response["cur"] == "USD"
    assert bid["exp"] == player.exchange.bid_expiry_s


def test_only_the_notices_that_the_exchange_calls_are_in_it(player: Player) -> None:
    _, bid = player.bid(request())
    urls = player.exchange.notices.urls
    basis = player.exchange.billing["banner"]
    assert ("nurl" in bid, "lurl" in bid) == ("nurl" in urls, "lurl" in urls)
    assert ("burl" in bid) == (basis == "burl")


def test_what_the_exchange_charges_is_what_is_booked(player: Player) -> None:
    _, bid = player.bid(request())
    basis = BASES[player.exchange.billing["banner"]]
    called = player.urls(bid, CHARGED)
    called.pop(Kind.LOSS, None)
    assert basis in called
    told = {kind: player.call(url, kind) for kind, url in called.items()}
    assert Mark(told[basis].marks) & (Mark.NO_PRICE | Mark.CAPPED | Mark.CONTRADICTION) == Mark(0)
    priced = [n for n in told.values() if not n.marks & Mark.NO_PRICE]
    assert {n.price for n in priced} == {1_234_000}
    [settled] = player.settle()
    assert (settled.price, settled.estimated, settled.currency) == (1_234_000, False, "USD")
    for kind, url in called.items():  # retries book nothing
        assert player.call(url, kind).marks & Mark.DUPLICATE
    assert player.settle() == []


def test_a_price_above_the_bid_is_capped_and_an_empty_one_is_an_estimate(player: Player) -> None:
    basis = BASES[player.exchange.billing["banner"]]
    _, bid = player.bid(request())
    assert player.call(player.urls(bid, Decimal("9.999"))[basis], basis).marks & Mark.CAPPED
    _, bid = player.bid(request())
    empty = {"AUCTION_PRICE": "", "AUCTION_PRICE:B64": "", "AUCTION_PRICE:OXCRYPT": ""}
    notice = player.call(player.urls(bid, CHARGED, **empty)[basis], basis)
    assert notice.marks & Mark.NO_PRICE
    assert sorted((s.price, s.estimated) for s in player.settle()) == [(2_000_000, False), (2_000_000, True)]


def test_an_audit_books_nothing(player: Player) -> None:
    basis = BASES[player.exchange.billing["banner"]]
    _, bid = player.bid(request())
    audit = dict.fromkeys(("AUCTION_PRICE", "AUCTION_PRICE:OXCRYPT"), "AUDIT") | {"AUCTION_PRICE:B64": "QVVESVQ="}
    assert player.call(player.urls(bid, CHARGED, **audit)[basis], basis).marks & Mark.AUDIT
    assert player.settle() == []


def test_losses_and_what_would_have_won_are_heard(player: Player) -> None:
    _, bid = player.bid(request())
    called = player.urls(bid, CHARGED)
    if Kind.LOSS in called:
        notice = player.call(called[Kind.LOSS], Kind.LOSS)
        assert notice.loss_reason == 102
        assert notice.min_to_win == (3_210_000 if player.exchange.notices.min_to_win_macro else 0)
    if Kind.WIN in called:
        notice = player.call(called[Kind.WIN], Kind.WIN)
        assert notice.min_to_win == (3_210_000 if player.exchange.notices.min_to_win_macro else 0)


def test_a_click_goes_through_the_exchange_to_the_landing_page(player: Player) -> None:
    _, bid = player.bid(request())
    [link] = read_markup(bid["adm"]).links
    ours = player.follow_click(link)
    landing = parse_qs(urlsplit(ours).query)["u"][0]
    assert landing == "https://www.bank.example/card?a=1&b=2"
    assert player.token(ours, Kind.CLICK, landing.encode()).line_item == 11


def test_no_bids_are_told_in_the_exchanges_style(player: Player) -> None:
    service = Service(player.table.auction, SimpleNamespace(view=player.table.view, workers=1), BidderSettings())  # type: ignore[arg-type]
    sent: list[bytes] = []
    connection: Any = SimpleNamespace(secret=b"", encode=lambda body: sent.append(body) or body)
    body = json.dumps(request(regs={"coppa": 1})).encode()
    answer = service.respond(connection, b"POST", b"/openrtb2/usx", body)
    if player.exchange.no_bid == "204":
        assert answer.startswith(b"HTTP/1.1 204") and b"X-Outbid-No-Bid: 506" in answer and not sent
    else:
        assert json.loads(sent[0]) == {"id": "auction-1", "seatbid": [], "nbr": 506}


def test_too_little_time_for_the_way_back_is_no_bid(player: Player) -> None:
    outcome = player.table.decide(request(tmax=player.exchange.network_ms + 1))
    assert not isinstance(outcome, dict) and outcome.reason == 15


def test_profiles_say_where_their_facts_are_from() -> None:
    for name, adapter in ADAPTERS.items():
        assert adapter.profile.name == name
        assert name == "generic" or all(url.startswith("https://") for url in adapter.profile.sources)
        assert name == "generic" or (adapter.profile.sources and adapter.profile.settings)


def test_every_adapter_is_documented_with_its_settings() -> None:
    text = (Path(__file__).parents[4] / "docs" / "exchanges.md").read_text()
    for name, adapter in ADAPTERS.items():
        section = text.partition(f"\n### `{name}`\n")[2].partition("\n### ")[0].partition("\n## ")[0]
        assert section and adapter.profile.title in section, name
        for url in adapter.profile.sources:
            assert url in section, (name, url)
        for field, value in adapter.profile.settings.items():
            inner = value.items() if field == "notices" else [(field, value)]
            for key, setting in inner:
                assert f"`{key}`" in section and written(setting) in section, (name, key, setting)
        for note in adapter.profile.notes:
            assert note in section, (name, note)


def written(value: object) -> str:
    """A setting as the page writes it."""
    return f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value or json.dumps(value)}`"


Make = Callable[..., Player]


@pytest.fixture
def make(tmp_path: Path) -> Any:
    with closing(new_control_store(tmp_path / "control.sqlite")) as store:
        yield lambda **fields: Player(exchange_of("generic", **fields), tmp_path, store)


def test_a_price_in_base64_is_read(make: Make) -> None:
    player = make(notices={"price_macro": "${AUCTION_PRICE:B64}"})
    _, bid = player.bid(request())
    assert "b=${AUCTION_PRICE:B64}" in bid["burl"] and "p=" not in bid["burl"]
    assert player.call(player.urls(bid, CHARGED)[Kind.BILLING], Kind.BILLING).price == 1_234_000


def test_a_fee_on_top_of_the_price_is_bid_reserved_and_booked(make: Make) -> None:
    player = make(buyer_fee="25%")
    _, bid = player.bid(request())
    assert bid["price"] == 1.6  # with a quarter on top it is the 2.00 that were wanted
    [use] = [use for use in player.table.leases.uses() if use.lease == 1_011]
    assert use.reserved == 2_000_000
    notice = player.call(player.urls(bid, Decimal("1.2"))[Kind.BILLING], Kind.BILLING)
    assert (notice.price, notice.max_price, notice.marks) == (1_500_000, 2_000_000, Mark.FIRST)
    assert [s.price for s in player.settle()] == [1_500_000]


def test_a_screen_in_a_public_place_costs_as_many_impressions_as_it_has(make: Make) -> None:
    player = make()
    screen = {key: value for key, value in REQUEST.items() if key not in ("site", "user")}
    screen |= {"dooh": {"id": "d1"}, "imp": [{**REQUEST["imp"][0], "qty": {"multiplier": 14.2}, "exp": 60}]}
    _, bid = player.bid(screen)
    assert bid["price"] == 2 and bid["exp"] == 60
    [use] = [use for use in player.table.leases.uses() if use.lease == 1_011]
    assert use.reserved == 28_400_000
    called = player.urls(bid, CHARGED, AUCTION_MULTIPLIER="12.5", AUCTION_IMP_TS="1795521600123")
    notice = player.call(called[Kind.BILLING], Kind.BILLING)
    assert (notice.price, notice.multiplier, notice.imp_ms) == (15_425_000, 12_500_000, 1795521600123)
    assert notice.max_price == 28_400_000
    assert [s.price for s in player.settle()] == [15_425_000]
    _, bid = player.bid(screen)
    untold = player.call(player.urls(bid, CHARGED)[Kind.BILLING], Kind.BILLING)
    assert untold.marks & Mark.NO_PRICE  # a price of nobody knows how many impressions
    assert [(s.price, s.estimated) for s in player.settle()] == [(28_400_000, True)]


def test_a_notice_after_what_the_imp_says_is_late(make: Make) -> None:
    player = make()
    _, bid = player.bid(request(imp=[{**REQUEST["imp"][0], "exp": 60}]))
    _, long = player.bid(request(imp=[{**REQUEST["imp"][0], "exp": 9_000}]))
    assert (bid["exp"], long["exp"]) == (60, 300)
    player.clock.advance(61)
    assert player.call(player.urls(bid, CHARGED)[Kind.BILLING], Kind.BILLING).marks & Mark.LATE
    assert not player.call(player.urls(long, CHARGED)[Kind.BILLING], Kind.BILLING).marks & Mark.LATE


def test_facts_that_are_asked_for_are_kept(make: Make) -> None:
    player = make(notices={"facts": ["mbr", "discount"]})
    _, bid = player.bid(request())
    told = {"AUCTION_MBR": "0.615", "AUCTION_DISCOUNT_PCT": "12.5", "AUCTION_DISCOUNT_CPM": "0.25"}
    notice = player.call(player.urls(bid, CHARGED, **told)[Kind.BILLING], Kind.BILLING)
    assert (notice.mbr, notice.discount_share, notice.discount) == (615_000, 125_000, 250_000)


def test_requests_beyond_the_limit_are_answered_unread(make: Make) -> None:
    player = make(qps=40)
    state = SimpleNamespace(view=player.table.view, workers=2, version=1)
    service = Service(player.table.auction, state, BidderSettings())  # type: ignore[arg-type]
    connection: Any = SimpleNamespace(secret=b"", encode=lambda body: b"HTTP/1.1 200" + body)
    body = json.dumps(request()).encode()
    served = []
    for step in range(400):  # four seconds, a hundred requests in each
        service.now = step / 100
        served.append(service.respond(connection, b"POST", b"/openrtb2/usx", body).startswith(b"HTTP/1.1 200"))
    assert 80 <= sum(served) <= 86  # half of 40 a second, and the burst
    assert sum(served[-100:]) == 20
    [(over, times)] = [(n, c) for n, c in player.table.auction.no_bids.items() if n.reason == 530]
    assert over.stage == "port" and times == 400 - sum(served)
    assert f'no_bids_total{{worker="0",reason="qps",stage="port"}} {times}' in service.metrics()


def test_google_bids_where_its_billing_id_is_asked_for_and_not_with_what_the_publisher_excludes(tmp_path: Path) -> None:
    with closing(new_control_store(tmp_path / "control.sqlite")) as store:
        player = Player(exchange_of("google"), tmp_path, store)
    for ext, bids in (
        ({"billing_id": ["76", "77"]}, True),
        ({"billing_id": [77]}, True),
        ({"billing_id": ["76"]}, False),
        ({"billing_id": [], "excluded_creatives": [{"buyer_creative_id": "101"}]}, False),
        ({"excluded_creatives": [{"buyer_creative_id": "999"}]}, True),
        ({"excluded_creatives": "odd", "billing_id": {}}, True),
        ({}, True),
    ):
        outcome = player.table.decide(request(imp=[{**REQUEST["imp"][0], "ext": ext}]))
        assert isinstance(outcome, dict) == bids, ext
        if isinstance(outcome, dict):
            assert outcome["seatbid"][0]["bid"][0]["ext"] == {"billing_id": ["77"]}  # type: ignore[index]
        else:
            assert (outcome.reason, outcome.stage) == (531, "exchange")


def test_click_urls_are_escaped_as_often_as_the_macro_wants(make: Make) -> None:
    from urllib.parse import unquote

    for escapes in (0, 1, 2):
        player = make(click_macro="%%CLICK%%", **({"click_escapes": escapes} if escapes else {}))
        _, bid = player.bid(request())
        [link] = read_markup(bid["adm"]).links
        ours = link.removeprefix("%%CLICK%%")
        for _ in range(escapes):
            ours = unquote(ours)
        landing = parse_qs(urlsplit(ours).query)["u"][0]
        assert player.token(ours, Kind.CLICK, landing.encode()).creative == 101
