"""Settings of the profile store: section ``[profiles]``, or ``OUTBID_PROFILES_<FIELD>`` in the environment."""

import msgspec

from domain.settings import load
from targeting.redis_address import Address, parse


class ProfileSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator can set; the defaults suit one host."""

    store: str = ""
    """``redis://…`` or ``redis+cluster://…`` (`targeting.redis_address`); empty: ``<data_dir>/profiles.lmdb``."""
    timeout_ms: float = 5.0
    """How long a bid request waits for Redis at most, and never longer than half of what its ``tmax`` leaves."""
    breaker_failures: int = 5
    """After so many failures in a row Redis is not asked for ``breaker_rest_s``."""
    breaker_rest_s: float = 1.0
    sync: bool = True
    """Whether each commit waits for the disk: then a power failure costs the last transactions at most. Without,
    updates cost half as much, and after a power failure a copy of the store must be put in its place.
    """

    least_confidence: float = 0.5
    """Keys are one person's if they were joined with at least this confidence (`targeting.identity`). After a change,
    ``outbid identity rebuild`` makes all groups anew.
    """

    def __post_init__(self) -> None:
        self.redis()
        if not 0 < self.least_confidence <= 1:
            raise ValueError("least_confidence is above 0, up to 1")
        if self.timeout_ms <= 0 or self.breaker_failures < 1 or self.breaker_rest_s < 0:
            raise ValueError("timeout_ms and breaker_failures are above 0, and breaker_rest_s is not negative")

    def redis(self) -> Address | None:
        """Where Redis is; None: profiles are in LMDB."""
        return parse(self.store) if self.store else None


def profile_settings() -> ProfileSettings:
    return load("profiles", ProfileSettings)
