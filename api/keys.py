"""Keys of an API: random tokens, shown once, of which only the SHA-256 is kept, with whose they are and what they may.

A token is ``obk_<id>_<secret>``: the id finds the record, the secret's digest is compared in constant time. The file is
re-read when it changes, so that a key made by the command line counts at once, and one revoked no more within a second.
"""

import hmac
import logging
import math
import os
import secrets
import time
from collections.abc import Callable, Collection
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from api.problem import Failure
from domain.errors import Unavailable
from domain.file_lock import FileLock
from domain.file_stamp import Stamp, stamp_of
from domain.naming import name_id
from domain.settings import places

PREFIX = "obk"
EVERYTHING = "*"
"""A scope that stands for all."""
LOOK_S = 1.0
"""Between two looks at whether the file has changed."""

log = logging.getLogger(__name__)


class KeyRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A key as the file has it."""

    id: str
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the whole token, hexadecimal."""
    institution: str
    """Whose it is; empty: the operator's own, who may change what is everybody's."""
    scopes: tuple[str, ...]
    made_s: int
    """Seconds since 1970."""
    expires_s: int = 0
    """0: never."""
    rate: float = 0.0
    """Calls a second; 0: no limit."""
    note: str = ""


class Bucket:
    """A rate limit: ``rate`` calls a second, and as many as two seconds' worth at once."""

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = rate, now
        self._most = max(2 * rate, 1.0)
        self._left, self._at = self._most, now()

    def charge(self, calls: int = 1) -> None:
        """Takes so many calls. Raises Failure (429) that says when they will be there.

        More calls at once than ever are there together are let through when it is full, and make the next ones wait.
        """
        if self._rate <= 0:
            return
        now = self._now()
        self._left, self._at = min(self._most, self._left + (now - self._at) * self._rate), now
        wanted = min(calls, self._most)
        if self._left < wanted:
            wait = (wanted - self._left) / self._rate
            raise Failure(
                429,
                f"this key may make {self._rate:g} calls a second",
                headers={"Retry-After": f"{max(1, math.ceil(wait))}"},
            )
        self._left -= calls


class Key:
    """A key in use."""

    __slots__ = ("bucket", "digest", "institution", "institution_id", "record", "scopes")

    def __init__(self, record: KeyRecord) -> None:
        self.record = record
        self.institution = record.institution
        self.institution_id = name_id(record.institution)
        """0: the operator."""
        self.scopes = frozenset(record.scopes)
        self.digest = bytes.fromhex(record.digest)
        self.bucket = Bucket(record.rate)

    def may(self, scope: str) -> bool:
        return scope in self.scopes or EVERYTHING in self.scopes


NOBODY = Key(KeyRecord("", "00", "", (), 0))
"""Who calls an operation that needs no key."""


def key_file() -> Path:
    """Where the keys of this deployment are: one of them may be good for several services, by its scopes."""
    return places().data / "api-keys.json"


class KeyFile:
    """The file of keys; changing it is one atomic step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[KeyRecord, ...]:
        """All keys; none if there is no file. Raises Unavailable if it cannot be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=tuple[KeyRecord, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unavailable(f"{self.path}: the keys cannot be read: {error}") from None

    def add(
        self,
        institution: str,
        scopes: Collection[str],
        *,
        expires_s: int = 0,
        rate: float = 0.0,
        note: str = "",
        now_s: int | None = None,
    ) -> tuple[str, KeyRecord]:
        """Makes a key; returns its token, which is nowhere afterwards, and its record."""
        id_ = secrets.token_hex(4)
        token = f"{PREFIX}_{id_}_{secrets.token_urlsafe(24)}"
        made = int(time.time()) if now_s is None else now_s
        digest = sha256(token.encode()).hexdigest()
        record = KeyRecord(id_, digest, institution, tuple(sorted(scopes)), made, expires_s, rate, note)
        self._change(lambda records: (*records, record))
        return token, record

    def revoke(self, id_: str) -> bool:
        """Takes a key away; False: there is none of this id."""
        found = any(record.id == id_ for record in self.read())
        self._change(lambda records: tuple(record for record in records if record.id != id_))
        return found

    def _change(self, change: Callable[[tuple[KeyRecord, ...]], tuple[KeyRecord, ...]]) -> None:
        lock = FileLock(self.path.with_name(f"{self.path.name}.lock"))
        while not lock.take():
            time.sleep(0.01)
        try:
            body = msgspec.json.format(msgspec.json.encode(change(self.read())), indent=1)
            draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            file = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            try:
                os.write(file, body)
                os.fsync(file)
            finally:
                os.close(file)
            os.replace(draft, self.path)
        finally:
            lock.release()


class Keys:
    """The keys of a running service. ``secret``: a token that is no key of the file and may everything (the
    deployment's own, `domain.keys.internal_secret`); empty: there is none.
    """

    def __init__(self, path: Path, secret: str = "", now: Callable[[], float] = time.monotonic) -> None:
        self._file, self._now = KeyFile(path), now
        self._secret = secret.encode()
        self._own = Key(KeyRecord("own", "00", "", (EVERYTHING,), 0))
        self._keys: dict[str, Key] = {}
        self._looked = float("-inf")
        self._stamp: Stamp | None = None

    def key(self, authorization: str) -> Key:
        """Whose call it is. Raises Failure (401)."""
        kind, _, token = authorization.partition(" ")
        if not token or kind.lower() != "bearer":
            raise _unknown("a key is needed: Authorization: Bearer KEY")
        self._look()
        told = token.encode(errors="surrogateescape")
        if self._secret and hmac.compare_digest(told, self._secret):
            return self._own
        parts = token.split("_", 2)
        shaped = len(parts) == 3 and parts[0] == PREFIX
        if shaped and parts[1] not in self._keys:
            self._look(at_once=True)  # it may just have been made
        key = self._keys.get(parts[1]) if shaped else None
        if key is None or not hmac.compare_digest(sha256(told).digest(), key.digest):
            raise _unknown("this key is not known: it was never made here, or has been revoked")
        if key.record.expires_s and key.record.expires_s <= time.time():
            raise _unknown("this key has expired")
        return key

    def _look(self, *, at_once: bool = False) -> None:
        now = self._now()
        if now - self._looked < LOOK_S and not at_once:
            return
        self._looked = now
        try:
            stamp = stamp_of(self._file.path)
        except OSError as error:
            log.error("%s; those known before are known still", error)
            return
        if stamp == self._stamp:
            return
        before, self._stamp = self._keys, stamp
        try:
            records = self._file.read()
        except Unavailable as error:
            log.error("%s; those known before are known still", error)
            return
        self._keys = {  # a key that is as it was keeps its bucket
            record.id: before[record.id] if record.id in before and before[record.id].record == record else Key(record)
            for record in records
        }


def _unknown(detail: str) -> Failure:
    return Failure(401, detail, headers={"WWW-Authenticate": 'Bearer realm="outbid"'})
