"""The profile store that the settings name: Redis, or LMDB in the data directory."""

from pathlib import Path

from targeting.config import profile_settings
from targeting.forgotten import Forgotten
from targeting.profiles import ProfileStore
from targeting.redis_holds import RedisHolds
from targeting.redis_profiles import RedisProfiles


def fleet_store(data: Path) -> RedisProfiles | None:
    """The store in Redis, if there is one. Close it after use."""
    address = profile_settings().redis()
    return RedisProfiles(address, Forgotten(data)) if address else None


def fleet_holds() -> RedisHolds | None:
    """Where a fleet's bids in flight are held, if the profiles are in Redis. Close it after use."""
    address = profile_settings().redis()
    return RedisHolds(address) if address else None


def open_store(data: Path, *, readonly: bool = False) -> RedisProfiles | ProfileStore:
    """The store; ``data`` is the host's data directory. Close it after use."""
    return fleet_store(data) or ProfileStore(data / "profiles.lmdb", readonly=readonly)
