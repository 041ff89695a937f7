"""The job that credits conversions, before there is a store."""

import threading
from pathlib import Path

import pytest

from domain.clock import SystemClock
from reporting.attributor import Attributor
from reporting.store import Store, StoreError


def test_who_asks_while_the_store_was_never_open_is_answered_at_once(tmp_path: Path) -> None:
    """And does not keep the reporter from ending, which waits for answers."""

    def nothing() -> Store:
        raise AssertionError("it is not opened")

    job = Attributor(tmp_path, "origin", SystemClock(), 1.0, threading.Event(), nothing, lambda: None, threading.Lock())
    with pytest.raises(StoreError, match="not been opened yet"):
        job.ask((20_000, 20_000)).result(timeout=0)
