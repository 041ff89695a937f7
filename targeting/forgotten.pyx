"""Tombstones: who was forgotten on this host, so that no replay, rebuild, re-import or late notice brings them back.

A tombstone is not the person's key but a SipHash of it under a key of the deployment (`domain.keys.forgetting_key`): who
has the file and not the keys cannot tell whom it is about. It lies in a file of its own, ``<data_dir>/forgotten``, because
the profile store may be thrown away and built anew. Whoever holds records asks here before it writes one; a worker that
bids asks before it uses one. A tombstone ends when it is taken away (`Forgotten.remove`), by nothing else.

The file is a line of text and then, of each tombstone, two numbers of 64 bits, little-endian: the hash and when it was
made, in unix seconds.
"""

import fcntl
import os
import secrets
from pathlib import Path

from libc.stdint cimport uint64_t
from libc.string cimport memcpy
from cython_ext.siphash cimport siphash

from domain.keys import forgetting_key, load_keys

FILE = "forgotten"
HEAD = b"outbid forgotten 1\n"
ENTRY = 16


cdef class Forgotten:
    """The tombstones in the data directory ``data``, as they were at the last `refresh`. Without any, the directory is
    not written to. Raises ValueError for a file that is something else.
    """

    def __init__(self, data: Path):
        self.path = data / FILE
        self.state = None
        self.any = False
        self.refresh()

    cdef uint64_t hashed(self, uint64_t person) noexcept nogil:
        return siphash(self.k0, self.k1, <const unsigned char *>&person, 8)

    cdef bint has(self, uint64_t person) noexcept nogil:
        return self.any and self.hashes.count(self.hashed(person)) != 0

    def __contains__(self, uint64_t person) -> bool:
        return self.has(person)

    def __len__(self) -> int:
        return self.hashes.size()

    cpdef bint refresh(self) except -1:
        """Reads the file again if it has changed; says whether it had. Costs a microsecond if not."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            changed = self.state is not None
            self.state, self.any = None, False
            self.hashes.clear()
            return changed
        state = found.st_ino, found.st_mtime_ns, found.st_size
        if state == self.state:
            return False
        self.learn_key()
        hashes = [entry[0] for entry in entries(self.path.read_bytes(), self.path)]
        self.hashes.clear()
        for hash in hashes:
            self.hashes.insert(<uint64_t>hash)
        self.state, self.any = state, self.hashes.size() > 0
        return True

    cdef int learn_key(self) except -1:
        cdef bytes key = forgetting_key(load_keys(self.path.parent))
        memcpy(&self.k0, <const char *>key, 8)
        memcpy(&self.k1, <const char *>key + 8, 8)
        return 0

    def add(self, persons, at_s):
        """Makes tombstones, on disk when this returns; returns how many are new."""
        self.learn_key()
        return self.replace({self.hashed(<uint64_t>person): at_s for person in persons}, ())

    def remove(self, persons):
        """Ends tombstones; returns how many there were."""
        self.learn_key()
        return self.replace({}, {self.hashed(<uint64_t>person) for person in persons})

    def replace(self, dict new, old):
        """Returns how many tombstones that changed. Others that write wait; readers see all of it or nothing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path.parent / f"{FILE}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            there = dict(entries(self.path.read_bytes(), self.path)) if self.path.exists() else {}
            kept = {hash: at_s for hash, at_s in there.items() if hash not in old}
            after = {**new, **kept}
            if after != there:
                write(self.path, after)
        self.refresh()
        return abs(len(after) - len(there))


def entries(bytes data, path):
    """(hash, unix seconds) of each tombstone."""
    size = len(data) - len(HEAD)
    if not data.startswith(HEAD) or size % ENTRY:
        raise ValueError(f"{path} is no list of forgotten persons; put back a copy of it")
    numbers = [int.from_bytes(data[at : at + 8], "little") for at in range(len(HEAD), len(data), 8)]
    return list(zip(numbers[::2], numbers[1::2]))


def write(path, dict tombstones):
    """Puts the whole file in place at once, on disk for certain."""
    draft = path.with_name(f".{FILE}.{secrets.token_hex(4)}")
    with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(HEAD)
        for hash, at_s in sorted(tombstones.items()):
            file.write(hash.to_bytes(8, "little") + int(at_s).to_bytes(8, "little"))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
