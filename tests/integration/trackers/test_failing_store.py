"""The profile store fails while the log works: the log has the events, and the process holds what they say."""

import asyncio
import logging

import lmdb
import pytest

from domain.events import Kind, Mark
from targeting.profiles import ProfileStore
from targeting.unpacked import unpack
from trackers import recorder
from trackers.memory import Memory


class Failing:
    """`Memory.apply`, raising until told otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.error: Exception | None = error
        self.tried = asyncio.Event()
        apply, loop = Memory.apply, asyncio.get_running_loop()

        def failing(memory: Memory, events, position: int) -> None:
            loop.call_soon_threadsafe(self.tried.set)
            if self.error is not None:
                raise self.error
            apply(memory, events, position)

        monkeypatch.setattr(Memory, "apply", failing)


async def test_counting_goes_on_and_the_store_catches_up(
    tracker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "RETRY_S", 0.01)
    failing = Failing(monkeypatch, lmdb.MapFullError("MDB_MAP_FULL"))
    path = tracker.path(tracker.token(person=4), Kind.IMPRESSION, "p=1")
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert (await tracker.get(path))[0] == 200
        await failing.tried.wait()
        failing.tried.clear()
        await failing.tried.wait()  # before it tries again it has logged the first failure
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark.FIRST, Mark.DUPLICATE]
    assert b'"behind": 0' not in (await tracker.get("/health"))[1]
    failing.error = None
    await tracker.stop()  # not before all that is logged is remembered
    with ProfileStore(tracker.place.data / "profiles.lmdb") as profiles:
        assert len(unpack(profiles.reader().get(4) or b"").shown) == 4
    await tracker.start()
    await tracker.get(path)
    assert Mark(tracker.notices()[-1].marks) == Mark.DUPLICATE


async def test_a_bug_stops_the_process_rather_than_the_memory(tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Failing(monkeypatch, KeyError("a bug"))
    path = tracker.path(tracker.token(), Kind.WIN, "p=1")
    assert (await tracker.get(path))[0] == 204
    await failing.tried.wait()
    await tracker.stopped.wait()
    with pytest.raises(KeyError):
        await tracker.stop()
    monkeypatch.undo()
    tracker.server = None
    await tracker.start()
    await tracker.get(path)
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark.FIRST, Mark.DUPLICATE]
