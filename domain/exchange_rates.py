"""Which exchange rates hold on a day."""

from collections.abc import Iterable

from domain.campaign import Rate
from domain.money import RATE_UNIT


def effective(rates: Iterable[Rate], today: str) -> dict[tuple[str, str], Rate]:
    """By (base, quote): the rate of the latest day up to ``today`` (YYYY-MM-DD, UTC), of two the newer row."""
    best: dict[tuple[str, str], Rate] = {}
    for rate in rates:
        held = best.get((rate.base, rate.quote))
        if rate.day <= today and (held is None or (held.day, held.id) < (rate.day, rate.id)):
            best[rate.base, rate.quote] = rate
    return best


def inverse(per_unit: int) -> int:
    """The rate the other way round, to the nearest 10⁻⁹."""
    return (2 * RATE_UNIT * RATE_UNIT + per_unit) // (2 * per_unit)
