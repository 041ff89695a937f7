"""What the simulator is told: section ``[simulator]`` of the settings.

The sellers are the simulator's own knowledge of itself: what each exchange bills by is written down here a second time
on purpose, because books that copied Outbid's configuration would agree with its mistakes.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from domain.settings import load

Basis = Literal["burl", "impression", "nurl"]
Format = Literal["banner", "video", "audio", "native"]
FORMATS: tuple[Format, ...] = ("banner", "video", "audio", "native")
"""In the order of ``bid.mtype``, from 1 on."""
PriceSource = Literal["macro", "encrypted", "none"]


class OfferedDeal(Struct, frozen=True, forbid_unknown_fields=True):
    """A private deal that this seller attaches to some of its requests."""

    id: str
    floor_cpm: str
    """CPM as a decimal text, in the seller's currency."""
    at: Literal[1, 2, 3] = 3
    """1 first price, 2 second price, 3 the floor is the agreed price."""
    category: str = ""
    """Offered where the content is of this category (or below it) only; empty: anywhere."""


class Seller(Struct, frozen=True, forbid_unknown_fields=True):
    """One exchange: where it posts to, what it is paid in, and which notice bills."""

    key: str
    """The last part of the bid port's path, ``/openrtb2/{key}``."""
    currency: str
    billing: Basis | dict[Format, Basis]
    """For all formats, or for each; what is not named is billed by the impression."""
    auction_type: Literal[1, 2]
    """``at`` of its requests: 1 first price, 2 second price."""
    price_source: PriceSource = "macro"
    """How its notices tell prices."""
    price_key: str = ""
    """Of encrypted prices: encryption key and integrity key, 32 bytes each, together in web-safe base64."""
    secret: str = ""
    """Sent as ``X-Outbid-Secret`` if set."""
    tmax_ms: int = 150
    deals: tuple[OfferedDeal, ...] = ()

    @property
    def bases(self) -> dict[Format, Basis]:
        if isinstance(self.billing, dict):
            return {format: self.billing.get(format, "impression") for format in FORMATS}
        return dict.fromkeys(FORMATS, self.billing)


class Trouble(Struct, frozen=True, forbid_unknown_fields=True):
    """How often an exchange misbehaves in ways that real ones do: shares of won auctions (`audit`) or of notices."""

    audit: float = 0.01
    """Won auctions that are the exchange's own audits: their notices say AUDIT, not a price, and count nowhere."""
    lost: float = 0.02
    """Notices that are never sent. What they would have told is not billed."""
    repeated: float = 0.05
    """Notices sent again after they were acknowledged."""
    late: float = 0.03
    """Notices held back for ``late_s``, so that they overtake each other."""
    late_s: tuple[float, float] = (1.0, 6.0)
    """Seconds, least and most."""
    forged: float = 0.02
    """Notices beside which an altered copy is sent; a tracker must refuse it."""


class SimulatorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Section ``[simulator]``."""

    rate: float = 300.0
    """Requests a second. On a compressed day (clock speed above 1) the mean over the day, else the rate itself."""
    in_flight: int = 64
    """Requests open at once; a request due beyond that is skipped and counted."""
    seed: int = 0
    """Of the traffic's random numbers; 0 takes a new one each run. The population is always the same."""
    persons: int = 20_000
    """Size of the population from which requests draw, the active ones far more often."""
    audiences: str = ""
    """Folder of id lists (``*.txt``), from which a part of the population is drawn; empty: those of the examples."""
    click_rate: float = 0.02
    """Mean chance that an impression is clicked. Real display is near 0.001 (0.0008 over iPinYou's campaigns); this is
    higher so that half a minute of traffic shows clicks and conversions."""
    conversion_rate: float = 0.25
    """Chance that a click on a known advertiser's advertisement ends in a conversion."""
    clicks: Literal["plain", "hidden"] = "plain"
    """How people react: by a few plain rules, or by the model of `simulator.hidden_clicks`."""
    hidden_seed: int = 1
    """Of that model: a seed is a world."""
    return_rate: float = 0.003
    """Chance that an ad that was seen and not clicked ends in one, of people whose browser may be known."""
    worth_usd: dict[str, str] = field(
        default_factory=lambda: {"USD": "1", "CNY": "0.141", "EUR": "1.09", "GBP": "1.27", "JPY": "0.0066"}
    )
    """What a unit of a currency is worth in USD to these exchanges, for floors in another currency than the bid's."""
    trouble: Trouble = Trouble()
    sellers: tuple[Seller, ...] = (
        Seller(
            key="usx",
            currency="USD",
            billing={"banner": "burl", "video": "impression", "audio": "impression", "native": "burl"},
            auction_type=2,
            deals=(
                OfferedDeal(id="USX-FIN-2001", floor_cpm="2.50", at=2, category="IAB13"),
                OfferedDeal(id="USX-HOME-2002", floor_cpm="3.00", at=3, category="IAB21"),
            ),
        ),
        Seller(
            key="cnx",
            currency="CNY",
            billing="impression",
            auction_type=1,
            deals=(OfferedDeal(id="CNX-CJ-3001", floor_cpm="1.80", at=1, category="IAB13"),),
        ),
    )

    def rates(self) -> dict[tuple[str, str], Decimal]:
        """Units of the second currency for one unit of the first."""
        worth = {currency: Decimal(text) for currency, text in self.worth_usd.items()}
        return {(base, quote): worth[base] / worth[quote] for base in worth for quote in worth}

    def seller(self, key: str) -> Seller:
        """Raises `KeyError` for an exchange that the simulator does not play."""
        for seller in self.sellers:
            if seller.key == key:
                return seller
        raise KeyError(key)


def simulator_settings() -> SimulatorSettings:
    return load("simulator", SimulatorSettings)
