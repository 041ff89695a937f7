"""Values of a request as the exchange that sent it means them: numbers as text, a single value where a list belongs.

A value that makes no sense is taken as absent. Written without Outbid's own lenient reading, and with other rules where
the specification leaves room: what is judged with it is judged in the bidder's favour.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

MOST_EXACT = 2**53
"""A larger number with a fraction may have lost digits on its way, and is nobody's id."""
LEAST_FLOOR = Decimal("0.0000005")
Json = Mapping[str, Any]


def object_of(value: Any) -> Json:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str) and "," in value:
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, list) else [value]


def text_of(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if -(2**63) <= value < 2**64 else ""
    if isinstance(value, float):
        value = Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MOST_EXACT:
        return str(int(value)) if value % 1 == 0 else str(float(value))  # 6.1e-76 and 6.1E-76 are one name
    return ""


def name_of(value: Any) -> str:
    """An id: whatever length its digits have, they are sent back."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text_of(value)


def texts(value: Any) -> list[str]:
    return [text for text in map(text_of, listed(value)) if text]


def money(value: Any) -> Decimal:
    """A floor: 0 for none, for one that is negative or no number, and for less than half a millionth."""
    number = _number(value)
    return number if number is not None and number >= LEAST_FLOOR else Decimal(0)


def integer(value: Any, default: int = 0) -> int:
    number = _number(value)
    return default if number is None or abs(number) >= 2**31 or number % 1 else int(number)


def whole(value: Any) -> int | None:
    """A number that says something: a positive integer."""
    return number if (number := integer(value)) > 0 else None


def integers(value: Any) -> list[int]:
    numbers = (integer(item, -1) for item in listed(value))
    return [number for number in numbers if number >= 0]


def _number(value: Any) -> Decimal | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return Decimal(int(value))
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return Decimal(value.strip().lower() == "true")
    if not isinstance(value, str | int | float | Decimal):
        return None
    if isinstance(value, str) and "e" in value.lower():
        return None  # 1e5: a number to some and a word to others
    try:
        number = Decimal(str(value)) if not isinstance(value, int) or abs(value) < 10**40 else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None
