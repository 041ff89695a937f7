"""Settings of the profile store: section ``[profiles]``, or ``OUTBID_PROFILES_<FIELD>`` in the environment."""

import msgspec

from domain.settings import load


class ProfileSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator can set; the defaults suit one host."""

    sync: bool = False
    """Whether each commit waits for the disk: then a power failure costs the last transactions at most."""


def profile_settings() -> ProfileSettings:
    return load("profiles", ProfileSettings)
