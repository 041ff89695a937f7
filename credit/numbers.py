"""Numbers and dates as people write them in files: ``1.234,50``, ``$5,000``, ``13.56%``, ``36 months``."""

import re
from collections.abc import Sequence
from typing import Literal

Decimal = Literal[".", ","]

_UNITS = (
    r"%|years?|yrs?|y|months?|mos?|mths?|m|weeks?|wks?|days?|d|hours?|usd|eur|gbp|inr|dm|rub|idr|php|ngn|mxn|kes|"
    r"pts?|points?|jahre?|monate?|tage|ans|mois|jours|[$€£¥₹₽]"
)
_NUMBER = re.compile(
    rf"(?P<bound>[<>≤≥~]=?)?\s*(?P<sign>[-+−])?\s*[$€£¥₹₽]?\s*(?P<digits>\d[\d., '\u00a0\u202f]*|\.\d+)"
    rf"(?P<exponent>[eE][-+]?\d+)?\s*\+?\s*(?:{_UNITS})?\.?",
    re.IGNORECASE,
)
_MONTH = r"(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]*"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:19|20)\d\d[-/]\d{1,2}(?:[-/]\d{1,2})?(?:[ T]\d{1,2}:.*)?",
        r"(?:19|20)\d\d\.\d{1,2}\.\d{1,2}(?: \d{1,2}:.*)?",
        r"\d{1,2}([-/.])\d{1,2}\1(?:\d\d){1,2}(?: \d{1,2}:.*)?",
        rf"{_MONTH}[-. /,]*(?:\d{{1,2}}[-. ,]+)?\d{{2}}(?:\d\d)?",
        rf"\d{{1,2}}[-. ]*{_MONTH}[-. ,]*\d{{2}}(?:\d\d)?",
    )
)
_PACKED_DATE = re.compile(r"(?:19[2-9]\d|20[0-4]\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def number_of(text: str, decimal: Decimal = ".") -> float | None:
    """The number that a text says; None if it says none."""
    try:
        plain = float(text) if decimal == "." else None
    except ValueError:
        plain = None
    if plain is not None:
        return plain if abs(plain) < 1e300 else None  # neither infinite nor not a number
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    digits = re.sub(r"[ '\u00a0\u202f]", "", found["digits"])
    digits = digits.replace(".", "").replace(",", ".") if decimal == "," else digits.replace(",", "")
    try:
        value = float(digits + (found["exponent"] or ""))
    except ValueError:
        return None
    if abs(value) >= 1e300:
        return None
    if found["bound"] == "<" and value <= 1:  # "< 1 year" is less than "1 year"
        value /= 2
    return -value if found["sign"] in ("-", "−") else value


def decimal_of(texts: Sequence[str], likely_comma: bool) -> Decimal:
    """Which mark begins the decimals in these texts."""
    commas = [text for text in texts if "," in text]
    dots = [text for text in texts if "." in text]
    if not commas:
        thousands = [text for text in dots if re.search(r"\d\.\d{3}\.\d{3}(?!\d)", text)]
        return "," if thousands else "."
    both = [text for text in commas if "." in text]
    if both:
        return "," if sum(text.rfind(",") > text.rfind(".") for text in both) * 2 > len(both) else "."
    if any(text.count(",") > 1 for text in commas):
        return "."
    if any(not re.search(r",\d{3}(?!\d)", text) for text in commas):
        return ","
    return "," if likely_comma and not any(re.search(r"\.\d{1,2}(?!\d)", text) for text in dots) else "."


def is_date(text: str) -> bool:
    """Whether it is written as a day or a month of a year."""
    return any(pattern.fullmatch(text) for pattern in _DATES)


def is_packed_date(text: str) -> bool:
    """Whether it is eight digits that could be YYYYMMDD."""
    return _PACKED_DATE.fullmatch(text) is not None
