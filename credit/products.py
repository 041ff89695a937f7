"""Lenders and their products: what a loan may be, who may have it, what an approval pays and what a default costs.

`credit.product_file` reads them from YAML. All money of a catalogue is in one currency, in nanos.
"""

from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct, field

from credit.tags import Schema, Tag, schema_of
from domain.campaign import Targeting
from domain.money import NANOS
from domain.naming import name_id

Period = Literal["day", "week", "month", "total"]
PERIODS: tuple[Period, ...] = ("day", "week", "month", "total")
PPM = 1_000_000
MOST_MONTHS = 600
"""Of a term."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The most there may be in a period of the lender's calendar; a missing one is no limit."""

    day: int | None = None
    week: int | None = None
    """From Monday on."""
    month: int | None = None
    total: int | None = None


class Payout(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the lender pays for an applicant whom it approves."""

    fixed: int = 0
    """Nanos."""
    share_ppm: int = 0
    """Of the amount that is asked for, in millionths."""


class Loss(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What we lose when an approved applicant defaults."""

    lgd_ppm: int = PPM
    """Loss given default: the share of the amount that the lender does not get back."""
    carried_ppm: int = 0
    """Our share of that loss."""
    clawback_ppm: int = 0
    """The share of the payout that the lender takes back."""
    pd_ppm: int = 50_000
    """Probability of default of applicants of whom nothing is known."""


class Prior(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is believed of a product's approvals before any answer came."""

    approval_ppm: int = 0
    """Of applicants as they usually come; 0: as the other products'."""
    worth: float = 20.0
    """As if it had been seen on so many of them."""


class Lender(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A lender. Its quotas are over all its products, its calendar is that of its time zone."""

    key: str
    name: str
    time_zone: str = "UTC"
    institution: str = ""
    """Whose API keys see and answer its offers; empty: the lender's key."""
    offers: Limits = Limits()
    volume: Limits = Limits()
    """Of amounts asked for, in nanos."""


class Product(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A loan that an applicant can be offered."""

    key: str
    lender: str
    name: str
    amount_min: int
    amount_max: int
    """Nanos, both included."""
    terms: tuple[int, ...]
    """Months that there are, rising."""
    apr_min: float
    apr_max: float
    """Percent a year."""
    payout: Payout
    loss: Loss = Loss()
    prior: Prior = Prior()
    offers: Limits = Limits()
    volume: Limits = Limits()
    answer_days: int = 30
    """An offer without an answer for so long was not taken up, and counts as not approved."""
    eligibility: Targeting = Targeting()
    active: bool = True

    @property
    def path(self) -> str:
        """Its name among all lenders' products."""
        return f"{self.lender}/{self.key}"

    @property
    def id(self) -> int:
        """64 bits, the same for ever."""
        return name_id(self.path)

    def pays(self, amount: int) -> float:
        """Units of currency for an approval of so many nanos."""
        return (self.payout.fixed + amount * self.payout.share_ppm / PPM) / NANOS

    def loses(self, amount: int) -> float:
        """Units of currency that a default of an approved applicant costs us."""
        share = self.loss.lgd_ppm / PPM * self.loss.carried_ppm / PPM
        return amount / NANOS * share + self.pays(amount) * self.loss.clawback_ppm / PPM


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """All lenders and products of a file, in its order."""

    currency: str
    lenders: tuple[Lender, ...]
    products: tuple[Product, ...]
    tags: tuple[Tag, ...] = field(default=())
    """Those that the file declares."""

    @property
    def version(self) -> str:
        """16 hexadecimal digits of the content's SHA-256."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]

    def schema(self) -> Schema:
        return schema_of(self.tags)

    def owners(self) -> dict[str, str]:
        """By lender: the institution whose keys see and answer its offers."""
        return {lender.key: lender.institution or lender.key for lender in self.lenders}

    def lender_of(self, product: Product) -> Lender:
        return next(lender for lender in self.lenders if lender.key == product.lender)
