"""Taking persons out of the profile store, in LMDB or in Redis: their records, and their places among members.

In LMDB the bytes of what was deleted are still in the file then: `targeting.scrubbing` ends that.
"""

from collections.abc import Collection
from dataclasses import dataclass

from targeting.profiles import ProfileStore
from targeting.record import ALL_EXPIRIES, live_segments
from targeting.redis_profiles import RedisProfiles


@dataclass(frozen=True)
class Erased:
    records: int
    memberships: int


def erase(store: ProfileStore | RedisProfiles, persons: Collection[int]) -> Erased:
    """Takes out records (of devices' counters too: they have keys of the same kind) and memberships. If broken off, run
    it again. Whoever must not come back has a tombstone already (`targeting.forgotten`).
    """
    if isinstance(store, RedisProfiles):
        return Erased(*store.erase(persons))
    members = store.env.open_db(b"members", create=False, dupsort=True, dupfixed=True)
    records = memberships = 0
    with store.write() as txn:
        for person in persons:
            key = person.to_bytes(8, "big")
            records += txn.delete(key, db=store.profiles)
            with txn.cursor(db=members) as cursor:
                there = cursor.first()
                while there:
                    if cursor.set_key_dup(segment := cursor.key(), key):
                        cursor.delete()
                        memberships += 1
                    # The audience may have had no other member, so the next is looked for by its number.
                    there = cursor.set_range((int.from_bytes(segment, "big") + 1).to_bytes(4, "big"))
    return Erased(records, memberships)


def audiences_of(store: ProfileStore | RedisProfiles, person: int) -> list[int]:
    """Audiences that have the person among their members, by the record or by the lists beside the records."""
    record = store.get_many([person])[0]
    found = set(live_segments(record, ALL_EXPIRIES)) if record is not None else set()
    if isinstance(store, RedisProfiles):
        return sorted(found.union(store.listed_in(person)))
    members = store.env.open_db(b"members", create=False, dupsort=True, dupfixed=True)
    with store.env.begin(db=members) as txn, txn.cursor() as cursor:
        for segment in cursor.iternext_nodup():
            with txn.cursor() as inner:
                if inner.set_key_dup(segment, person.to_bytes(8, "big")):
                    found.add(int.from_bytes(segment, "big"))
    return sorted(found)
