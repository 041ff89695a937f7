"""Where a fleet's bids are held, in memory: what the scripts of `targeting.redis_holds` do in Redis, and with the
methods of `targeting.holds.Holds` that a tracker calls.
"""

import time
from collections import defaultdict
from collections.abc import Callable

from bidder.auction import Aside
from domain.clock import SECOND
from targeting.held_words import HELD, REPORTED, bid_of, unpacked, word

Record = Callable[[int], bytes | None]


class FleetTwin:
    """``words``: when each expires (monotonic ns), by key. ``frozen_ns``: its time stands still there."""

    def __init__(self) -> None:
        self.words: dict[int, dict[bytes, int]] = defaultdict(dict)
        self.frozen_ns = 0
        self.taken: list[tuple[int, bytes, int]] = []
        """All that ever was: key, word, milliseconds."""

    def _now(self) -> int:
        return self.frozen_ns or time.monotonic_ns()

    def held(self, key: int) -> list[bytes]:
        return [word for word, until in self.words[key].items() if until > self._now()]

    def held_ads(self, key: int) -> list[tuple[int, int, int, int]]:
        """(campaign, line item, advertiser, creative) of each."""
        return unpacked(self.held(key))

    def take(self, aside: Aside, record: Record) -> dict[int, tuple[bytes | None, list[bytes]]]:
        """Holds what is asked for; all that is known of each key then."""
        answers = {}
        for key, asked in aside.asked.items():
            for each, milliseconds in zip(asked[::2], asked[1::2], strict=True):
                assert isinstance(each, bytes) and isinstance(milliseconds, int)
                self.words[key][each] = self._now() + milliseconds * 1_000_000
                self.taken.append((key, each, milliseconds))
            answers[key] = record(key), self.held(key)
        return answers

    def let_go(self, aside: Aside) -> None:
        """Of what was not bid in the end."""
        sent = aside.candidates.bid_ids()
        for key, asked in aside.asked.items():
            for each in asked:
                if isinstance(each, bytes) and bid_of(each) not in sent:
                    del self.words[key][each]

    def hold(
        self, key: int, campaign: int, line_item: int, advertiser: int, creative: int, bid: int, seconds: int
    ) -> None:
        """Another worker's bid."""
        held = word(HELD, bid, campaign, line_item, advertiser, creative)
        self.words[key][held] = self._now() + seconds * SECOND

    def show(self, key: int, campaign: int, line_item: int, advertiser: int, creative: int, bid: int) -> bool:
        ad = bid, campaign, line_item, advertiser, creative
        self.words[key].pop(word(HELD, *ad), None)
        self.words[key][word(REPORTED, *ad)] = self._now() + 600 * SECOND
        return True

    def counted(self, key: int, bid: int) -> bool:
        return self._drop(key, bid, (HELD, REPORTED))

    def lose(self, key: int, bid: int) -> bool:
        return self._drop(key, bid, (HELD,))

    def _drop(self, key: int, bid: int, states: tuple[bytes, ...]) -> bool:
        found = [each for each in self.words[key] if bid_of(each) == bid and each[:1] in states]
        for each in found:
            del self.words[key][each]
        return bool(found)
