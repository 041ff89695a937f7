"""How many requests a second of an exchange are looked at: this worker's share of the exchange's ``qps``.

A bucket of tokens for each exchange that has a limit: it fills at the share's rate and holds `BURST_S` of it, so that a
burst passes and the mean holds. Whoever finds it empty is answered without a bid, unread.
"""

from bidder.seller import Seller

BURST_S = 0.25
"""Of requests that a bucket holds: exchanges send in bursts, and the worker's clock moves every few milliseconds."""


class Quotas:
    """One worker's buckets, by exchange id: they outlive snapshots."""

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[float, float]] = {}
        """(tokens, when they were counted)"""

    def admits(self, seller: Seller, workers: int, now: float) -> bool:
        """Takes a token if there is one. ``workers`` share the limit; ``now``: seconds that only rise."""
        rate = seller.qps / max(1, workers)
        most = max(1.0, rate * BURST_S)
        tokens, counted = self._buckets.get(seller.id, (most, now))
        tokens = min(most, tokens + (now - counted) * rate)
        admitted = tokens >= 1.0
        self._buckets[seller.id] = (tokens - 1.0 if admitted else tokens, now)
        return admitted
