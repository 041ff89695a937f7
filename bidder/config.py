"""Settings of the bidder: section ``[bidder]``, or ``OUTBID_BIDDER_<FIELD>`` in the environment."""

import msgspec

from bidder.models import PRIOR_CTR, PRIOR_CVR
from domain.settings import load
from openrtb.tcf import Vendor


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
    request_sample: int = 50_000
    """Bid requests that a worker keeps for the reach forecast, in a day at most; 0: none."""
    tcf_vendor_id: int = 0
    """Our id in the IAB's Global Vendor List; without one, GDPR traffic is bid on by context only."""
    tcf_purposes: tuple[int, ...] = (1, 2, 3, 4, 7)
    """The TCF purposes that the use of a person needs, all of them; else a bid is by context."""
    tcf_legitimate_interests: tuple[int, ...] = ()
    """Those that our entry in the Global Vendor List declares on legitimate interest; the others are by consent."""
    tcf_flexible_purposes: tuple[int, ...] = ()
    """Those whose legal basis a publisher may choose, by our entry."""
    geo_database: str = ""
    """Path of an MMDB file with GeoLite2's field names; without it only the exchange's own ``geo`` is known."""
    prior_ctr: float = PRIOR_CTR
    """Probability of a click that is taken for likely while no model is live."""
    prior_cvr: float = PRIOR_CVR
    """The same that a click converts."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose ``X-Forwarded-For`` is believed. In the environment: comma-separated."""

    def __post_init__(self) -> None:
        self.tcf_vendor()
        for name, value in (("prior_ctr", self.prior_ctr), ("prior_cvr", self.prior_cvr)):
            if not 0 < value < 1:
                raise ValueError(f"{name} is between 0 and 1")
        if not 0 <= self.request_sample <= 1_000_000:
            raise ValueError("request_sample is from 0 to 1000000")

    def tcf_vendor(self) -> Vendor:
        """Us, in the words of the Global Vendor List. Raises ValueError for what cannot be declared there."""
        return Vendor(self.tcf_vendor_id, self.tcf_purposes, self.tcf_legitimate_interests, self.tcf_flexible_purposes)


def bidder_settings() -> BidderSettings:
    return load("bidder", BidderSettings)
