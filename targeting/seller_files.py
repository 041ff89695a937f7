"""The store of who may sell what: one LMDB environment a host, written by ``outbid supply fetch``, read by its bidders.

For each file (ads.txt, app-ads.txt or sellers.json of a domain) it has a record, as the bid path looks it up
(`targeting.sellers`), and beside it what the fetching job knows about the file (`File`).
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, Self

import lmdb
import msgspec

from targeting import sellers

MAP_BYTES = 16 << 30
"""Address space for the map, and so the most that the store can grow to. The file takes only what is used."""
MAX_READERS = 512
RENEW_S = 1.0

Kind = Literal["ads.txt", "app-ads.txt", "sellers.json"]
KINDS: tuple[Kind, ...] = ("ads.txt", "app-ads.txt", "sellers.json")
State = Literal["good", "none", "failed", "alias"]


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file on the web, and how it went with it. Times are unix seconds."""

    kind: Kind
    name: str
    """A domain; of an alias also an app's bundle."""
    state: State
    """What the last attempt came to: read; not there; no answer that can be used; stands for another name."""
    checked_s: int
    valid_until_s: int = 0
    """Until when the last answer that could be used counts; 0: there is none."""
    due_s: int = 0
    """When it is looked at again."""
    problem: str = ""
    """Why the last attempt failed."""
    failures: int = 0
    """Attempts in a row that failed."""
    url: str = ""
    """Where it was found, after redirects."""
    etag: str = ""
    last_modified: str = ""
    entries: int = 0
    """Sellers in it."""
    subdomains: tuple[str, ...] = ()
    """Of an ads.txt or app-ads.txt: sub-domains with a file of their own."""
    partners: tuple[str, ...] = ()
    """Of an ads.txt or app-ads.txt: inventory partners, whose files may count."""
    alias: str = ""
    """The domain whose file counts for this name."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(File).decode


class Reader:
    """Look-ups in one read transaction, which sees the store as it was when last renewed. No copies are made: what
    `get` returns is to be read before the next `renew`.
    """

    def __init__(self, env: lmdb.Environment, records: lmdb._Database) -> None:
        self._env, self._records = env, records
        self._renewed = time.monotonic()
        self._begin()

    def _begin(self) -> None:
        self._txn = self._env.begin(db=self._records, buffers=True)
        self._get = self._txn.get

    def get(self, key: int) -> memoryview | None:
        """The record of a `targeting.sellers.key_of`, or None."""
        return self._get(key.to_bytes(8, "big"))

    def renew(self, now: float) -> None:
        """Looks at the store anew if the last time is at least a second ago; ``now`` is `time.monotonic`."""
        if now - self._renewed >= RENEW_S:
            self._txn.abort()
            self._begin()
            self._renewed = now

    def close(self) -> None:
        self._txn.abort()


class SellerFiles:
    """The environment in the directory ``path`` (made if it is not there). A process may open a path only once."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        if readonly and not _made(path):
            SellerFiles(path).close()
        path.mkdir(parents=True, exist_ok=True)
        self.env = lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=4, max_readers=MAX_READERS, readonly=readonly)
        self.env.reader_check()
        if readonly:
            self._records, self._files = (self.env.open_db(name, create=False) for name in (b"records", b"files"))
        else:
            with self.env.begin(write=True) as txn:
                self._records, self._files = (self.env.open_db(name, txn=txn) for name in (b"records", b"files"))

    def close(self) -> None:
        self.env.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reader(self) -> Reader:
        return Reader(self.env, self._records)

    def file(self, kind: Kind, name: str) -> File | None:
        """What is known about a file."""
        with self.env.begin(db=self._files) as txn:
            data = txn.get(_name(kind, name))
        return _decode(data) if data else None

    def files(self) -> Iterator[File]:
        """All of them, by kind and name."""
        with self.env.begin(db=self._files) as txn, txn.cursor() as cursor:
            for data in cursor.iternext(keys=False):
                yield _decode(data)

    def record(self, kind: Kind, name: str) -> bytes | None:
        """A copy of a file's record."""
        with self.env.begin(db=self._records) as txn:
            return txn.get(_key(kind, name))

    def put(self, changes: Iterable[tuple[File, bytes | None]]) -> None:
        """Writes what is known about files, and their records, in one transaction. None leaves the record as it is, but
        for how long it holds.
        """
        with self.env.begin(write=True) as txn:
            for file, record in changes:
                key = _key(file.kind, file.name)
                if record is None:
                    held = txn.get(key, db=self._records)
                    record = sellers.prolonged(held, file.valid_until_s) if held else None
                if record is not None:
                    txn.put(key, record, db=self._records)
                txn.put(_name(file.kind, file.name), _encode(file), db=self._files)


def _made(path: Path) -> bool:
    """Whether the store and its sub-databases exist: these are made in one transaction, so one speaks for both."""
    if not (path / "data.mdb").exists():
        return False
    try:
        with lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=4, max_readers=MAX_READERS, readonly=True) as env:
            env.open_db(b"records", create=False)
    except lmdb.Error:
        return False
    return True


def _key(kind: Kind, name: str) -> bytes:
    return sellers.key_of(kind, name).to_bytes(8, "big")


def _name(kind: Kind, name: str) -> bytes:
    return f"{kind}:{name}".encode()[:500]  # LMDB's keys have at most 511 bytes
