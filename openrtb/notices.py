"""What an exchange writes into notice URLs: the macros (section 4.4) and how their values read.

A macro that was not substituted, an empty value and garbage are all "not told".
"""

import re
from base64 import b64decode
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from domain.money import MoneyError, parse_cpm

MOST_MULTIPLIER = 1_000_000
"""Impressions that one play on a screen can count as."""
MILLION = 1_000_000

_DECIMAL = re.compile(r"(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
_MACRO = re.compile(r"\$\{[A-Z_:0-9]*\}")


class PriceKind(Enum):
    TOLD = "told"
    AUDIT = "audit"
    """The exchange watches its own pipes: nothing was bought."""
    NONE = "none"
    """Undisclosed, or nothing that reads as a price."""


class Price(NamedTuple):
    """A clearing price as told; ``cpm_micros`` is 0 unless TOLD."""

    kind: PriceKind
    cpm_micros: int = 0


def read_price(text: str | None) -> Price:
    """The value of ``${AUCTION_PRICE}``: a CPM, ``AUDIT``, nothing, the macro itself (not substituted), or garbage."""
    word = (text or "").strip()
    if word.upper() == "AUDIT":
        return Price(PriceKind.AUDIT)
    if not _DECIMAL.fullmatch(word):
        return Price(PriceKind.NONE)
    try:
        return Price(PriceKind.TOLD, parse_cpm(word))
    except MoneyError:
        return Price(PriceKind.NONE)


def read_currency(text: str | None) -> str:
    """The value of ``${AUCTION_CURRENCY}`` in capitals; empty if it was not told."""
    word = (text or "").strip()
    return "" if _MACRO.fullmatch(word) else word.upper()


def read_loss_reason(text: str | None) -> int:
    """The value of ``${AUCTION_LOSS}``, a code of list 5.25; 0 if it was not told."""
    word = (text or "").strip()
    return int(word) if re.fullmatch(r"[0-9]{1,9}", word) else 0


def from_base64(text: str | None) -> str:
    """The value behind a macro with the suffix ``:B64``; empty if it is no base64 (either alphabet, padded or not)."""
    word = (text or "").strip().rstrip("=").translate(_WEB_SAFE)
    try:
        return b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""


def read_number(text: str | None) -> Decimal | None:
    """A number that is not negative, as in ``${AUCTION_MULTIPLIER}``, exactly; None if it was not told."""
    word = (text or "").strip()
    return Decimal(word) if _DECIMAL.fullmatch(word) else None


def read_millionths(text: str | None, whole: int = 1) -> int:
    """A ratio such as ``${AUCTION_MBR}`` in millionths of ``whole`` (100 where it is told in per cent), half-even; 0 if
    it was not told, or is more than a million.
    """
    number = read_number(text)
    if number is None or number > MILLION:
        return 0
    return int((number * MILLION / whole).to_integral_value(ROUND_HALF_EVEN))


def read_multiplier(text: str | None) -> Decimal | None:
    """``${AUCTION_MULTIPLIER}``: impressions of one play, which may be a fraction; None if it was not told."""
    number = read_number(text)
    return number if number is not None and 0 < number <= MOST_MULTIPLIER else None


def read_time_ms(text: str | None) -> int:
    """``${AUCTION_IMP_TS}``: when the impression was, milliseconds since 1970; 0 if it was not told."""
    word = (text or "").strip()
    return int(word) if re.fullmatch(r"[0-9]{10,14}", word) else 0


def cost_nanos(cpm_micros: int, multiplier: Decimal, buyer_fee_ppm: int) -> int:
    """What a bid costs: the told price of an impression, times its impressions, and the exchange's fee on top of it.

    Rounded once, half-even, at the nano; without either it is the price itself, digit for digit.
    """
    if multiplier == 1 and not buyer_fee_ppm:
        return cpm_micros
    return round(cpm_micros * Fraction(multiplier) * Fraction(MILLION + buyer_fee_ppm, MILLION))


_WEB_SAFE = str.maketrans("+/", "-_")
