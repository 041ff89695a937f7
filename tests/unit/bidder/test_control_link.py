"""What a worker tells control, and does with the answer: what is final, and how long a lease lasts."""

import time
from typing import cast

import aiohttp
import pytest

from bidder.answer import Answer
from bidder.control_link import ControlLink
from bidder.leases import Leases
from bidder.paces import Paces
from bidder.state import State
from domain.clock import SECOND
from pacing.protocol import LEASE_S, Grant, Grants, Heartbeat, LeaseUse, Register, Registered

BID = 1_000


class Numbers:
    """In place of the worker's `Answer`: its bid ids are used up."""

    exhausted = True

    def start(self, worker: int) -> None:
        self.exhausted = False


@pytest.fixture
def link() -> ControlLink:
    leases = Leases()
    link = ControlLink("", cast(State, None), Paces(leases), leases, cast(Answer, Numbers()))
    link.worker = 1
    return link


def hear(link: ControlLink, *grants: Grant, closed: tuple[int, ...] = (), ago_s: float = 0) -> None:
    link.hear(Grants(1, grants, closed), link.report(), time.monotonic_ns() - int(ago_s * SECOND))


def bid(link: ControlLink) -> int:
    link.leases.tick()
    return link.leases.take(1, BID)


def test_a_lease_counts_from_when_control_was_asked(link: ControlLink) -> None:
    hear(link, Grant(5, 1, 10 * BID, LEASE_S), ago_s=LEASE_S + 1)  # the worker stood still with the answer in hand
    assert bid(link) == 0
    hear(link, Grant(6, 1, 10 * BID, LEASE_S), ago_s=LEASE_S / 2)
    assert bid(link) == 6


def test_what_is_given_back_is_told_until_control_has_heard_it(link: ControlLink) -> None:
    hear(link, Grant(5, 1, 3 * BID, LEASE_S))
    assert bid(link) == 5
    hear(link, closed=(5,))
    assert bid(link) == 0
    for _ in range(2):  # the first answer is lost
        assert link.report() == Heartbeat(1, (), (LeaseUse(5, BID, 3 * BID, 1),))
    hear(link)
    assert link.report() == Heartbeat(1)


def test_lease_ids_may_need_all_32_bits(link: ControlLink) -> None:
    hear(link, Grant(2**32 - 1, 1, BID, LEASE_S))
    hear(link, closed=(2**32 - 1,))
    assert link.report().returned == (LeaseUse(2**32 - 1, 0, BID),)


async def test_a_worker_that_takes_a_new_number_bids_no_more_from_what_it_gives_back(
    link: ControlLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(link, Grant(5, 1, 3 * BID, LEASE_S))
    assert bid(link) == 5
    said = []

    async def post(session: object, path: str, message: object, answer: object) -> object:
        if isinstance(message, Register):
            assert bid(link) == 5  # nothing is given back before there is a new number
            return Registered(2, 1)
        said.append(message)
        assert bid(link) == 0
        return Grants(1)

    monkeypatch.setattr(link, "_post", post)
    await link.register(cast(aiohttp.ClientSession, None))
    assert said == [Heartbeat(1, (), (LeaseUse(5, 2 * BID, 3 * BID, 2),), stopping=True)]
    assert (link.worker, link.returned) == (2, [])
