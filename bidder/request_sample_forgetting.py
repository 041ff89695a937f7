"""Forgetting persons: their bid requests are taken out of what is kept for forecasts."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import orjson

from bidder.request_sample_files import (
    FLUSH_S,
    REWRITTEN,
    Kept,
    Tally,
    decode,
    files,
    framed,
    locked,
    records_of,
    write_all,
)
from domain.naming import person_key

Names = Callable[[Kept], Collection[int]]
"""Keys of all persons that a kept request's own text names."""


def named_persons(exchanges: Mapping[int, str]) -> Names:
    """Finds the persons that a request names by any id (as `domain.naming.person_key` has them; ``eid`` by source),
    whichever of them it was kept under. ``exchanges``: keys by id.
    """

    def names(kept: Kept) -> set[int]:
        try:
            document = orjson.loads(kept.body)
        except orjson.JSONDecodeError:
            return set()
        device, user = (_object(document, name) for name in ("device", "user"))
        exchange = exchanges.get(kept.exchange, "")
        return {
            person_key("ifa", str(device.get("ifa") or "")),
            person_key("buyeruid", str(user.get("buyeruid") or ""), exchange),
            person_key("user", str(user.get("id") or ""), exchange),
            *_eids(user.get("eids")),
            *_eids(_object(user, "ext").get("eids")),
        } - {0}

    return names


def _eids(listed: Any) -> Iterator[int]:
    for eid in listed if isinstance(listed, list) else ():
        uids = eid.get("uids") if isinstance(eid, dict) else None
        for uid in uids if isinstance(uids, list) else ():
            if isinstance(uid, dict):
                yield person_key("eid", str(uid.get("id") or ""), str(eid.get("source") or ""))


def _object(document: Any, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


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
            records = records_of(path.read_bytes())
            left = [record for record in records if not is_meant(record)]
            if len(left) < len(records):
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
