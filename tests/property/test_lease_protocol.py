"""Leases, over all interleavings of a small world: no budget can be exceeded, and nothing of it is lost for ever.

Each world allows a few of everything; between them every kind of fault is met. That the checker sees
what it should is shown by breaking the protocol in ways in which it could be, or was, broken.
"""

from collections.abc import Callable

import pytest

import bidder.leases
import pacing.leases
from bidder.control_link import ControlLink
from pacing.lease import Lease
from pacing.protocol import Heartbeat
from tests.property.explorer import Explored, explore
from tests.property.lease_states import NOW, Left, State, Worker
from tests.property.lease_world import Broken, Clock, World

WORLDS = {
    "two workers": World(1, Left(beats=3, bids=2)),
    "a bid for each": World(2, Left(beats=2, bids=2)),
    "one worker, topped up": World(2, Left(beats=3, bids=1), workers=1),
    "a worker ends": World(1, Left(beats=2, bids=2, deaths=1)),
    "control restarts": World(1, Left(beats=2, bids=2, restarts=1)),
    "a request comes twice, or late": World(1, Left(beats=2, bids=2, strays=1)),
    "a pause": World(1, Left(beats=2, bids=2, pauses=1)),
    "impressions are counted": World(1, Left(beats=2, bids=2), impressions=True),
    "one worker, topped up with impressions": World(2, Left(beats=3, bids=1), workers=1, impressions=True),
    "a worker ends, impressions are counted": World(1, Left(beats=2, bids=1, deaths=1), impressions=True),
}


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is the world's."""
    monkeypatch.setattr(bidder.leases, "time", Clock)


def walk(world: World) -> Explored:
    ends: set[tuple[object, ...]] = set()

    def check(state: State) -> None:
        world.check(state)
        control = state.leases, state.bids, state.spent, state.next_id
        if control not in ends:
            ends.add(control)
            world.check_end(state)

    return explore(world.start, world.steps, check)


@pytest.mark.parametrize("name", WORLDS)
def test_whatever_happens_in_whatever_order_no_budget_is_exceeded_and_nothing_is_lost(name: str) -> None:
    explored = walk(WORLDS[name])
    print(f"{name}: {explored.states} states, {explored.steps} steps")
    assert explored.states > 1_000


# --- the checker has teeth


def no_grace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pacing.leases, "GRACE_S", 0.0)


def no_expiry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pacing.leases.Leases, "_over_ns", lambda leases, lease: lease.closed_ns or float("inf"))


def released_twice(patch: pytest.MonkeyPatch) -> None:
    release = pacing.leases.Leases.release
    patch.setattr(pacing.leases.Leases, "release", lambda leases, id_, amount: release(leases, id_, 2 * amount))


def returned_without_figures(patch: pytest.MonkeyPatch) -> None:
    close = pacing.leases.Leases._close
    patch.setattr(
        pacing.leases.Leases, "_close", lambda leases, lease, now, reserved=None: close(leases, lease, now, (0, 0))
    )


def never_let_go(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pacing.leases.Leases, "_over_ns", lambda leases, lease: float("inf"))


def not_saved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        pacing.leases.Leases, "release", lambda leases, id_, amount: setattr(leases.leases[id_].money, "released", 1)
    )


def holds_forgotten_on_restart(patch: pytest.MonkeyPatch) -> None:
    def restore(leases: pacing.leases.Leases, lease: Lease) -> None:
        leases.leases[lease.id] = lease
        if lease.closed_ns is None:
            leases._open[lease.worker][lease.line_item] = lease

    patch.setattr(pacing.leases.Leases, "restore", restore)


def counted_from_hearing(patch: pytest.MonkeyPatch) -> None:
    hear = World._hear
    patch.setattr(World, "_hear", lambda world, w, *said: hear(world, w._replace(asked_ns=NOW), *said))


def farewell_while_bidding(patch: pytest.MonkeyPatch) -> None:
    def farewell(link: ControlLink) -> Heartbeat:
        return Heartbeat(link.worker, (), (*link.returned, *link.leases.uses()), stopping=True)

    patch.setattr(ControlLink, "farewell", farewell)


def top_ups_told_once(patch: pytest.MonkeyPatch) -> None:
    grant = pacing.leases.Leases._grant

    def heard(lease: Lease) -> tuple[int | None, int | None]:
        return lease.money.granted, lease.bids.granted

    def forgetful(leases, line, worker, lease, known, now_ns):  # type: ignore[no-untyped-def]
        return grant(leases, line, worker, lease, {id_: heard(leases.leases[id_]) for id_ in known}, now_ns)

    patch.setattr(pacing.leases.Leases, "_grant", forgetful)


@pytest.mark.parametrize(
    ("mutate", "name", "says"),
    [
        (no_grace, "a worker ends", "control holds 0"),
        (no_expiry, "two workers", "control holds 0"),
        (released_twice, "a bid for each", "control holds"),
        (returned_without_figures, "two workers", "control holds 0"),
        (never_let_go, "a bid for each", "can be granted in the end"),
        (not_saved, "a bid for each", "the store has"),
        (holds_forgotten_on_restart, "a bid for each", "the budget is 2|of 2"),
        (counted_from_hearing, "two workers", "control holds 0"),
        (farewell_while_bidding, "a worker ends", "may be billed, control holds"),
        (top_ups_told_once, "one worker, topped up", "has heard of leases"),
    ],
)
def test_a_broken_protocol_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    with pytest.raises(Broken, match=says):
        walk(WORLDS[name])


def test_a_way_that_was_found_can_be_walked_by_hand() -> None:
    """The states are those of the real objects: a worker asks, control grants one bid, the worker takes it."""
    world = WORLDS["two workers"]
    state = world.start
    for wanted in ("worker 1 asks", "control hears worker 1", "worker 1 hears control", "worker 1 bids"):
        state = dict(world.steps(state))[wanted]
    ((lease, *_),) = state.workers[0].held
    assert (state.workers[1], state.bids[0].lease, state.leases[0].id) == (Worker(2), lease, lease)
