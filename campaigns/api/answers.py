"""Answers of writes, kept for a day under their idempotency keys: asked again, a write is not done again."""

from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from sqlalchemy import Connection, delete, insert, select

from api.problem import Failure
from campaigns.tables import answers

HEADER = "Idempotency-Key"
KEPT_NS = 86_400 * 10**9


class Answer(NamedTuple):
    """What a write is answered with."""

    status: int
    body: bytes
    headers: dict[str, str]

    def response(self) -> web.Response:
        return web.Response(status=self.status, body=self.body, headers=self.headers, content_type="application/json")


def answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, msgspec.json.encode(value), headers)


class Once(NamedTuple):
    """A call that may be repeated: who made it, under which key, and what was asked."""

    caller: str
    key: str
    request: str


def once(caller: str, request: web.Request, body: Any) -> Once | None:
    """None: the call has no key. Raises Failure (400)."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise Failure(400, f"{HEADER} must have 1 to 255 printable ASCII characters")
    asked = msgspec.json.encode([request.method, request.path_qs, body], enc_hook=str)  # decimals as they are written
    return Once(caller, key, sha256(asked).hexdigest())


def before(conn: Connection, call: Once, now_ns: int) -> Answer | None:
    """What the call was answered when it was made before. Raises Failure (422) if it was another call."""
    a = answers.c
    asked = select(a.request, a.status, a.headers, a.body).where(
        a.caller == call.caller, a.key == call.key, a.at_ns > now_ns - KEPT_NS
    )
    found = conn.execute(asked).one_or_none()
    if found is None:
        return None
    if found.request != call.request:
        raise Failure(422, f"the {HEADER} {call.key!r} was given to another call within the last day")
    return Answer(found.status, found.body.encode(), dict(found.headers) | {"Idempotent-Replay": "true"})


def keep(conn: Connection, call: Once, made: Answer, now_ns: int) -> None:
    """Keeps an answer, in the transaction that did what was asked; forgets those of more than a day ago."""
    a = answers.c
    conn.execute(delete(answers).where(a.at_ns <= now_ns - KEPT_NS))
    conn.execute(
        insert(answers).values(
            **call._asdict(), status=made.status, headers=made.headers, body=made.body.decode(), at_ns=now_ns
        )
    )
