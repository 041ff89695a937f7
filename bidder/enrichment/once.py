"""One question to a scoring service, for people who can wait: `outbid explain`."""

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bidder.auction import Wanted
    from bidder.waiting_room import Module

PATIENCE_S = 5.0


async def ask_once(module: "Module", wanted: "Wanted") -> Any:
    """What the service knows; None: it does not answer, or there is nobody to ask about."""
    key = module.who(wanted)
    if key is None:
        return None
    running = asyncio.create_task(module.service.run())
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await module.service.ready.wait()
            if not module.ask(key, wanted, PATIENCE_S, answer.set_result):
                return None
            return await answer
    except TimeoutError:
        return None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
