"""Settings of the bidder: section ``[bidder]``, or ``OUTBID_BIDDER_<FIELD>`` in the environment."""

import msgspec

from domain.settings import load


class BidderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator can set; the defaults suit a first deployment."""

    max_body_bytes: int = 262_144
    """Larger bodies (before or after gzip) are answered 413."""
    request_timeout_s: float = 5.0
    """A request that takes longer to arrive is given up, and its connection closed."""
    idle_timeout_s: float = 75.0
    """A connection without requests is closed after this long."""
    max_connections: int = 4_096
    """Per worker; further ones are closed at once."""
    shed_above_ms: float = 25.0
    """While the worker runs this late, requests are answered "no bid" unread, so that the others are in time."""
    gzip_answers_above: int = 1_024
    """Answers of at least this many bytes are compressed if the exchange accepts gzip; 0 never."""
    no_bid_sample: int = 100
    """One no-bid in this many is logged, chosen by the auction's id, with this weight."""
    tcf_vendor_id: int = 0
    """Our id in the IAB's Global Vendor List; without one, GDPR traffic is bid on by context only."""
    geo_database: str = ""
    """Path of an MMDB file with GeoLite2's field names; without it only the exchange's own ``geo`` is known."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose ``X-Forwarded-For`` is believed. In the environment: comma-separated."""


def bidder_settings() -> BidderSettings:
    return load("bidder", BidderSettings)
