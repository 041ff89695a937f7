"""Who may see which rows of a report, and the tokens that say so.

A token names advertisers or agencies and the time it ends, and is sealed with the deployment's keys. It is a bearer
token: who has it, is it. It is enforced where queries are built (`reporting.query`), and nowhere else.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import msgspec

from reporting.names import TODAY
from reporting.store import Store

_PREFIX = "obr1"
_MAC = 16
MOST_DAYS = 400


class Claims(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    id: str
    """By which it can be revoked."""
    expires_s: int
    """Seconds since 1970."""
    advertisers: tuple[int, ...] = ()
    agencies: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scope:
    """None of both: everything."""

    claims: Claims | None = None

    def advertisers(self, store: Store) -> frozenset[int] | None:
        """Whose rows are in it; an agency's are those of the advertisers that it has today. None: all."""
        if self.claims is None:
            return None
        found = set(self.claims.advertisers)
        if self.claims.agencies:
            today = f"SELECT id AS i, {TODAY['parent']} AS p FROM names WHERE dimension = 'advertiser' GROUP BY id"
            wanted = ", ".join(str(int(id_)) for id_ in self.claims.agencies)
            found |= {int(row[0]) for row in store.query(f"SELECT i FROM ({today}) WHERE p IN ({wanted})")}
        return frozenset(found)


ALL = Scope()


class Invalid(Exception):
    """A token that is none, is over, or was revoked; the text says which."""


def issue(key: bytes, expires_s: int, advertisers: tuple[int, ...] = (), agencies: tuple[int, ...] = ()) -> str:
    """A new token. Raises ValueError for one of nobody: it would be one of everybody's to a careless reader."""
    if not advertisers and not agencies:
        raise ValueError("a token must name an advertiser or an agency")
    claims = Claims(secrets.token_hex(4), expires_s, advertisers, agencies)
    body = msgspec.msgpack.encode(claims)
    return f"{_PREFIX}.{_text(body)}.{_text(_seal(key, body))}"


def read(key: bytes, token: str, now_s: int, revoked: frozenset[str] = frozenset()) -> Scope:
    """Raises Invalid."""
    try:
        prefix, body_text, mac_text = token.split(".")
        body, mac = _bytes(body_text), _bytes(mac_text)
    except ValueError:
        raise Invalid("it is no token of a report") from None
    if prefix != _PREFIX or not hmac.compare_digest(mac, _seal(key, body)):
        raise Invalid("it was not made by this deployment")
    claims = msgspec.msgpack.decode(body, type=Claims)
    if claims.id in revoked:
        raise Invalid(f"it was revoked ({claims.id})")
    if claims.expires_s <= now_s:
        raise Invalid("it has expired")
    return Scope(claims)


def id_of(token: str) -> str:
    """Of a token that `issue` made: for the setting ``revoked_tokens``."""
    return msgspec.msgpack.decode(_bytes(token.split(".")[1]), type=Claims).id


def _seal(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_MAC]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
