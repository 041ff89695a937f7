"""From a won auction to a charge: which notices a sale has, when each leaves, and what becomes of it on the way.

The timeline is that of a browser and an exchange together: the win is told at once; when the ad is on the screen its
pixel is loaded and the exchange bills; a little later the person may click, land, and become a customer.
"""

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from domain.clock import Clock
from simulator.books import Books, Kind, Notice, Sale, State, new_sale_id
from simulator.checker import Bid, Loss
from simulator.config import FORMATS, Seller
from simulator.courier import Courier
from simulator.exchange import Auction, Lost, Won
from simulator.landing import Landings
from simulator.macros import substitute
from simulator.markup import Markup, read_markup
from simulator.mischief import Mischief, Treatment
from simulator.offer import Offer
from simulator.population import Person
from simulator.sealed_price import encrypt
from simulator.statistics import Statistics
from simulator.users import Audience
from simulator.watch import Watch

CHARGED_BY = {"burl": Kind.BILLING, "impression": Kind.IMPRESSION, "nurl": Kind.WIN}
"""A seller's billing basis -> the notice that charges."""


@dataclass(frozen=True)
class Step:
    """One notice of a sale, so many seconds after the auction, and what happens to it."""

    notice: Notice
    after_s: float
    treatment: Treatment


class Salesroom:
    """Spawns the tasks that follow each sale; `open` of them are not done yet."""

    def __init__(
        self,
        books: Books,
        courier: Courier,
        landings: Landings,
        audience: Audience,
        mischief: Mischief,
        statistics: Statistics,
        clock: Clock,
        watch: Watch | None = None,
    ) -> None:
        self.books, self.courier, self.landings, self.audience = books, courier, landings, audience
        self.mischief, self.statistics, self.clock, self.watch = mischief, statistics, clock, watch
        self.open: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None
        """The first bug that one of the tasks ran into."""

    def lose(self, lost: Lost, offer: Offer) -> None:
        self.statistics.losses[lost.reason.name] += 1
        if lost.bid.lurl:
            to_win = f"{lost.min_to_win:f}" if lost.min_to_win is not None else ""
            told = _macros(offer, lost.bid, price="", loss=lost.reason, to_win=to_win)
            self._follow(self.courier.tell_loss(substitute(lost.bid.lurl, told)))

    async def sell(self, auction: Auction, offer: Offer, won: Won, asked_ns: int) -> None:
        """Writes the sale into the books, durably, and lets its notices go. ``asked_ns``: when the request left."""
        audit = self.mischief.audits() and auction.seller.price_source != "none"  # which has no way to say so
        self.statistics.sales += 1
        self.statistics.tests += offer.test
        self.statistics.audits += audit and not offer.test
        counts = not audit and not offer.test
        seller, format_ = auction.seller, FORMATS[won.bid.kind - 1]
        self.statistics.sold[format_] += 1
        now_ns = self.clock.now_ns()
        sale = Sale(
            new_sale_id(), seller.key, won.bid.currency, offer.id, won.imp.id, won.bid.id, won.nanos,
            CHARGED_BY[seller.bases[format_]], counts, now_ns, format_,
            auction.person.written if auction.person else "", won.bid.campaign, asked_ns,
            *self.audience.chances(auction, won, now_ns),
        )  # fmt: skip
        steps = self._steps(sale, auction, offer, won, "AUDIT" if audit else price_told(seller, won))
        self.books.sold(sale, [step.notice for step in steps])
        await self.books.durable()
        urls = [step.notice.url for step in steps]
        returning = self._returns(sale, auction, steps)
        for step in steps:
            self._follow(self._take(step, sale, won, urls, returning))

    def resume(self, notice: Notice) -> None:
        """Brings a notice of an earlier run to its end."""
        self._follow(self._deliver_again(notice))

    def _steps(self, sale: Sale, auction: Auction, offer: Offer, won: Won, price: str) -> list[Step]:
        # in a deal nobody else bids, so there is nothing that would just have won
        to_win = f"{auction.market:f}" if won.bid.deal is None else ""
        told = _macros(offer, won.bid, price=price, loss=Loss.WON, to_win=to_win)
        told["AUCTION_MBR"] = f"{won.cpm / won.bid.price:.6f}"
        told["AUCTION_IMP_TS"] = str(self.clock.now_ns() // 1_000_000)
        seen_s = self.audience.looks_after_s()
        nurl, burl = (substitute(url, told) for url in (won.bid.nurl, won.bid.burl))
        host = urlsplit(nurl or burl or won.bid.lurl).netloc
        markup = read_markup(substitute(won.bid.markup, told), won.bid.kind).from_host(host)
        plan = [(Kind.WIN, nurl, 0.0), (Kind.BILLING, burl, seen_s)]
        plan += [(Kind.IMPRESSION, url, seen_s) for url in markup.images[:1]]
        if sale.counts:  # auditors look at an ad, they do not watch it
            urls = dict(reversed(markup.told))
            plan += [(Kind(event), urls.get(event, ""), seen_s + after_s) for event, after_s in self._watching(markup)]
        if self.audience.happens(sale.click_chance) and sale.counts:
            plan += [(Kind.CLICK, url, seen_s + self.audience.clicks_after_s()) for url in markup.links[:1]]
        return [self._step(sale, kind, url, after_s) for kind, url, after_s in plan if url]

    def _watching(self, markup: Markup) -> list[tuple[str, float]]:
        """What a player or an app has to report of this ad, and when."""
        if markup.seconds:
            return self.audience.plays(markup.seconds, skippable=markup.skippable)
        return self.audience.views() if markup.told else []

    def _step(self, sale: Sale, kind: Kind, url: str, after_s: float) -> Step:
        treatment = self.mischief.treat()
        state = State.LOST if treatment.lost else State.PENDING
        self.statistics.lost += treatment.lost
        self.statistics.late += treatment.held_s > 0 and not treatment.lost
        return Step(Notice(sale.id, kind, url, state), after_s + treatment.held_s, treatment)

    def _returns(self, sale: Sale, auction: Auction, steps: list[Step]) -> Person | None:
        """Who sees the ad, does not click, and will be a customer nevertheless."""
        person = auction.person
        if person is None or not sale.counts or not person.known or auction.request.get("regs", {}).get("coppa"):
            return None
        clicks = any(step.notice.kind == Kind.CLICK for step in steps)
        return person if not clicks and self.audience.returns() else None

    async def _take(self, step: Step, sale: Sale, won: Won, urls: list[str], returning: Person | None) -> None:
        notice, treatment = step.notice, step.treatment
        await asyncio.sleep(step.after_s)
        if treatment.forged:
            self._follow(self.courier.forge(notice.kind, self.mischief.forge(notice.url, urls)))
        if treatment.lost:
            return
        reply = await self.courier.deliver(notice, counts=sale.counts)
        if reply.acknowledges and sale.counts and notice.kind == sale.billing:
            self.statistics.spend[sale.currency] += sale.price
        if notice.kind == Kind.CLICK and reply.acknowledges:
            self._land(sale, won.bid, reply.location)
        if notice.kind == Kind.IMPRESSION and reply.acknowledges and returning is not None:
            self._return(sale, won.bid, returning)
        for _ in range(treatment.repeats):
            await self.courier.repeat(notice)

    def _land(self, sale: Sale, bid: Bid, location: str) -> None:
        host = urlsplit(location).hostname or ""
        if not any(host == domain or host.endswith(f".{domain}") for domain in bid.domains):
            self.statistics.bent[f"{location[:80]!r}, not to {bid.domains}"] += 1
        elif self.audience.happens(sale.conversion_chance):
            report = self.landings.report(location, self.audience.order_value())
            if report is not None:
                notice = Notice(sale.id, Kind.CONVERSION, report.url, body=report.body, advertiser=report.advertiser)
                self.books.planned(notice)
                self._follow(self._convert(notice, sale))

    def _return(self, sale: Sale, bid: Bid, person: Person) -> None:
        """On the advertiser's page the exchange syncs the browser's ids, and then the advertiser's pixel is loaded."""
        report = self.landings.returned(bid.domains, self.audience.order_value())
        if report is not None:
            synced = self.landings.sync(sale.exchange, person.buyeruid)
            notice = Notice(
                sale.id, Kind.RETURN, report.url, advertiser=report.advertiser, cookie=person.cookie, page=report.page,
                before=synced,
            )  # fmt: skip
            self.books.planned(notice)
            self._follow(self._convert(notice, sale))

    async def _convert(self, notice: Notice, sale: Sale) -> None:
        await self.books.durable()
        await asyncio.sleep(self.audience.converts_after_s())
        reply = await self.courier.deliver(notice, counts=True)
        if self.watch is not None and reply.acknowledges and notice.kind == Kind.CONVERSION:
            self.watch.converted(sale.person, sale.campaign, self.clock.now_ns())
        if self.mischief.treat().repeats:  # the thank-you page is loaded again
            await self.courier.repeat(notice)

    async def _deliver_again(self, notice: Notice) -> None:
        await self.courier.deliver(notice, counts=False)

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.open.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.open.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()


def price_told(seller: Seller, won: Won) -> str:
    """What this exchange puts in the place of ``${AUCTION_PRICE}``."""
    match seller.price_source:
        case "macro":
            return f"{won.cpm.normalize():f}"
        case "encrypted":
            return encrypt(won.nanos, seller.price_key, secrets.token_bytes(16))
        case "none":
            return ""


def _macros(offer: Offer, bid: Bid, *, price: str, loss: Loss, to_win: str) -> dict[str, str]:
    """All of section 4.4; these exchanges give no discounts, and sell single impressions."""
    return {
        "AUCTION_ID": offer.id,
        "AUCTION_BID_ID": bid.response_id,
        "AUCTION_IMP_ID": bid.imp,
        "AUCTION_SEAT_ID": bid.seat,
        "AUCTION_AD_ID": bid.ad,
        "AUCTION_PRICE": price,
        "AUCTION_CURRENCY": bid.currency,
        "AUCTION_LOSS": str(int(loss)),
        "AUCTION_MIN_TO_WIN": to_win,
        "AUCTION_MBR": "",
        "AUCTION_MULTIPLIER": "1",
        "AUCTION_IMP_TS": "",
        "AUCTION_DISCOUNT_PCT": "",
        "AUCTION_DISCOUNT_CPM": "",
    }
