"""Messages on their way: kept on disk until a channel has taken them, tried again ever more rarely, in their order."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, field

from monitoring.alerts import read, write
from monitoring.channels import Channel, Undelivered
from monitoring.messages import Message

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0
GIVEN_UP_S = 86_400.0
"""A message that nobody has taken for so long is of no use any more."""
MOST_WAITING = 1_000
"""Messages of a channel; beyond that the oldest are given up."""

log = logging.getLogger(__name__)


class Waiting(Struct):
    """What was not delivered yet, by channel."""

    messages: dict[str, list[Message]] = field(default_factory=dict)


class Outbox:
    """``path`` keeps what waits. A kill between a delivery and its note delivers again, under the same id."""

    def __init__(self, channels: list[Channel], path: Path, now: Callable[[], float] = time.time) -> None:
        self.channels, self._path, self._now = channels, path, now
        kept = read(path, Waiting)
        assert isinstance(kept, Waiting)
        self._waiting = {channel.name: kept.messages.get(channel.name, []) for channel in channels}
        self._news = {channel.name: asyncio.Event() for channel in channels}
        self._keeping = asyncio.Lock()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """Attempts by channel and how they ended."""
        self.troubles: dict[str, str] = {}
        """Why a channel does not deliver."""

    def waiting(self) -> dict[str, int]:
        return {name: len(messages) for name, messages in self._waiting.items()}

    async def put(self, message: Message) -> None:
        """Takes a message; when this returns it is on disk, unless that takes nothing."""
        for channel in self.channels:
            if fit := message.for_severity(channel.severity):
                queue = self._waiting[channel.name]
                queue.append(fit)
                del queue[:-MOST_WAITING]
                self._news[channel.name].set()
        await self._keep()

    async def run(self) -> None:
        """Delivers until cancelled."""
        async with asyncio.TaskGroup() as group:
            for channel in self.channels:
                group.create_task(self._deliver(channel))

    async def _deliver(self, channel: Channel) -> None:
        queue, news, pause_s = self._waiting[channel.name], self._news[channel.name], FIRST_RETRY_S
        while True:
            if not queue:
                news.clear()
                await news.wait()
                continue
            message = queue[0]
            try:
                await channel.send(message)
            except Exception as error:  # what nobody thought of stops neither the other channels nor the watcher
                why = str(error) if isinstance(error, Undelivered) else type(error).__name__
                self.outcomes[channel.name, "failed"] += 1
                self.troubles[channel.name] = why
                log.error("an alert cannot be delivered by %s: %s", channel.name, why)
                if self._now() - message.made < GIVEN_UP_S:
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_RETRY_S)
                    continue
                self.outcomes[channel.name, "given_up"] += 1
                log.error("given up after a day: %s", message.subject)
            else:
                self.outcomes[channel.name, "delivered"] += 1
                self.troubles.pop(channel.name, None)
            pause_s = FIRST_RETRY_S
            if queue and queue[0] is message:
                del queue[0]
            await self._keep()

    async def _keep(self) -> None:
        async with self._keeping:
            kept = Waiting({name: list(messages) for name, messages in self._waiting.items() if messages})
            try:
                await asyncio.to_thread(write, self._path, kept)
            except OSError as error:
                log.error("what waits to be delivered cannot be kept: %s", error)
