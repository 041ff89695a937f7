"""What an exchange writes into notice URLs: the macros (section 4.4) and how their values read."""

import re
from enum import Enum
from typing import NamedTuple

from domain.money import MoneyError, parse_cpm

AUCTION_PRICE = "${AUCTION_PRICE}"
AUCTION_CURRENCY = "${AUCTION_CURRENCY}"
AUCTION_LOSS = "${AUCTION_LOSS}"
AUCTION_MIN_TO_WIN = "${AUCTION_MIN_TO_WIN}"

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
