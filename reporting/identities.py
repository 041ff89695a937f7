"""Which keys stand for one person, out of the profile store.

A conversion names the person by the key of the browser that it happened in, a click by the key that the bid knew them
by: they meet where the identity map (docs/identity.md) has joined the two.
"""

from collections.abc import Collection, Mapping

from reporting.crediting import Keys
from targeting.merge import joined
from targeting.profiles import ProfileStore
from targeting.redis_profiles import RedisProfiles


def keys_of(profiles: ProfileStore | RedisProfiles, persons: Collection[int]) -> Mapping[int, Keys]:
    """Of each person, by one of their keys, all of them. Raises `targeting.redis_address.Away`."""
    asked = list(persons)
    records = profiles.get_many(asked)
    return {
        person: tuple(dict.fromkeys((person, *profiles.identity.keys(person)))) if joined(record) else (person,)
        for person, record in zip(asked, records, strict=True)
    }
