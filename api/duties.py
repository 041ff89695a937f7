"""What a service does now and then beside its calls, in a thread: again and again, whatever becomes of it.

A duty that ended with its first fault would leave the service answering from what it knew then, and nobody would
notice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from domain.errors import Refused, Unavailable

log = logging.getLogger(__name__)


class Duties:
    """``trouble``: by the duty's name, why it failed when it was done last; for ``/ready``."""

    def __init__(self) -> None:
        self.trouble: dict[str, str] = {}

    async def every(self, seconds: float, name: str, act: Callable[[], object]) -> None:
        """Does it for ever, the first time after so many seconds."""
        while True:
            await asyncio.sleep(seconds)
            await self.once(name, act)

    async def once(self, name: str, act: Callable[[], object]) -> None:
        """Does it; that it fails is logged, once for each reason, and is no fault of the caller's."""
        try:
            await asyncio.to_thread(act)
        except (Unavailable, Refused, OSError) as error:
            if self.trouble.get(name) != str(error):
                log.error("%s: %s", name, error)
            self.trouble[name] = str(error)
        except Exception as error:
            why = f"a bug ({type(error).__name__}); it is in the service's log"
            if self.trouble.get(name) != why:
                log.exception("%s", name)
            self.trouble[name] = why
        else:
            self.trouble.pop(name, None)


@asynccontextmanager
async def alongside(*jobs: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Runs them meanwhile; at its end they are cancelled, and have ended."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
