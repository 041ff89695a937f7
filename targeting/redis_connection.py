"""One connection of an event loop to one Redis: commands of one turn of the loop go out together, and answers come in
the order of the commands.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import cast

import hiredis

from targeting.redis_address import Away, Node, Words, packed

Answered = Callable[[object], None]
"""What is to be done with an answer; errors are answers too: Redis's own, and `Away` if there will be none."""

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """``begun`` is called when the first command of a turn is here: `flush` is to be called at the end of the turn."""

    def __init__(self, node: Node, begun: "Callable[[Connection], None]") -> None:
        self.node, self._begun = node, begun
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._ready: list[tuple[Words, Answered]] = []
        self._asked: deque[Answered] = deque()
        self.lost = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Commands that are not answered."""
        return len(self._asked)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        self._fail()

    def _fail(self) -> None:
        away = Away(f"{self.node[0]}:{self.node[1]}: the connection was closed")
        asked, self._asked = self._asked, deque()
        ready, self._ready = self._ready, []
        for then in (*asked, *(then for _, then in ready)):
            then(away)

    def send(self, words: Words, then: Answered) -> None:
        """A command, to go out with the others of this turn; ``then`` is never called from within this call."""
        if not self._ready:
            self._begun(self)
        self._ready.append((words, then))

    def flush(self) -> None:
        """Sends what is ready."""
        if self._transport is None or self.lost.is_set():
            self._fail()
            return
        ready, self._ready = self._ready, []
        self._asked.extend([then for _, then in ready])
        self._transport.write(packed([words for words, _ in ready]))

    async def ask(self, words: Words) -> object:
        """One command, and its answer. Raises `Away`."""
        if self.lost.is_set():
            raise Away(f"{self.node[0]}:{self.node[1]}: the connection was closed")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def come(reply: object) -> None:
            if answer.done():
                return
            if isinstance(reply, Away):
                answer.set_exception(reply)
            else:
                answer.set_result(reply)

        self.send(words, come)
        return await answer

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._asked.popleft()(reply)
        except (hiredis.ProtocolError, IndexError):
            log.exception("%s:%d answers what nobody asked", *self.node)
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
