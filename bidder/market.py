"""What the market does with bids of ours, from this host's newest logs: how often a price wins, what it costs, how many
click.

A curve (`bidder.win_curve`) belongs to an exchange and a format; where fewer than `LEAST_BIDS` bids are known of these,
to the exchange. Bids that have not expired yet are passed over: their wins may still be on the way. So are all of an
exchange of which no tracker of this host has heard: its notices go to another.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from domain.campaign import Snapshot
from domain.creative import FORMATS
from domain.events import NOT_COUNTED, Bid, Event, Kind, Mark, Notice, tells_price
from domain.exchange import Exchange
from eventlog.reader import LogReader, near_end
from prediction.price_training import bounds
from prediction.win_curve import Floats, WinCurve
from targeting.reach import click_rate

BID_BYTES, MONEY_BYTES = 4 << 20, 12 << 20
"""Of the newest events that are read: some 30,000 bids, and what came of them."""
LEAST_BIDS = 200
DAY_NS = 86_400_000_000_000
CLICK_PRIORS = {"banner": 0.001, "video": 0.004, "audio": 0.0005, "native": 0.003}
"""Click rates that are assumed before anything was observed; our choice, of the order that the industry reports."""
PRIOR_STRENGTH = 1_000
"""Impressions that a prior counts as."""
UNTOUCHED = frozenset({0, 1, *range(100, 103)})
"""Loss reasons (OpenRTB list 5.25) that a higher price could have changed, or may have; 0: none was told."""

_NOT_COUNTED, _FIRST = int(NOT_COUNTED), int(Mark.FIRST)
_WIN, _BILLING, _LOSS, _IMPRESSION, _CLICK = map(
    int, (Kind.WIN, Kind.BILLING, Kind.LOSS, Kind.IMPRESSION, Kind.CLICK)
)  # plain integers: with enum flags, an "and" costs half a microsecond

decode = msgspec.msgpack.Decoder(Event).decode


class Outcome(NamedTuple):
    """What is known of a bid: the price of the others was above ``low`` and at most ``high`` (nanos, exchange)."""

    exchange: int
    format: str
    low: float
    high: float


class Shown(NamedTuple):
    """Impressions and clicks of an advertiser's ads of one format."""

    impressions: int = 0
    clicks: int = 0


class Market:
    """How bids do. ``shown`` is by advertiser and format."""

    def __init__(self, outcomes: Sequence[Outcome], shown: Mapping[tuple[int, str], Shown]) -> None:
        self._shown = shown
        self._groups: dict[tuple[int, str], list[Outcome]] = {}
        self._curves: dict[tuple[int, str], WinCurve] = {}
        for outcome in outcomes:
            self._groups.setdefault((outcome.exchange, outcome.format), []).append(outcome)
            self._groups.setdefault((outcome.exchange, ""), []).append(outcome)

    def curve(self, exchange: int, format: str) -> WinCurve | None:
        """None: too few bids are known; then every bid that meets its floor is taken to win."""
        for group in ((exchange, format), (exchange, "")):
            found = self._groups.get(group, ())
            if len(found) >= LEAST_BIDS:
                if group not in self._curves:
                    self._curves[group] = WinCurve(
                        np.array([o.low for o in found], np.float64), np.array([o.high for o in found], np.float64)
                    )
                return self._curves[group]
        return None

    def click_rate(self, advertiser: int, format: str) -> float:
        """The advertiser's own in a format, drawn towards everybody's, and that towards `CLICK_PRIORS`."""
        everybody = [of for (_, name), of in self._shown.items() if name == format]
        own = self._shown.get((advertiser, format), Shown())
        return click_rate(
            [sum(of.clicks for of in everybody), own.clicks],
            [sum(of.impressions for of in everybody), own.impressions],
            CLICK_PRIORS[format],
            PRIOR_STRENGTH,
        )


def read_market(data: Path, snapshot: Snapshot, now_ns: int) -> Market:
    """From the logs below the host's data directory; an empty market if there are none."""
    bids, bids_from = _newest(data / "log" / "bids", BID_BYTES, now_ns)
    money, money_from = _newest(data / "log" / "money", MONEY_BYTES, now_ns)
    since = max(bids_from, money_from)
    exchanges = {exchange.id: exchange for exchange in snapshot.exchanges}
    formats = {creative.id: str(creative.format) for creative in snapshot.creatives}
    notices = [event for event in money if isinstance(event, Notice)]
    told = _Told(notices)
    outcomes = []
    for id_ in told.exchanges & exchanges.keys():
        exchange = exchanges[id_]
        until = now_ns - _longest(exchange) * 1_000_000_000
        chosen = [
            bid
            for bid in bids
            if isinstance(bid, Bid) and bid.exchange == id_ and since <= bid.time_ns <= until and not bid.test
        ]
        low, high = _bounds(chosen, exchange.auction_type == 2, told)
        outcomes += [
            Outcome(id_, formats.get(bid.creative, ""), *ends)
            for bid, *ends in zip(chosen, low.tolist(), high.tolist(), strict=True)
        ]
    shown: Counter[tuple[int, str]] = Counter()
    clicked: Counter[tuple[int, str]] = Counter()
    for notice in notices:
        if not notice.marks & _NOT_COUNTED and notice.kind in (_IMPRESSION, _CLICK):
            counter = shown if notice.kind == _IMPRESSION else clicked
            counter[notice.advertiser, formats.get(notice.creative, "")] += 1
    return Market(
        outcomes, {group: Shown(shown[group], clicked[group]) for group in {*shown, *clicked} if group[1] in FORMATS}
    )


def _longest(exchange: Exchange) -> int:
    return max(exchange.bid_expiry_s, *exchange.expiries_s.values(), 0)


def _newest(directory: Path, most_bytes: int, now_ns: int) -> tuple[list[Bid | Notice], int]:
    """Events of the last day, of all workers' logs, at most so many bytes; and the time from which all are there."""
    logs = sorted(path for path in directory.glob("*") if path.is_dir())
    found: list[Bid | Notice] = []
    since = now_ns - DAY_NS
    for path in logs:
        reader = LogReader(path, near_end(path, most_bytes // len(logs)))
        cut, first = reader.position > 0, True
        while True:
            records, _ = reader.read()
            if not records:
                break
            for event in map(decode, records):
                if not isinstance(event, Bid | Notice):
                    continue
                at = event.time_ns if isinstance(event, Bid) else event.received_ns
                if first and cut:
                    since = max(since, at)
                first = False
                if at >= now_ns - DAY_NS:
                    found.append(event)
    return found, since


class _Told:
    """What the trackers heard of bids, by the bid."""

    def __init__(self, notices: Iterable[Notice]) -> None:
        self.exchanges: set[int] = set()
        """Of which anything was heard."""
        self.won: set[int] = set()
        self.hopeless: set[int] = set()
        """Lost for a reason that no price could have changed."""
        self.to_win: dict[int, int] = {}
        self.prices: dict[int, int] = {}
        for notice in notices:
            if notice.marks & _NOT_COUNTED:
                continue
            if notice.kind == _LOSS:
                if notice.loss_reason not in UNTOUCHED:
                    self.hopeless.add(notice.bid)
            elif notice.marks & _FIRST or notice.kind == _WIN or notice.kind == _BILLING:
                self.won.add(notice.bid)
                if tells_price(notice):
                    self.prices[notice.bid] = notice.price
            else:
                continue
            self.exchanges.add(notice.exchange)
            if notice.min_to_win:
                self.to_win[notice.bid] = notice.min_to_win


def _bounds(bids: Sequence[Bid], second_price: bool, told: _Told) -> tuple[Floats, Floats]:
    """What is known of the highest prices that others would have paid."""
    rows = [
        (
            bid.price,
            bid.floor,
            bid.bid in told.won,
            told.prices.get(bid.bid, 0),
            told.to_win.get(bid.bid, 0),
            bid.bid in told.hopeless,
        )
        for bid in bids
    ]
    price, floor, won, paid, to_win, hopeless = np.array(rows, np.int64).reshape(-1, 6).T
    seconds = np.full(len(rows), second_price)
    return bounds(price, floor, won.astype(bool), paid, to_win, seconds, hopeless.astype(bool))


def expected_price(curve: WinCurve | None, auction_type: int, bids: Floats, floors: Floats) -> tuple[Floats, Floats]:
    """Probability that a bid which meets its floor wins, and what it costs on average, lost ones counted as nothing."""
    wins = curve.wins(bids) if curve is not None else np.ones(len(bids))
    if auction_type == 3:  # the price is agreed
        return wins, wins * floors
    if auction_type != 2:
        return wins, wins * bids
    return wins, floors if curve is None else curve.second_prices(bids, floors)
