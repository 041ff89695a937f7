"""Who opted out on this host, beside the profile store: that may be lost, or put back as it was at some time before,
and opt-outs must not be.

In the store an opt-out is a membership of audience 0 (`targeting.record.OPT_OUT`), which all look at. The file
``<data_dir>/opted-out`` has the keys, 16 hexadecimal digits a line; whoever opens a store to work with it makes those
members again who are none (`restore`). Keys of persons they are, as in the store; forgetting takes them out.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from targeting.forgotten import Forgotten
from targeting.profiles import ProfileStore
from targeting.record import OPT_OUT
from targeting.redis_profiles import RedisProfiles

FILE = "opted-out"
_KEY = re.compile(rb"[0-9a-f]{16}")


def opt_out(store: ProfileStore | RedisProfiles, data: Path, keys: Iterable[int]) -> int:
    """From now on the bids for these keys are by context; returns how many had not opted out. On disk when it returns;
    if it is broken off, `restore` completes it.
    """
    with _locked(data):
        forgotten = Forgotten(data)  # here, since a tombstone comes before its keys are taken out of the file
        told = [key for key in keys if key not in forgotten]
        new = sorted(set(told) - opted_out(data))
        path = data / FILE
        torn = path.exists() and not path.read_bytes().endswith(b"\n")
        with open(path, "ab", opener=_private) as file:
            file.write((b"\n" if torn else b"") + _lines(new))
            file.flush()
            os.fsync(file.fileno())
    return store.join(OPT_OUT, told)


def opt_in(store: ProfileStore | RedisProfiles, data: Path, keys: Iterable[int]) -> int:
    """Ends opt-outs; returns how many there were."""
    ended = list(keys)
    take_out(data, ended)
    return store.leave(OPT_OUT, ended)


def take_out(data: Path, keys: Collection[int]) -> int:
    """Takes keys out of the file; returns how many were there."""
    with _locked(data):
        there = opted_out(data)
        left = there.difference(keys)
        if len(left) < len(there):
            draft = data / f".{FILE}.{secrets.token_hex(4)}"
            with open(draft, "wb", opener=_private) as file:
                file.write(_lines(sorted(left)))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(data / FILE)
        return len(there) - len(left)


def opted_out(data: Path) -> set[int]:
    """Keys in the file. A line that a crash tore was of an opt-out that was not acknowledged."""
    try:
        lines = (data / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return set()
    return {int(line, 16) for line in lines if _KEY.fullmatch(line)}


def missing(store: ProfileStore | RedisProfiles, data: Path) -> list[int]:
    """Keys that opted out, of which the store knows nothing; those of forgotten persons are not missed."""
    forgotten = Forgotten(data)
    told = opted_out(data)
    return sorted(key for key in told.difference(store.members(OPT_OUT)) if key not in forgotten) if told else []


def restore(store: ProfileStore | RedisProfiles, data: Path) -> int:
    """Makes those who opted out members again in a store that does not know it; returns how many."""
    return store.join(OPT_OUT, missing(store, data))


def _lines(keys: Iterable[int]) -> bytes:
    return b"".join(b"%016x\n" % key for key in keys)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Others that write wait."""
    data.mkdir(parents=True, exist_ok=True)
    with open(data / f"{FILE}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
