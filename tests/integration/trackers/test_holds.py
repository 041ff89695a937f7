"""What notices do to the bids that are held against frequency caps, and whom an impression is counted for."""

import asyncio
import time
from typing import Any

from domain.events import Kind
from domain.token import Token
from targeting.holds import Holds
from targeting.households import device_key, household_key
from targeting.profiles import ProfileStore
from targeting.record import advertiser_scope, campaign_scope, creative_scope, line_item_scope
from targeting.unpacked import unpack
from trackers.memory import Memory
from trackers.recorder import Recorder

AD = (20, 30, 10, 40)
"""Campaign, line item, advertiser and creative of the tests' token."""
SCOPES = {campaign_scope(20), line_item_scope(30), advertiser_scope(10), creative_scope(40)}
DEVICE, HOUSEHOLD = 5, 6
KEYS = (77, device_key(DEVICE), household_key(HOUSEHOLD))


def held(holds: Holds) -> list[int]:
    return [len(holds.held(key)) for key in KEYS]


async def until_held(holds: Holds, counts: list[int]) -> None:
    async with asyncio.timeout(30):
        while held(holds) != counts:  # noqa: ASYNC110 -- shared memory tells nobody
            await asyncio.sleep(0.005)


def bid(tracker: Any, holds: Holds, **changes: Any) -> Token:
    """A token of a bid that is held by all three."""
    token: Token = tracker.token(**{"device": DEVICE, "household": HOUSEHOLD, **changes})
    for key in KEYS:
        assert holds.hold(key, *AD, token.bid, 300)
    return token


async def test_a_loss_lets_go_of_the_bid(tracker: Any) -> None:
    holds = Holds(tracker.place.data)
    token, other = bid(tracker, holds), bid(tracker, holds)
    await tracker.get(tracker.path(token, Kind.LOSS, "r=102"))
    await until_held(holds, [1, 1, 1])
    await tracker.get(tracker.path(token, Kind.LOSS, "r=102"))
    await tracker.get(tracker.path(other, Kind.WIN, "p=1"))
    await tracker.get(tracker.path(other, Kind.IMPRESSION, "p=AUDIT"))
    await tracker.stop()
    assert held(holds) == [1, 1, 1]


async def test_an_impression_is_counted_for_all_and_its_hold_let_go(tracker: Any) -> None:
    holds = Holds(tracker.place.data)
    token = bid(tracker, holds)
    for _ in range(2):
        await tracker.get(tracker.path(token, Kind.IMPRESSION, "p=1"))
    await tracker.get(tracker.path(token, Kind.LOSS, "r=102"))
    await until_held(holds, [0, 0, 0])
    await tracker.stop()
    with ProfileStore(tracker.place.data / "profiles.lmdb") as profiles:
        records = [unpack(profiles.reader().get(key) or b"") for key in KEYS]
    assert all(set(r.shown) == SCOPES and all(len(t) == 1 for t in r.shown.values()) for r in records)
    assert [set(r.relations) for r in records] == [{10}, set(), set()]


async def test_whoever_looks_sees_the_hold_or_the_count(tracker: Any, monkeypatch: Any) -> None:
    """Before the tracker's transaction, and right after it."""
    holds = Holds(tracker.place.data)
    token = bid(tracker, holds)
    seen: list[tuple[int, int]] = []
    applied = Memory.apply

    def look(memory: Memory) -> None:
        before = time.monotonic_ns()
        with memory._profiles.env.begin(db=memory._profiles.profiles) as txn:
            shown = unpack(txn.get(token.person.to_bytes(8, "big")) or b"").shown
        seen.append((len(holds.held(token.person, before)), len(shown.get(campaign_scope(20), ()))))

    def apply(memory: Memory, events: Any, position: int) -> None:
        look(memory)
        applied(memory, events, position)
        look(memory)

    monkeypatch.setattr(Memory, "apply", apply)
    await tracker.get(tracker.path(token, Kind.IMPRESSION, "p=1"))
    await until_held(holds, [0, 0, 0])
    assert [sum(pair) >= 1 for pair in seen] == [True, True] and seen[0] == (1, 0)


async def test_a_tracker_that_was_away_lets_go_of_what_it_had_been_told(tracker: Any, monkeypatch: Any) -> None:
    """It is stopped between the log and the memory: the next start counts it, and only then lets go."""
    holds = Holds(tracker.place.data)
    token = bid(tracker, holds)

    async def nothing(recorder: Recorder, events: Any, position: int) -> None:
        return None

    with monkeypatch.context() as broken:
        broken.setattr(Recorder, "_apply", nothing)
        await tracker.get(tracker.path(token, Kind.IMPRESSION, "p=1"))
        await tracker.stop()
    assert held(holds) == [1, 1, 1] and not holds.lose(KEYS[0], token.bid)
    await tracker.start()
    await until_held(holds, [0, 0, 0])
    await tracker.stop()
    with ProfileStore(tracker.place.data / "profiles.lmdb") as profiles:
        assert len(unpack(profiles.reader().get(KEYS[2]) or b"").shown[line_item_scope(30)]) == 1


async def test_an_impression_that_nobody_holds_here_is_counted_too(tracker: Any) -> None:
    """Its bid came from another host, or has expired."""
    holds = Holds(tracker.place.data)
    token = tracker.token(household=HOUSEHOLD)
    await tracker.get(tracker.path(token, Kind.IMPRESSION, "p=1"))
    await tracker.stop()
    await until_held(holds, [0, 0, 0])
    with ProfileStore(tracker.place.data / "profiles.lmdb") as profiles:
        found = [profiles.reader().get(key) is not None for key in KEYS]
    assert found == [True, False, True]
