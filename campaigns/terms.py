"""Targeting as marketers write it, into the values that `targeting.dimensions` compares."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from campaigns import values
from campaigns.targeting_words import WORDS, last_visit
from campaigns.values import Check
from domain.campaign import Targeting
from domain.entry import Wrong
from domain.person import STAGES
from targeting.dimensions import Dimension
from targeting.expression import Ill, targeting_of

Refuse = Callable[[Dimension, tuple[str, ...]], str | None]
"""Why a dimension may not be used, or not with these values; None if it may."""


def anything_goes(dimension: Dimension, values: tuple[str, ...]) -> None:
    """Refuses nothing."""


def targeting(
    owner: int,
    exchange: Check[int],
    audience: Check[int],
    deal: Check[str],
    refuse: Refuse = anything_goes,
) -> Callable[[Any], Targeting]:
    """Check of a ``targeting`` expression of an advertiser, by id. The next three resolve keys of exchanges, audiences
    and deals (to their codes).
    """
    keys: dict[Dimension, Check[tuple[str, ...]]] = {
        Dimension.EXCHANGE: lambda value: (str(exchange(value)),),
        Dimension.AUDIENCE: lambda value: (str(audience(value)),),
        Dimension.DEAL: lambda value: (deal(value),),
        Dimension.LIFECYCLE: lambda value: (str(owner << 8 | STAGES[values.choice(*STAGES)(value)]),),
        Dimension.LAST_VISIT: lambda value: last_visit(owner, value),
    }

    def read(dimension: Dimension, listed: Any) -> tuple[str, ...]:
        check = keys[dimension] if dimension in keys else WORDS[dimension].check
        try:
            groups = values.listed(check, least=1)(listed)
        except Wrong as wrong:
            raise Ill(wrong.faults or (("", listed, wrong.allowed),)) from None
        found = tuple(dict.fromkeys(word for group in groups for word in group))
        if why := refuse(dimension, found):
            raise Ill([("", listed, why)])
        return found

    def check(value: Any) -> Targeting:
        if value == {}:
            return Targeting()
        try:
            normal = targeting_of(value, read)
        except Ill as ill:
            raise Wrong("", *ill.faults) from None
        return Targeting(normal.any_of, written=plain(value))

    return check


def plain(form: Any) -> Any:
    """What was written as JSON has it: decimals as numbers."""
    if isinstance(form, dict):
        return {name: plain(value) for name, value in form.items()}
    if isinstance(form, list):
        return [plain(value) for value in form]
    return float(form) if isinstance(form, Decimal) else form
