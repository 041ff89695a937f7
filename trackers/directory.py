"""Whom conversions can belong to, what exchanges pay in, whom audiences have by rules: the part of the published
snapshot that trackers need.

Kept in a file, too, so that a tracker that starts while control is away knows what it knew before.
"""

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import msgspec

from domain.campaign import Advertiser, Audience
from domain.creative import Format
from domain.exchange import Exchange, PriceSource
from openrtb.price_encryption import PriceKeys
from trackers.audience_rules import RuleBook

log = logging.getLogger(__name__)
TIMEOUT = aiohttp.ClientTimeout(total=5)


class Listing(msgspec.Struct, frozen=True):
    """The fields read of `domain.campaign.Snapshot`; the decoder skips the rest."""

    version: int
    advertisers: tuple[Advertiser, ...]
    exchanges: tuple[Exchange, ...]
    audiences: tuple[Audience, ...] = ()


_decode = msgspec.msgpack.Decoder(Listing).decode
_encode = msgspec.msgpack.Encoder().encode


class Directory:
    """Advertisers and exchanges as last published at ``url``; ``path`` is the file they are kept in."""

    def __init__(self, url: str, path: Path) -> None:
        self._url, self._path = url, path
        self._advertisers: dict[str, Advertiser] = {}
        self._exchanges: dict[int, Exchange] = {}
        self._price_keys: dict[int, PriceKeys] = {}
        self.book = RuleBook()
        """Rules of audiences, and what else advertisers want done with events."""
        self.version = 0
        """Of the snapshot that is known; 0: none yet."""
        if path.exists():
            try:
                self._take(_decode(path.read_bytes()))
            except msgspec.DecodeError as error:
                log.warning("%s cannot be read (%s); it is fetched anew", path, error)

    def advertiser(self, key: str) -> Advertiser | None:
        return self._advertisers.get(key)

    def exchanges(self) -> Iterable[Exchange]:
        return self._exchanges.values()

    def currency(self, exchange: int) -> str:
        """What the exchange bills in; empty if the exchange is not known here."""
        known = self._exchanges.get(exchange)
        return known.currency if known else ""

    def price_source(self, exchange: int, format: Format) -> PriceSource:
        """Where the exchange's notices have their price; ``macro`` if the exchange is not known here."""
        known = self._exchanges.get(exchange)
        return known.price_source.get(format, "macro") if known else "macro"

    def price_scale(self, exchange: int) -> int:
        """CPM micros in one unit of the exchange's encrypted prices."""
        known = self._exchanges.get(exchange)
        return 1000 if known is not None and known.price_unit == "cpi" else 1

    def buyer_fee_ppm(self, exchange: int) -> int:
        """Millionths that the exchange charges on top of the price it tells."""
        known = self._exchanges.get(exchange)
        return known.buyer_fee_ppm if known else 0

    def price_keys(self, exchange: int) -> PriceKeys | None:
        """What decrypts the exchange's prices; None if it is not known here."""
        return self._price_keys.get(exchange)

    async def refresh(self, session: aiohttp.ClientSession) -> None:
        """Fetches the current snapshot. Without control everything stays as it is."""
        try:
            async with session.get(self._url, timeout=TIMEOUT) as answer:
                answer.raise_for_status()
                listing = _decode(await answer.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            log.debug("no snapshot from %s: %s", self._url, error)
            return
        if listing.version != self.version:
            self._take(listing)
            await asyncio.to_thread(self._keep, listing)

    async def keep_fresh(self, session: aiohttp.ClientSession, every_s: float) -> None:
        """Refreshes for ever; run it as a task."""
        while True:
            await asyncio.sleep(every_s)
            await self.refresh(session)

    def _take(self, listing: Listing) -> None:
        self._advertisers = {advertiser.key: advertiser for advertiser in listing.advertisers}
        self._exchanges = {exchange.id: exchange for exchange in listing.exchanges}
        self._price_keys = {e.id: PriceKeys.read(e.price_key) for e in listing.exchanges if e.price_key}
        self.book = RuleBook(listing.audiences, listing.advertisers)
        self.version = listing.version

    def _keep(self, listing: Listing) -> None:
        draft = self._path.with_suffix(".new")
        draft.touch(mode=0o600)  # exchanges' secrets are in it
        draft.write_bytes(_encode(listing))
        os.replace(draft, self._path)
