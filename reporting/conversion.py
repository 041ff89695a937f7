"""Money in another currency than it was booked in: by the rate of the day, in exact integers, in SQL.

Rates are those of the campaign files (`rates`), as control knows them. Where there is none from a currency to the
one that is asked for, the rate the other way round is turned, or two are put together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from domain.campaign import Rate
from domain.exchange_rates import inverse
from domain.money import RATE_UNIT, convert
from reporting.store import Parameter

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Rates:
    """``per_day``: currency -> its rate (times RATE_UNIT) to the wanted one on each day from ``first`` on."""

    first: date
    per_day: dict[str, tuple[int, ...]]

    def sql(self, currency: str, day: str, parameters: dict[str, Parameter]) -> str:
        """The rate of the currency in one column on the day (since 1970) in another; 0 where it is not known."""
        cases = []
        for number, (name, rates) in enumerate(sorted(self.per_day.items())):
            parameters[f"rated_{number}"] = name
            place = f"{day} - {(self.first - _EPOCH).days} + 1"
            of_day = str(rates[0]) if len(set(rates)) == 1 else f"arrayElement([{', '.join(map(str, rates))}], {place})"
            cases += [f"{currency} = %(rated_{number})s", f"toInt64({of_day})"]
        return f"multiIf({', '.join([*cases, 'toInt64(0)'])})" if cases else "toInt64(0)"


def converted(nanos: str, rate: str) -> str:
    """SQL of `domain.money.convert`: half-even at the nano. Both are split at 10⁹, for the product has more than 64
    bits.
    """
    amount = f"toInt64(abs({nanos}))"
    high, low = f"intDiv({amount}, {RATE_UNIT})", f"modulo({amount}, {RATE_UNIT})"
    whole, part = f"intDiv({rate}, {RATE_UNIT})", f"modulo({rate}, {RATE_UNIT})"
    quotient = (
        f"({high} * {whole} * {RATE_UNIT} + {high} * {part} + {low} * {whole} + intDiv({low} * {part}, {RATE_UNIT}))"
    )
    twice = f"(2 * modulo({low} * {part}, {RATE_UNIT}))"
    up = f"({twice} > {RATE_UNIT} OR ({twice} = {RATE_UNIT} AND modulo({quotient}, 2) = 1))"
    return f"toInt64(if({nanos} < 0, -1, 1) * ({quotient} + {up}))"


def rates_to(target: str, currencies: Iterable[str], known: Iterable[Rate], first: date, last: date) -> Rates:
    """For each of the days, both included; 0 on days that no rate is known for."""
    dated: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    for rate in known:
        dated.setdefault((rate.base, rate.quote), []).append((rate.day, rate.id, rate.per_unit))
    for found in dated.values():
        found.sort()
    days = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
    return Rates(first, {each: tuple(_series(dated, each, target, days)) for each in sorted(currencies)})


def _series(
    dated: dict[tuple[str, str], list[tuple[str, int, int]]], base: str, quote: str, days: list[str]
) -> list[int]:
    if base == quote:
        return [RATE_UNIT] * len(days)
    told = _direct(dated, base, quote, days)
    between = sorted({name for pair in dated for name in pair} - {base, quote})
    for middle in between:
        if all(told):
            break
        two = zip(_direct(dated, base, middle, days), _direct(dated, middle, quote, days), strict=True)
        told = [rate or convert(one, other) for rate, (one, other) in zip(told, two, strict=True)]
    return told


def _direct(
    dated: dict[tuple[str, str], list[tuple[str, int, int]]], base: str, quote: str, days: list[str]
) -> list[int]:
    """Of each day the newest rate up to it; turned where there is only one the other way round."""
    ahead, back = (_newest(dated.get(pair, []), days) for pair in ((base, quote), (quote, base)))
    return [one or (inverse(other) if other else 0) for one, other in zip(ahead, back, strict=True)]


def _newest(rates: list[tuple[str, int, int]], days: list[str]) -> list[int]:
    found, place, held = [], 0, 0
    for day in days:
        while place < len(rates) and rates[place][0] <= day:
            held = rates[place][2]
            place += 1
        found.append(held)
    return found
