"""Numbers of JSON as they are written: a price of 0.1 is no binary fraction."""

from decimal import Decimal


class Exact(Decimal):
    """A decimal as it was written, also where it is shown to people."""

    def __repr__(self) -> str:
        return str(self)


def exact(text: str) -> Exact:
    """A number with a point or an exponent. Raises ValueError for one that no field could be."""
    number = Exact(text)
    if number and not -40 <= number.adjusted() <= 40:
        raise ValueError(f"{text[:40]} is out of range")
    return Exact(format(number, "f")) if "e" in text.lower() else number
