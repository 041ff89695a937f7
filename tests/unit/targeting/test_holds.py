"""The table of bids in flight: what is held for how long, what lets go of it, and who still sees it then."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.clock import SECOND
from targeting.holds import LINGER_S, SHOWN_S, Holds

KEY, BID, AD = 0xABCDEF, 7 << 32 | 1, (1, 2, 3, 4)
START_NS = 10**15
LATER_NS = 3_000_000
"""More than two ticks."""


@pytest.fixture
def holds() -> Iterator[Holds]:
    table = Holds(None, 448)
    table.frozen_ns = START_NS
    yield table
    table.close()


def test_a_bid_is_held_until_it_expires(holds: Holds) -> None:
    assert holds.hold(KEY, *AD, BID, 60)
    holds.frozen_ns += 60 * SECOND - 1
    assert holds.held(KEY) == [AD] and holds.held(KEY + 1) == [] and holds.live() == 1
    holds.frozen_ns += LATER_NS
    assert holds.held(KEY) == [] and holds.live() == 0


def test_a_loss_lets_go_of_it_once(holds: Holds) -> None:
    holds.hold(KEY, *AD, BID, 60)
    assert not holds.lose(KEY, BID + 1) and not holds.lose(KEY + 1, BID)
    assert holds.lose(KEY, BID) and not holds.lose(KEY, BID)
    assert holds.held(KEY, 0) == []


def test_an_impression_lets_go_of_it_for_those_who_read_the_record_afterwards(holds: Holds) -> None:
    holds.hold(KEY, *AD, BID, 60)
    assert holds.show(KEY, *AD, BID)
    before = holds.frozen_ns
    assert holds.counted(KEY, BID) and not holds.counted(KEY, BID)
    holds.frozen_ns += LATER_NS
    assert holds.held(KEY, before) == [AD] and holds.held(KEY) == []
    holds.frozen_ns = before + LINGER_S * SECOND
    assert holds.held(KEY, before) == [AD]


def test_a_reported_impression_neither_expires_nor_is_lost(holds: Holds) -> None:
    holds.hold(KEY, *AD, BID, 60)
    assert holds.show(KEY, *AD, BID) and not holds.lose(KEY, BID)
    holds.frozen_ns += (SHOWN_S - 1) * SECOND
    assert holds.held(KEY) == [AD]


def test_an_impression_that_comes_late_is_held_until_it_is_counted(holds: Holds) -> None:
    holds.hold(KEY, *AD, BID, 60)
    holds.frozen_ns += 61 * SECOND
    assert holds.show(KEY, *AD, BID) and holds.held(KEY) == [AD]
    assert holds.show(KEY, *AD, BID) and holds.held(KEY) == [AD]
    assert holds.counted(KEY, BID)


def test_a_tracker_that_has_caught_up_lets_go_of_what_it_had_been_told(holds: Holds) -> None:
    for bid in range(5):
        holds.hold(KEY + bid, *AD, bid, 60)
    for bid in range(3):
        holds.show(KEY + bid, *AD, bid)
    assert holds.settle() == 3 and holds.settle() == 0
    holds.frozen_ns += LATER_NS
    assert [len(holds.held(KEY + bid)) for bid in range(5)] == [0, 0, 0, 1, 1]


def test_many_bids_of_one_key_lie_in_the_buckets_behind_it(holds: Holds) -> None:
    assert holds.capacity == 448
    assert all(holds.hold(KEY, bid, 2, 3, 4, bid, 60) for bid in range(448))
    assert not holds.hold(KEY, *AD, 448, 60) and not holds.hold(KEY + 1, *AD, 449, 60)
    assert sorted(campaign for campaign, *_ in holds.held(KEY)) == list(range(448))
    assert all(holds.lose(KEY, bid) for bid in range(0, 448, 2))
    assert sorted(campaign for campaign, *_ in holds.held(KEY)) == list(range(1, 448, 2))
    holds.frozen_ns += 61 * SECOND
    assert holds.held(KEY) == [] and holds.hold(KEY, *AD, 450, 60) and holds.held(KEY) == [AD]


def test_a_slot_is_used_again_when_nobody_can_miss_it(holds: Holds) -> None:
    for bid in range(448):
        holds.hold(KEY, *AD, bid, 60)
    holds.counted(KEY, 5)
    holds.frozen_ns += (LINGER_S - 1) * SECOND
    assert not holds.hold(KEY, *AD, 500, 60)
    holds.frozen_ns += 2 * SECOND
    assert holds.hold(KEY, *AD, 500, 60)


def test_who_is_forgotten_leaves_no_trace(tmp_path: Path) -> None:
    holds, ann, ben = Holds(tmp_path, 448), 0xA1B2C3D4E5F60718, 0x1122334455667788
    for bid in range(40):
        holds.hold(ann, 1, 2, 3, 4, bid, 60)
        holds.hold(ben, 1, 2, 3, 4, bid, 60)
    assert holds.lose(ann, 1) and holds.counted(ann, 2)
    (file,) = tmp_path.glob("holds-*")
    assert file.read_bytes().count(ann.to_bytes(8, "little")) == 40
    assert holds.forget(ann) == 40 and holds.forget(ann) == 0
    assert ann.to_bytes(8, "little") not in file.read_bytes()
    assert not holds.held(ann) and len(holds.held(ben)) == 40 == holds.live()
    assert holds.hold(ann, 1, 2, 3, 4, 99, 60) and len(holds.held(ann)) == 1


def test_processes_share_a_file_and_what_it_was_made_for_counts(tmp_path: Path) -> None:
    (tmp_path / "holds-of-another-boot").touch()
    one, two = Holds(tmp_path, 1_000), Holds(tmp_path, 10_000_000)
    assert one.capacity == two.capacity == 1_792
    one.hold(KEY, *AD, BID, 60)
    assert two.held(KEY) == [AD] and two.lose(KEY, BID) and one.held(KEY) == []
    (file,) = tmp_path.glob("holds-*")
    assert file.stat().st_mode & 0o077 == 0 and file.stat().st_blocks * 512 >= one.capacity // 7 * 320
    one.close()
    two.close()
