"""What makes an exchange different: a profile of settings, and named hooks where settings do not say it.

Hooks are called while a snapshot is compiled or a notice is read; only `Adapter.narrows` makes the bid path ask for
more, and only for exchanges whose adapter says so.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from domain.exchange import Exchange


class Profile(Struct, frozen=True):
    """What the exchange's public documentation says, in the words of the campaign file (docs/exchanges.md)."""

    name: str
    title: str
    sources: tuple[str, ...] = ()
    """Addresses of the pages that say so."""
    settings: dict[str, Any] = {}
    """Fields of ``exchanges`` with the values they have where the file does not give them."""
    required: tuple[str, ...] = ()
    """Fields that every such exchange needs and nobody can know beforehand."""
    seat: str = ""
    """Regular expression that our seat id there matches; empty: any."""
    notes: tuple[str, ...] = ()
    """What else an operator should know."""


class Fault(NamedTuple):
    """A field of an exchange that its adapter cannot work with."""

    field: str
    value: object
    allowed: str


class Offer(NamedTuple):
    """What an exchange says of one imp in fields of its own."""

    open_to_us: bool = True
    excluded: frozenset[str] = frozenset()
    """Creative ids (``crid``) that must not be shown there."""


class Adapter:
    """The behaviour of all exchanges that settings describe completely."""

    narrows = False
    """Whether `offers` has anything to say."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def faults(self, exchange: Exchange) -> Iterator[Fault]:
        """What of this exchange's fields the exchange would refuse."""
        for name in self.profile.required:
            if not getattr(exchange, name):
                yield Fault(name, None, f"it must be given for the adapter {self.profile.name!r}")
        if self.profile.seat and not re.fullmatch(self.profile.seat, exchange.seat):
            yield Fault("seat", exchange.seat, f"{self.profile.title} wants a seat that matches {self.profile.seat}")

    def bid_ext(self, exchange: Exchange) -> Mapping[str, Any]:
        """Bid out: ``ext`` of every bid; empty for none."""
        return exchange.bid_ext

    def offers(self, body: bytes, exchange: Exchange) -> list[Offer]:
        """Request in: what the request's own extensions say, an entry for each imp. Of bytes that were read before."""
        return []
