"""Python's cyclic garbage collector, kept out of the way while very many objects are made that are to stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is looked through in here: it would be, again and again, for nothing, and take more than the work itself.

    For any thread; of several at a time the first to begin ends it.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
