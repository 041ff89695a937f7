"""Events and bookings put into a store without a log."""

from collections.abc import Iterable, Sequence
from typing import Any

from domain.events import encode
from pacing.protocol import Settlement
from reporting.rows import blocks, of_settlement
from reporting.store import Store


def packed(events: Iterable[Any]) -> list[bytes]:
    """As logs, and `reporting.sources` for bookings, have them."""
    return [of_settlement(event) if isinstance(event, Settlement) else encode(event) for event in events]


def send(store: Store, events: Sequence[Any], name: str) -> None:
    """One insert for each table and day."""
    made = blocks(packed(events), store.dialect)
    assert not made.refused
    for block in made.blocks:
        store.send(block, f"{name}:{block.table.name}:{block.day}")
