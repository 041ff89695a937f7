"""Days are made anew by one reporter alone, but not for so long that the others wait no longer."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from reporting import rollups, turns

DAYS = [date(2026, 11, day) for day in range(1, 8)]


class Taking:
    """Only turns are wanted of it."""

    def __init__(self) -> None:
        self.turns: list[list[date]] = []
        self.now_s, self.inside = 0.0, False

    def alone(self) -> AbstractContextManager[None]:
        return self._alone()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.turns.append([])
        self.inside = True
        yield
        self.inside = False


def test_many_days_take_many_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = Taking()
    done: list[date] = []

    def rebuild(store: Any, day: date, grains: list[str]) -> None:
        assert store.inside and grains == [*rollups.GRAINS][day < DAYS[-1] - timedelta(days=1) :]
        store.turns[-1].append(day)
        store.now_s += 120.0

    monkeypatch.setattr(rollups, "rebuild", rebuild)
    monkeypatch.setattr(rollups, "time", SimpleNamespace(monotonic=lambda: store.now_s))
    rollups.rebuild_days(store, reversed(DAYS), DAYS[-1], done.append)
    assert store.turns == [DAYS[:3], DAYS[3:6], DAYS[6:]] and done == DAYS
    assert 2 * rollups._ALONE_S < turns.HOLDS_S
    rollups.rebuild_days(store, [])
    assert len(store.turns) == 3
