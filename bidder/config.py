"""Settings of the bidder: sections ``[bidder]``, ``[risk_module]`` and ``[credit_module]``.

``OUTBID_BIDDER_<FIELD>`` and so on in the environment count before the file.
"""

from typing import Literal, TypeVar
from urllib.parse import urlsplit

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


class ModuleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a scoring module has its answers from; the defaults need nothing but profiles."""

    mode: Literal["off", "profile", "in_process", "remote"] = "profile"
    """Scores in people's profiles, tables on this host, the service over HTTP, or nothing."""
    table: str = ""
    """Of ``in_process``: the table of scored people; empty: ``people.table`` in the service's folder of the data
    directory. It is read anew when it changes."""
    url: str = ""
    """Of ``remote``: where the service is, ``http://HOST:PORT``; empty: this deployment's own (``[outbid] risk_url``,
    ``credit_url``)."""
    key: str = ""
    """The API key that the service knows us by; this deployment's own needs none."""
    timeout_ms: float = 8.0
    """How long a bid request waits at most, and never longer than half of what its ``tmax`` leaves."""
    connections: int = 16
    """Kept to the service by each worker; as many questions can be on their way at once, others take turns."""
    cache_s: float = 60.0
    """For so long an answer is taken for true; 0: each request asks."""
    cache_entries: int = 200_000
    """Answers that are remembered by each worker, at about 400 bytes each."""
    breaker_failures: int = 10
    """After so many failures in a row the service is not asked for ``breaker_rest_s``."""
    breaker_rest_s: float = 1.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if self.url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("url must be http://HOST:PORT, or https://")
        if not self.key.isascii() or not self.key.isprintable():
            raise ValueError("key has characters that no API key has")
        if self.timeout_ms <= 0 or self.breaker_failures < 1 or self.breaker_rest_s < 0 or self.cache_s < 0:
            raise ValueError("timeout_ms and breaker_failures are above 0, breaker_rest_s and cache_s are not negative")
        if not 1 <= self.connections <= 1_000 or self.cache_entries < 2:
            raise ValueError("connections is from 1 to 1000, and cache_entries at least 2")


class RiskModuleSettings(ModuleSettings, frozen=True, forbid_unknown_fields=True):
    """Fraud, device risk and lists."""

    institution: str = ""
    """Of ``in_process``: whose lists count beside those for all; of ``remote`` the key says it."""
    lists: str = ""
    """Of ``in_process``: directory of the lists; empty: that of the risk service in the data directory."""
    send_device: bool = True
    """Of ``remote``: do the device's address and user agent go along? Lists of addresses need it."""


class CreditModuleSettings(ModuleSettings, frozen=True, forbid_unknown_fields=True):
    """Credit score, probability of default and of approval."""


Module = TypeVar("Module", bound=ModuleSettings)


def of_deployment(settings: Module, base: str, secret: str) -> Module:
    """Where no other service is named, the deployment's own at ``base``, which knows its ``secret``; others are never
    told it.
    """
    if settings.mode != "remote" or settings.url:
        return settings
    return msgspec.structs.replace(settings, url=base, key=settings.key or secret)


def risk_module_settings() -> RiskModuleSettings:
    return load("risk_module", RiskModuleSettings)


def credit_module_settings() -> CreditModuleSettings:
    return load("credit_module", CreditModuleSettings)
