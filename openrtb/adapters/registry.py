"""Adapters by name."""

from openrtb.adapters.adapter import Adapter, Profile
from openrtb.adapters.google import GoogleAdapter
from openrtb.adapters.profiles import PROFILES

_CLASSES: dict[str, type[Adapter]] = {"google": GoogleAdapter}


def _adapter(profile: Profile) -> Adapter:
    return _CLASSES.get(profile.name, Adapter)(profile)


ADAPTERS = {profile.name: _adapter(profile) for profile in PROFILES}
