"""Duties beside the calls: they go on, whatever becomes of one turn, and say what is wrong."""

import asyncio
import logging

import pytest

from api.duties import Duties, alongside
from domain.errors import Unavailable


async def test_a_duty_goes_on_after_any_fault_and_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    duties, turns = Duties(), list[int]()
    ends: list[Exception | None] = [None, Unavailable("away"), Unavailable("away"), KeyError("x"), KeyError("x"), None]
    told: list[dict[str, str]] = []

    def act() -> None:
        told.append(dict(duties.trouble))
        turns.append(len(turns))
        end = ends[len(turns) - 1] if len(turns) <= len(ends) else None
        if end is not None:
            raise end

    with caplog.at_level(logging.ERROR):
        async with alongside(duties.every(0.0, "files", act)), asyncio.timeout(10):
            while len(turns) < 8:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    done = len(turns)
    bug = "a bug (KeyError); it is in the service's log"
    assert [one.get("files") for one in told[:7]] == [None, None, "away", "away", bug, bug, None]
    assert [record.getMessage() for record in caplog.records] == ["files: away", "files"]
    await asyncio.sleep(0.02)
    assert len(turns) <= done + 1 and not duties.trouble, "it has ended with its service"
