"""Who clicks, and who then becomes a customer: a model that bidders do not know and can learn from their own logs.

The log-odds of a click are a sum of effects of the page, the place on it, the device, the hour where the person lives,
the advertiser, the advertisement, how page and advertisement agree, and the person's own inclination. Spreads and
factors are published figures where there are any; each says where it is from, and docs/simulator.md lists them. The
level does not come from there: it is the setting ``click_rate``, so that a short run shows clicks at all.

Whatever has a name (a site, a creative) draws its effect from a hash of the seed and the name: a seed is a world, the
same in every run, in which advertisements that do not exist yet have their effect already.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import NormalDist

from domain.clock import SECOND
from simulator.checker import Bid
from simulator.config import FORMATS, Format
from simulator.exchange import Auction
from simulator.offer import ImpOffer
from simulator.sloppy import integer, object_of, text_of

HOURS = (
    0.99, 0.79, 0.88, 0.74, 0.79, 1.00, 0.86, 1.22, 0.81, 0.66, 1.01, 0.85,
    0.96, 0.97, 0.84, 0.96, 0.88, 1.12, 1.26, 1.24, 1.01, 1.09, 1.04, 0.90,
)  # fmt: skip
"""Click-through rate in each local hour against the campaign's mean: 4,228 clicks of six iPinYou campaigns, 5.7 million
impressions (the 5-minute counts)."""

FORMAT_FACTORS: dict[Format, float] = {"banner": 1.0, "native": 2.0, "video": 4.0, "audio": 0.5}
"""Odds against a banner's. MediaMind (2012, United States) has in-stream video at 1.03 % and standard banners at 0.10
%; we take less than that factor of ten, since a video here pays for eight banners already. Native and audio are our
choice."""

SIZE_FACTORS = {
    (300, 250): 1.0, (336, 280): 1.15, (728, 90): 0.67, (160, 600): 0.60, (468, 60): 0.30, (120, 240): 0.65,
    (300, 600): 1.1, (970, 250): 0.9,
}  # fmt: skip
"""Odds against 300 × 250. Between two published tables: AdSense's averages by format as of 2007 (336 × 280 7.5 %, 300
× 250 5.6 %, 728 × 90 3.2 %, 120 × 240 3.0 %, 160 × 600 2.4 %, 468 × 60 0.5 %), and AdRoll's advertisers, of whom
300 × 250 gets 20 to 30 % more than 728 × 90 and 160 × 600; their geometric mean. The last two are our choice."""
OTHER_SIZE = 0.75

POSITION_FACTORS = {1: 1.26, 3: 0.74}
"""Above and below the fold: Google's "Five factors of viewability" (2014) has 68 % and 40 % of impressions in view.
Here against the mean of the two."""

DEVICE_FACTORS = {2: 1.0, 4: 2.0, 5: 1.6}
"""Telephones and tablets against computers. Published figures go further (iPinYou's mobile campaign 0.44 % against
0.03 to 0.08 % of the eight others; MediaMind's mobile banners 0.87 % against 0.10 %), a good part of them clicks that
nobody meant."""

SITE_SPREAD = 0.6
"""Of log-odds. Avazu's 8,087 public rows, site and app categories of at least 100 impressions: click-through rates
from 2 to 22 %, spread of their log-odds 1.0; some of that is formats and devices."""
ADVERTISER_SPREAD, CREATIVE_SPREAD = 0.35, 0.35
"""iPinYou's training impressions: the click-through rates of its eight desktop campaigns (0.030 to 0.080 %) have a
spread of log-odds of 0.4; with the mobile one 0.8. How it divides between an advertiser and its advertisements is
our choice."""
AGREEMENT_SPREAD = 0.4
"""How a page and an advertiser agree, beyond what each does alone: our choice."""
PERSON_SHARE = 0.5
"""How much of a person's `appetite` (whose logarithm has a spread of 0.8) shows in the log-odds of a click: a spread of
0.4 that nothing in a request tells. Our choice; no published figure separates it from accident and fraud."""

CONVERSION_DEVICE_FACTORS = {2: 1.0, 4: 0.5, 5: 0.8}
"""Who clicks by telephone buys less often: shops commonly report about half the rate of computers."""
CONVERSION_ADVERTISER_SPREAD, CONVERSION_SITE_SPREAD = 0.4, 0.3
"""Our choice."""

MOST = 0.9
"""No chance is above."""


@dataclass(frozen=True)
class Impression:
    """What a person has before them, in the exchange's own words."""

    place: str
    """Domain of the site or bundle of the app."""
    format: Format
    size: tuple[int, int]
    """Of the advertisement; (0, 0) where it has none."""
    position: int
    """List 5.4; 0 unknown."""
    device_type: int
    """List 5.21; 0 unknown."""
    local_hour: int
    advertiser: str
    """The first of ``adomain``."""
    creative: str
    """``crid``"""
    appetite: float = 1.0
    """Of the person, mean 1."""


class HiddenClicks:
    """The true chances of one world. ``click_rate`` and ``conversion_rate`` are their means over common traffic, within
    a factor of about two: what is shown, and on what, decides the rest.
    """

    def __init__(self, seed: int, click_rate: float, conversion_rate: float) -> None:
        self.seed = seed
        # the mean of exp(effect) is above 1 where effects spread
        spread = math.sqrt(
            SITE_SPREAD**2 + ADVERTISER_SPREAD**2 + CREATIVE_SPREAD**2 + AGREEMENT_SPREAD**2 + (0.8 * PERSON_SHARE) ** 2
        )
        self.click_level = _logit(click_rate) - spread**2 / 2
        self.conversion_level = _logit(conversion_rate)
        self._drawn: dict[tuple[str, ...], float] = {}

    def click_chance(self, shown: Impression) -> float:
        """That the person clicks."""
        return _chance(
            self.click_level
            + math.log(
                FORMAT_FACTORS[shown.format]
                * (SIZE_FACTORS.get(shown.size, OTHER_SIZE) if shown.format == "banner" else 1.0)
                * POSITION_FACTORS.get(shown.position, 1.0)
                * DEVICE_FACTORS.get(shown.device_type, 1.0)
                * HOURS[shown.local_hour]
            )
            + SITE_SPREAD * self._normal("site", shown.place)
            + ADVERTISER_SPREAD * self._normal("advertiser", shown.advertiser)
            + CREATIVE_SPREAD * self._normal("creative", shown.creative)
            + AGREEMENT_SPREAD * self._normal("agreement", shown.advertiser, shown.place)
            + PERSON_SHARE * math.log(shown.appetite)
        )

    def conversion_chance(self, shown: Impression) -> float:
        """That somebody who clicked this becomes a customer."""
        return _chance(
            self.conversion_level
            + math.log(CONVERSION_DEVICE_FACTORS.get(shown.device_type, 1.0))
            + CONVERSION_ADVERTISER_SPREAD * self._normal("customers", shown.advertiser)
            + CONVERSION_SITE_SPREAD * self._normal("customers of", shown.place)
        )

    def _normal(self, *name: str) -> float:
        """A standard normal number, always the same for a name in this world."""
        found = self._drawn.get(name)
        if found is None:
            text = "\x1f".join((str(self.seed), *name)).encode()
            number = int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"hidden clicks").digest(), "little")
            found = self._drawn[name] = NormalDist().inv_cdf((number + 0.5) / 2**64)
        return found


def impression(auction: Auction, imp: ImpOffer, bid: Bid, now_ns: int) -> Impression:
    """What the person of this auction sees if this bid wins."""
    request, person = auction.request, auction.person
    site, app = object_of(request.get("site")), object_of(request.get("app"))
    return Impression(
        place=text_of(app.get("bundle")) or text_of(site.get("domain")),
        format=FORMATS[bid.kind - 1],
        size=bid.size,
        position=integer(imp.offered.get(bid.kind, {}).get("pos")),
        device_type=integer(object_of(request.get("device")).get("devicetype")),
        local_hour=_hour(now_ns, person.country.utc_offset_h if person else 0),
        advertiser=bid.domains[0] if bid.domains else "",
        creative=bid.creative,
        appetite=person.appetite if person else 1.0,
    )


def _hour(now_ns: int, utc_offset_h: int) -> int:
    return (datetime.fromtimestamp(now_ns / SECOND, UTC).hour + utc_offset_h) % 24


def _logit(chance: float) -> float:
    """A rate of 0 is a world without clicks."""
    return math.log(chance / (1 - chance)) if 0 < chance < 1 else math.copysign(40.0, chance - 0.5)


def _chance(log_odds: float) -> float:
    return min(MOST, 1 / (1 + math.exp(-log_odds)))
