"""A shipper in a process of its own that kills itself with SIGKILL at a chosen instant (run by test_killing).

Arguments: store address, data directory, control's URL, instant, number of the insert, microseconds. Instants:
``before`` or ``after`` the insert, or ``during`` it (so long after it began); ``never`` ships all there is and ends.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eventlog.remote import origin
from reporting.shipper import Shipper
from reporting.sources import SettlementSource, logs
from reporting.store import Store, migrate, open_store

BATCH_ROWS = 150


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fatal(store: Store, instant: str, number: int, delay_us: int, strike: Callable[[], None] = die) -> None:
    """Strikes at the insert of that number: makes it the last thing this process does, or whatever else is struck."""
    count = 0

    def deadly(act: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*arguments: Any) -> None:
            nonlocal count
            count += 1
            if count == number and instant == "before":
                strike()
            if count == number and instant == "during":
                threading.Thread(target=lambda: (time.sleep(delay_us / 1e6), strike())).start()
            act(*arguments)
            if count == number and instant == "after":
                strike()

        return wrapped

    store.insert, store.send = deadly(store.insert), deadly(store.send)  # type: ignore[method-assign]


def main(address: str, data: Path, control: str, instant: str, number: int, delay_us: int) -> None:
    name = origin(data)
    store = open_store(address, data, owner=name)
    migrate(store)
    if instant != "never":
        fatal(store, instant, number, delay_us)
    ledger = SettlementSource(f"{name}/settlements", control)
    shipper = Shipper(store, lambda: [*logs(data, name), ledger], BATCH_ROWS)
    while shipper.round():
        pass
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
