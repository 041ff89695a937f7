"""The two markets of the synthetic traffic: where people live, what they read, how big the slots are, what others pay.

Where a figure comes from is said beside it. "iPinYou" is the public data set of the 2013 bidding contest (Liao et al.,
ADKDD 2014): the price histograms of its 15.4 million training auctions, its traffic curves, and a sample of 8,355
auctions. Everything else is our choice, made so that every stage of a bidder has something to do. Sites and apps have
reserved names (RFC 2606).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.clock import SECOND

HOURS = (
    1.47, 0.57, 0.40, 0.41, 0.24, 0.23, 0.24, 0.25, 0.51, 0.92, 1.40, 1.29,
    1.29, 1.41, 1.33, 1.76, 1.54, 1.54, 1.45, 1.29, 1.09, 0.88, 1.39, 1.09,
)  # fmt: skip
"""Requests in each local hour against the day's mean: the 5-minute impression counts of six iPinYou campaigns."""

Size = tuple[int, int]

PHONE_SIZES: tuple[tuple[Size, float], ...] = (((320, 50), 0.52), ((300, 250), 0.33), ((320, 100), 0.15))


@dataclass(frozen=True)
class Country:
    code: str
    """ISO 3166-1 alpha-3"""
    language: str
    utc_offset_h: int
    gdpr: bool
    regions: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A site or an app."""

    name: str
    """Domain or bundle."""
    categories: tuple[str, ...]
    """IAB content taxonomy 1.0."""

    @property
    def publisher(self) -> str:
        return self.name.replace(".", "-")

    def is_about(self, category: str) -> bool:
        """Is the content of this category, or of one below it? Everything is about nothing (the empty category)."""
        return any(own == category or own.startswith(f"{category}-") for own in self.categories) or not category


@dataclass(frozen=True)
class Market:
    countries: tuple[tuple[Country, float], ...]
    """With the share of people who live there."""
    sites: tuple[Place, ...]
    apps: tuple[Place, ...]
    desktop_sizes: tuple[tuple[Size, float], ...]
    price_median: float
    """CPM of the best competing bid, which is log-normal."""
    price_sigma: float
    floor_median: float
    """CPM of the floors that are set, log-normal too."""
    floor_sigma: float
    no_floor: float
    """Share of auctions without a floor."""
    foreign: tuple[str, float]
    """Another currency that some floors come in, and what one unit of the market's own is in it."""


CNY = Market(
    countries=(
        (Country("CHN", "zh", 8, False, ("GD", "SH", "BJ", "ZJ", "JS", "SC")), 0.94),
        (Country("HKG", "zh", 8, False, ()), 0.04),
        (Country("SGP", "en", 8, False, ()), 0.02),
    ),
    sites=(
        Place("xinwen.example", ("IAB12",)),
        Place("caijing.example", ("IAB13",)),
        Place("tiyu.example", ("IAB17",)),
        Place("qiche.example", ("IAB2",)),
        Place("fangchan.example", ("IAB21",)),
        Place("shipin.example", ("IAB1",)),
        Place("luntan.example", ("IAB14",)),
        Place("gouwu.example", ("IAB22",)),
    ),
    apps=(
        Place("com.example.cn.toutiao", ("IAB12",)),
        Place("com.example.cn.licai", ("IAB13",)),
        Place("com.example.cn.youxi", ("IAB9",)),
        Place("com.example.cn.yinyue", ("IAB1-6",)),
    ),
    # shares in the iPinYou sample
    desktop_sizes=(
        ((300, 250), 0.37), ((1000, 90), 0.15), ((728, 90), 0.14), ((250, 250), 0.09), ((336, 280), 0.06),
        ((950, 90), 0.05), ((200, 200), 0.04), ((468, 60), 0.03), ((120, 240), 0.02), ((160, 600), 0.02),
        ((960, 90), 0.02),
    ),
    # mean and deviation of the logarithms of iPinYou's prices (nine campaigns; quartiles 0.33, 0.70, 1.01 CNY)
    price_median=0.57,
    price_sigma=0.91,
    # floors in the iPinYou sample: 38 % none or below 5 fen, median of the rest 0.20 CNY, tenth decile above 0.70 CNY
    floor_median=0.20,
    floor_sigma=0.98,
    no_floor=0.38,
    foreign=("USD", 0.14),
)  # fmt: skip

USD = Market(
    countries=(
        (Country("USA", "en", -6, False, ("CA", "TX", "NY", "FL", "IL", "WA")), 0.70),
        (Country("CAN", "en", -5, False, ("ON", "BC", "QC")), 0.08),
        (Country("GBR", "en", 0, True, ("ENG", "SCT")), 0.10),
        (Country("DEU", "de", 1, True, ("BE", "BY", "NW")), 0.07),
        (Country("MEX", "es", -6, False, ("CMX", "JAL")), 0.05),
    ),
    sites=(
        Place("news.example", ("IAB12",)),
        Place("finance.news.example", ("IAB12", "IAB13")),
        Place("money-matters.example", ("IAB13", "IAB13-7")),
        Place("credit-compare.example", ("IAB13-2",)),
        Place("weather.example", ("IAB15-10",)),
        Place("recipes.example", ("IAB8",)),
        Place("garage.example", ("IAB2",)),
        Place("homes.example", ("IAB21",)),
        Place("scores.example", ("IAB17",)),
        Place("travel-notes.example", ("IAB20",)),
        Place("careers.example", ("IAB4",)),
        Place("gadgets.example", ("IAB19",)),
        Place("parents.example", ("IAB6",)),
        Place("films.example", ("IAB1-5",)),
    ),
    apps=(
        Place("com.example.news", ("IAB12",)),
        Place("com.example.weather", ("IAB15-10",)),
        Place("com.example.budget", ("IAB13",)),
        Place("com.example.puzzle", ("IAB9-30",)),
        Place("com.example.scores", ("IAB17",)),
        Place("com.example.recipes", ("IAB8",)),
    ),
    desktop_sizes=(
        ((300, 250), 0.42), ((728, 90), 0.20), ((160, 600), 0.10), ((300, 600), 0.09), ((970, 250), 0.07),
        ((336, 280), 0.06), ((468, 60), 0.03), ((970, 90), 0.03),
    ),
    price_median=0.90,
    price_sigma=0.80,
    floor_median=0.30,
    floor_sigma=0.90,
    no_floor=0.38,
    foreign=("CNY", 7.1),
)  # fmt: skip


def market_of(currency: str) -> Market:
    """The market of the exchanges that sell in ``currency``."""
    return CNY if currency == "CNY" else USD


def activity(now_ns: int, utc_offset_h: int) -> float:
    """Traffic at this moment against the day's mean, where local time is so many hours ahead of UTC."""
    moment = datetime.fromtimestamp(now_ns / SECOND, UTC)
    hour = (moment.hour + utc_offset_h) % 24
    part = (moment.minute * 60 + moment.second) / 3600
    return HOURS[hour] * (1 - part) + HOURS[(hour + 1) % 24] * part
