"""Money as integers.

The unit is the *nano*: 10⁻⁹ of a named currency. A CPM in micros (10⁻⁶ of the currency for a thousand impressions) is,
digit for digit, the price of one impression in nanos, so nothing is rounded between a bid and the ledger.
"""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

NANOS = 1_000_000_000
RATE_UNIT = 1_000_000_000
"""Exchange rates are integers too: units of quote currency for one unit of base, times this."""

MAX_NANOS = 10**18
"""A thousand million units of currency. Anything larger is a mistake, and is refused where it enters."""
_MOST_UNITS = MAX_NANOS // NANOS


class MoneyError(ValueError):
    """The text is no amount of money that Outbid can hold exactly."""


def _to_decimal(text: str | int | float | Decimal) -> Decimal:
    try:
        value = text if isinstance(text, Decimal) else Decimal(str(text))
    except InvalidOperation:
        raise MoneyError(f"{text!r} is not a decimal number") from None
    if not value.is_finite():
        raise MoneyError(f"{text!r} is not a finite number")
    return value


def parse_nanos(text: str | int | float | Decimal) -> int:
    """``"12.34"`` (units of currency) -> 12_340_000_000 nanos. Refuses more than nine decimals and absurd sizes."""
    value = _to_decimal(text)
    if not -_MOST_UNITS <= value <= _MOST_UNITS:  # arithmetic itself fails at 1e9999999
        raise MoneyError(f"{text!r} is out of range")
    scaled = value * NANOS
    if scaled != scaled.to_integral_value() or (value and not scaled):
        raise MoneyError(f"{text!r} has more than nine decimals")
    return int(scaled)


def parse_cpm(text: str | int | float | Decimal) -> int:
    """A CPM as a person or an exchange writes it -> CPM micros (nanos an impression); half-even at the micro."""
    value = _to_decimal(text)
    if not -_MOST_UNITS <= value <= _MOST_UNITS:  # arithmetic itself fails at 1e9999999
        raise MoneyError(f"{text!r} is out of range")
    return int((value * 1_000_000).to_integral_value(ROUND_HALF_EVEN))


def format_nanos(nanos: int, places: int = 9) -> str:
    """Nanos -> ``"12.34"``; with fewer than nine ``places`` the text is rounded half-even (statements, tables)."""
    text = format((Decimal(nanos) / NANOS).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN), "f")
    if places > 2 and "." in text:
        whole, fraction = text.split(".")
        text = f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
    return text


def format_cpm(cpm_micros: int) -> str:
    """CPM micros -> the shortest exact decimal, as it is written into a bid."""
    sign, micros = ("-", -cpm_micros) if cpm_micros < 0 else ("", cpm_micros)
    whole, fraction = divmod(micros, 1_000_000)
    return f"{sign}{whole}.{fraction:06d}".rstrip("0").rstrip(".") if fraction else f"{sign}{whole}"


def minor_digits(currency: str) -> int:
    """Decimals of a currency's minor unit (ISO 4217): 2 for cents."""
    return _MINOR_DIGITS.get(currency, 2)


_MINOR_DIGITS = {
    currency: digits
    for digits, currencies in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for currency in currencies.split()
}


def round_to_minor(nanos: int, currency: str) -> int:
    """Nanos -> minor units of the currency, half-even: the one rounding, on a statement's line."""
    unit: int = 10 ** (9 - minor_digits(currency))
    quotient, remainder = divmod(nanos, unit)
    return quotient + (1 if 2 * remainder > unit or (2 * remainder == unit and quotient & 1) else 0)


def convert(nanos: int, rate: int) -> int:
    """Base nanos -> quote nanos at ``rate`` (times RATE_UNIT); half-even at the nano."""
    quotient, remainder = divmod(nanos * rate, RATE_UNIT)
    twice = 2 * remainder
    return quotient + (1 if twice > RATE_UNIT or (twice == RATE_UNIT and quotient & 1) else 0)


def convert_up(nanos: int, rate: int) -> int:
    """As `convert`, rounded away from zero's side below: a floor or a reservation must never come out too small."""
    return -((-nanos * rate) // RATE_UNIT)
