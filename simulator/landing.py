"""The advertisers' own pages: where a click lands, and how they report that a visitor became a customer.

An advertiser has put Outbid's conversion pixel on its pages, or lets its server send signed postbacks. Which advertiser
a page belongs to is read from the published snapshot (its domain), the postback secrets from the deployment's keys.
"""

import hashlib
import hmac
import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import aiohttp
import msgspec

from domain.keys import Keys, postback_secret

EVENTS = ("lead", "application", "approved")


class Advertiser(msgspec.Struct, frozen=True):
    key: str
    domain: str
    currency: str


class Published(msgspec.Struct, frozen=True):
    """What is read of the published snapshot; the decoder skips the rest."""

    advertisers: tuple[Advertiser, ...]


decode_published = msgspec.msgpack.Decoder(Published).decode


@dataclass(frozen=True)
class Report:
    """A conversion to be reported: a pixel if ``body`` is None, else a postback."""

    url: str
    body: str | None
    advertiser: str
    page: str = ""
    """Of the advertiser, that the pixel is on."""


class Landings:
    def __init__(self, tracker_base: str, keys: Keys | None, rng: random.Random) -> None:
        """Without ``keys`` there are pixels only."""
        self.tracker_base, self.keys, self.rng = tracker_base, keys, rng
        self.advertisers: dict[str, Advertiser] = {}

    async def refresh(self, session: aiohttp.ClientSession, control_base: str) -> None:
        """Learns whose pages there are; keeps what it knew if control is away."""
        try:
            async with session.get(f"{control_base}/v1/snapshots/current") as answer:
                if answer.status == 200:
                    self.learn(decode_published(await answer.read()))
        except (aiohttp.ClientError, TimeoutError):
            pass

    def learn(self, published: Published) -> None:
        self.advertisers = {advertiser.domain.lower(): advertiser for advertiser in published.advertisers}

    def owner(self, url: str) -> Advertiser | None:
        """Whose page this is: the advertiser of the host or of a domain above it."""
        parts = (urlsplit(url).hostname or "").split(".")
        for start in range(len(parts)):
            advertiser = self.advertisers.get(".".join(parts[start:]))
            if advertiser:
                return advertiser
        return None

    def report(self, landing_url: str, value: str) -> Report | None:
        """The conversion of a visitor who came by this URL; None on a page without an owner or without a click id."""
        owner = self.owner(landing_url)
        click = parse_qs(urlsplit(landing_url).query).get("obclid")
        if owner is None or not click:
            return None
        facts = self._facts(owner, value) | {"obclid": click[0]}
        if self.keys is not None and self.rng.random() < 0.5:
            body = msgspec.json.encode(facts).decode()
            return Report(f"{self.tracker_base}/postback/{owner.key}", body, owner.key)
        return self._pixel(owner, facts)

    def returned(self, domains: Iterable[str], value: str) -> Report | None:
        """The conversion of somebody who found the advertiser's page without a click; None: nobody's page is known."""
        owner = next((found for domain in domains if (found := self.owner(f"https://{domain}/"))), None)
        return self._pixel(owner, self._facts(owner, value)) if owner else None

    def sync(self, exchange: str, uid: str) -> str:
        """Where the exchange sends a browser that it knows by ``uid``."""
        return f"{self.tracker_base}/sync/{quote(exchange)}?{urlencode({'uid': uid})}"

    def _facts(self, owner: Advertiser, value: str) -> dict[str, str]:
        order = secrets.token_hex(8)
        return {"event": self.rng.choice(EVENTS), "order": order, "value": value, "currency": owner.currency}

    def _pixel(self, owner: Advertiser, facts: dict[str, str]) -> Report:
        url = f"{self.tracker_base}/conversion?{urlencode({'advertiser': owner.key} | facts)}"
        return Report(url, None, owner.key, f"https://{owner.domain}/thanks")

    def sign(self, advertiser: str, body: str, now_s: int) -> dict[str, str]:
        """Headers of a postback sent now."""
        assert self.keys is not None
        secret = postback_secret(self.keys, advertiser).encode()
        signature = hmac.new(secret, f"{now_s}.".encode() + body.encode(), hashlib.sha256).hexdigest()
        return {"X-Outbid-Timestamp": str(now_s), "X-Outbid-Signature": signature, "Content-Type": "application/json"}
