"""The report of what is bid to learn, on both stores, against loops over the events of a made trade."""

import random
from collections import defaultdict
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from domain.events import NOT_COUNTED, Bid, Kind, Notice, encode
from domain.money import format_nanos
from reporting import rows
from reporting.exploration import SUMS, read, run
from reporting.scope import Claims, Scope
from reporting.store import Store, migrate, open_store
from tests.clickhouse_server import ClickHouseServer
from tests.integration.reporting.test_report import TWIN


def asked() -> dict[int, int]:
    """What loss notices say would have won, by bid."""
    found: dict[int, int] = defaultdict(int)
    for notice in TWIN.money:
        if isinstance(notice, Notice) and notice.kind == Kind.LOSS and not notice.marks & NOT_COUNTED:
            found[notice.bid] = max(found[notice.bid], notice.min_to_win)
    return found


TO_WIN = asked()


def drawn(bid: Bid) -> Bid:
    """Four of five bids are worked out, a third of these drawn; some are thought to be worth less than they cost,
    some more than what would have won them."""
    draw = random.Random(bid.bid)
    if draw.random() < 0.2:
        return bid
    near = TO_WIN.get(bid.bid) or bid.price
    price = min(bid.price, int(near * draw.uniform(0.5, 1.2)))
    return replace(bid, price=price, value=int(near * draw.uniform(0.3, 2.5)), explored=draw.random() < 0.33)


BIDS = [drawn(bid) for bid in TWIN.bids if isinstance(bid, Bid)]


@pytest.fixture(scope="module", params=["chdb", "server"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    address = "chdb"
    if request.param == "server":
        server: ClickHouseServer = request.getfixturevalue("clickhouse")
        address = server.address("exploration")
    opened = open_store(address, tmp_path_factory.mktemp("exploration"))
    migrate(opened)
    logs = [*map(encode, BIDS)], [*map(encode, TWIN.money)], [*map(rows.of_settlement, TWIN.settlements)]
    for number, records in enumerate(logs):
        for block in rows.blocks(records, opened.dialect).blocks:
            opened.send(block, f"{number}/{block.table.name}/{block.day}")
    yield opened
    opened.close()


def expected(advertisers: set[int] | None = None) -> dict[tuple[int, int], dict[str, int]]:
    """By advertiser and exchange."""
    paid: dict[int, int] = defaultdict(int)
    for settlement in TWIN.settlements:
        paid[settlement.bid] += settlement.price
    found: dict[tuple[int, int], dict[str, int]] = {}
    for bid in BIDS:
        if not bid.value or bid.test or (advertisers is not None and bid.advertiser not in advertisers):
            continue
        into = found.setdefault((bid.advertiser, bid.exchange), dict.fromkeys(SUMS, 0))
        billed, cost, needed = bid.bid in paid, paid.get(bid.bid, 0), TO_WIN.get(bid.bid, 0)
        into["bids"] += 1
        into["billed"] += billed
        into["spend"] += cost
        if not bid.explored:
            continue
        into["explored"] += 1
        into["explored_billed"] += billed
        into["explored_spend"] += cost
        if billed:
            into["overpaid"] += max(0, cost - bid.value)
        elif bid.price < needed < bid.value:
            into["missed"] += bid.value - needed
        elif not needed and bid.price < bid.value:
            into["untold"] += 1
    return found


def test_what_is_bid_to_learn_and_what_it_cost(store: Store) -> None:
    wanted = expected()
    assert all(sum(each[name] for each in wanted.values()) for name in SUMS), "the trade has every case"
    lines = run(store, read({"by": "advertiser,exchange"}))
    assert sorted(str(line.sums) for line in lines) == sorted(map(str, wanted.values()))
    of_advertiser = {f"#{a}": sums["bids"] for (a, _), sums in expected().items()}
    assert {line.labels["advertiser"] for line in lines} == of_advertiser.keys()
    total = run(store, read({"by": "day"}))
    assert sum(line.sums["overpaid"] for line in total) == sum(each["overpaid"] for each in wanted.values())
    (record, *_) = [line.record() for line in lines]
    sums = lines[0].sums
    assert record["regret"] == format_nanos(sums["overpaid"] + sums["missed"])
    assert record["explored_share"] == sums["explored_spend"] / sums["spend"]


def test_whoever_may_see_one_advertiser_sees_no_other(store: Store) -> None:
    theirs = Scope(Claims("a", 0, (1,)))
    lines = run(store, read({"by": "campaign"}), theirs)
    assert sum(line.sums["bids"] for line in lines) == sum(each["bids"] for each in expected({1}).values()) > 0
