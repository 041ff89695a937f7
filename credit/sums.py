"""Sums of money as JSON and files have them, in nanos."""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from domain.errors import Problem, Refused
from domain.money import MoneyError, parse_nanos

_NINTH = Decimal("1e-9")


def nanos_of(amount: float, field: str = "amount") -> int:
    """A sum as it was sent, to the ninth decimal. The shortest decimal of a float is what somebody has written: more
    of its digits would be those of binary fractions, and of large sums would be money. Raises Refused.
    """
    try:
        return parse_nanos(Decimal(repr(float(amount))).quantize(_NINTH, ROUND_HALF_EVEN))
    except (MoneyError, InvalidOperation):
        raise Refused([Problem(field, amount, "it must be a sum of money, up to a thousand million")]) from None
