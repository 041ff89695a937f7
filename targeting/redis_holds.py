"""Bids in flight of a fleet, held in Redis beside the records, as `targeting.holds` does it for a host's processes.

The holds of a person, device or household are a sorted set of words (`targeting.held_words`) by the time when they
expire, in the slot of its record. A cap holds where the impressions in the record and the bids held here are together
no more than it allows:

- A bidder holds first and looks afterwards, in one step: `TAKE` adds its words and answers with the record and all that
  is held, as they are at that instant. Of two bidders the second sees the first; who sees too many withdraws.
- A tracker counts an impression in the record first and takes its word out afterwards. Whoever looks in between counts
  it twice, which can cost a bid and never exceeds a cap.

Times are Redis's own (milliseconds), so hosts need not agree on the time. A bidder that is killed leaves words that
expire.
"""

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Self, cast

from targeting.held_words import HELD, REPORTED, word
from targeting.redis_address import Address, Away
from targeting.redis_keys import holds_key, record_key
from targeting.redis_nodes import Command, Nodes

MOST = 448
"""Bids in flight of one person, device or household: as many as a host's table has room for."""
REPORTED_S = 600
"""How long an impression is held that a tracker was told of and has not counted: as long as it may be away."""

_EXPIRE = """
local last = redis.call('ZRANGE', KEYS[#KEYS], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[#KEYS], last[2])
"""
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
TAKE = f"""{_NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) + #ARGV / 2 > {MOST} then return false end
for i = 1, #ARGV, 2 do redis.call('ZADD', KEYS[2], now + ARGV[i + 1], ARGV[i]) end
{_EXPIRE}
return {{redis.call('GET', KEYS[1]), redis.call('ZRANGE', KEYS[2], 0, -1)}}
"""
"""Keys: the record's and the holds'. Arguments: words, each with its milliseconds. Nil: there is no room for them."""
TAKE_SHA = hashlib.sha1(TAKE.encode()).hexdigest()
REPORT = f"""{_NOW}
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[2])
redis.call('ZREM', KEYS[1], ARGV[1])
{_EXPIRE}
return 1
"""
"""Key: the holds'. Arguments: a held bid's word, its word as reported, and milliseconds."""
REPORT_SHA = hashlib.sha1(REPORT.encode()).hexdigest()

Ad = tuple[int, int, int, int, int]
"""Bid, campaign, line item, advertiser and creative."""

log = logging.getLogger(__name__)


def take_words(key: int, words: list[bytes | int]) -> tuple[bytes | str | int, ...]:
    """The command that holds words, each followed by its milliseconds."""
    return ("EVALSHA", TAKE_SHA, 2, record_key(key), holds_key(key), *words)


class RedisHolds:
    """A tracker's side. What it `report`s goes out in a thread, so that nobody waits for it."""

    def __init__(self, address: Address) -> None:
        self._nodes = Nodes(address, [TAKE, REPORT])
        self._turn = threading.Lock()
        self._told: deque[tuple[int, Ad]] = deque()
        self._news = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def close(self) -> None:
        """Sends what was reported, unless Redis is away."""
        self._closing = True
        self._news.set()
        if self._thread is not None:
            self._thread.join()
        self._nodes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def report(self, key: int, ad: Ad) -> None:
        """An impression was reported, and will be counted: until then it is held, though its hold may expire. Returns
        at once.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._send, name="reported holds", daemon=True)
            self._thread.start()
        self._told.append((key, ad))
        self._news.set()

    def release(self, counted: Sequence[tuple[int, Ad]], lost: Sequence[tuple[int, Ad]]) -> None:
        """Lets go of bids whose impressions are in the records now, and of lost ones, unless their impressions were
        reported, which says more. Raises `targeting.redis_address.Away`.
        """
        commands: list[Command] = []
        for bids, states in ((counted, (HELD, REPORTED)), (lost, (HELD,))):
            for key, ad in bids:
                place = holds_key(key)
                commands.append((place, ("ZREM", place, *(word(state, *ad) for state in states))))
        if not commands:
            return
        with self._turn:  # what was reported before must not be sent after this
            done = set(counted)
            self._report([told for told in self._waiting() if told not in done])
            self._nodes.ask(commands)

    def held(self, key: int) -> list[bytes]:
        """The words of a key that have not expired."""
        place = holds_key(key)
        with self._turn:
            seconds, micros = cast("list[bytes]", self._nodes.ask([(place, ("TIME",))])[0])
            after = b"(%d" % (int(seconds) * 1_000 + int(micros) // 1_000)
            return cast("list[bytes]", self._nodes.ask([(place, ("ZRANGEBYSCORE", place, after, "+inf"))])[0])

    def forget(self, keys: Sequence[int]) -> int:
        """Lets go of all that is held of some keys; returns how many bids that were."""
        places = [holds_key(key) for key in keys]
        with self._turn:
            held = self._nodes.ask([(place, ("ZCARD", place)) for place in places])
            self._nodes.ask([(place, ("DEL", place)) for place in places])
        return sum(cast("list[int]", held))

    def _waiting(self) -> list[tuple[int, Ad]]:
        return [self._told.popleft() for _ in range(len(self._told))]

    def _send(self) -> None:
        while not self._closing or self._told:
            self._news.wait()
            self._news.clear()
            with self._turn:
                try:
                    self._report(self._waiting())
                except Away as error:
                    log.warning("bids whose impressions were reported are held no longer than before: %s", error)

    def _report(self, told: Iterable[tuple[int, Ad]]) -> None:
        commands: list[Command] = []
        for key, ad in told:
            place, both = holds_key(key), (word(HELD, *ad), word(REPORTED, *ad))
            commands.append((place, ("EVALSHA", REPORT_SHA, 1, place, *both, REPORTED_S * 1_000)))
        self._nodes.ask(commands)
