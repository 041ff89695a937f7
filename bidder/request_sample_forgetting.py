"""Forgetting persons: their bid requests are taken out of what is kept for forecasts."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from pathlib import Path

import msgspec

from bidder.request_sample_files import (
    FLUSH_S,
    REWRITTEN,
    Kept,
    Tally,
    decode,
    files,
    locked,
    records_of,
    write_all,
)
from domain.naming import person_key
from eventlog.frames import framed
from openrtb.parse import Malformed, parse

Names = Callable[[Kept], Collection[int]]
"""Keys of all persons that a kept request's own text names."""


def named_persons(exchanges: Mapping[int, str]) -> Names:
    """Finds the persons that a request names by any id (as `domain.naming.person_key` has them; ``eid`` by source),
    whichever of them it was kept under. ``exchanges``: keys by id.
    """

    def names(kept: Kept) -> set[int]:
        try:
            request = parse(kept.body)  # as leniently as the bid path reads it
        except Malformed:
            return set()
        exchange = exchanges.get(kept.exchange, "")
        device, user = request.device, request.user
        found = {person_key("ifa", device.ifa or "")} if device else set()
        if user:
            found.add(person_key("buyeruid", user.buyeruid or "", exchange))
            found.add(person_key("user", user.id or "", exchange))
            for eid in chain(user.eids or (), (user.ext.eids if user.ext else None) or ()):
                found.update(person_key("eid", uid.id or "", eid.source or "") for uid in eid.uids or ())
        return found - {0}

    return names


def forget(directory: Path, keys: Collection[int], names: Names | None = None, again_s: float = 2.5 * FLUSH_S) -> int:
    """Removes the requests of persons, by their keys, or by what ``names`` finds in them; returns how many. Looks once
    more after ``again_s``, for what lay in the memory of workers at the first look; 0: it does not.
    """
    wanted = frozenset(keys)
    removed = sum(_rewrite(path, wanted, names) for path in files(directory))
    if again_s:
        time.sleep(again_s)
        removed += forget(directory, wanted, names, 0)
    return removed


def _rewrite(path: Path, keys: frozenset[int], names: Names | None) -> int:
    def is_meant(data: bytes) -> bool:
        try:
            record = decode(data)
        except msgspec.DecodeError:  # of another version: nobody can say whose it is
            return True
        if isinstance(record, Tally):
            return False
        return record.person in keys or (names is not None and not keys.isdisjoint(names(record)))

    try:
        with locked(path, os.O_RDONLY):
            data = path.read_bytes()
            records, end = records_of(data)
            left = [record for record in records if not is_meant(record)]
            if len(left) < len(records) or end < len(data):  # nobody can say whose the torn rest is
                beside = path.with_suffix(REWRITTEN)
                beside.unlink(missing_ok=True)
                file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                try:
                    write_all(file, framed(left))
                    os.fsync(file)
                finally:
                    os.close(file)
                beside.replace(path)
            return len(records) - len(left)
    except FileNotFoundError:  # it has expired meanwhile
        return 0
