"""What an API says when it refuses or fails: a problem document (RFC 9457), ``application/problem+json``.

Beside the members of the RFC it has ``errors``: of every fault its ``field`` (a path into the body, or a parameter),
the ``value`` that was found and what is ``allowed``.
"""

import errno
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from reprlib import Repr
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from domain.errors import Problem, Refused, Unavailable

CONTENT_TYPE = "application/problem+json"
MOST_SHOWN = 200
"""Characters of a value that is quoted."""
MOST_ERRORS = 100
DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

log = logging.getLogger(__name__)

_short = Repr()
_short.maxlist = _short.maxtuple = _short.maxdict = 20
_short.maxstring = _short.maxother = MOST_SHOWN


class FieldError(Struct, frozen=True):
    """One fault of an input."""

    field: str
    value: Any
    allowed: str


class ProblemDocument(Struct, frozen=True, omit_defaults=True):
    """A problem as RFC 9457 has it."""

    status: int
    title: str
    detail: str = ""
    type: str = "about:blank"
    errors: tuple[FieldError, ...] = ()


class Failure(Exception):
    """An answer that is a problem; raised by handlers and by what stands before them."""

    def __init__(
        self,
        status: int,
        detail: str,
        problems: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.problems = status, detail, tuple(problems)
        self.headers = dict(headers or {})

    @property
    def document(self) -> ProblemDocument:
        errors = tuple(FieldError(one.path, quoted(one.value), one.allowed) for one in self.problems[:MOST_ERRORS])
        return ProblemDocument(self.status, HTTPStatus(self.status).phrase, self.detail, errors=errors)

    def response(self) -> web.Response:
        return web.Response(
            status=self.status, body=msgspec.json.encode(self.document), content_type=CONTENT_TYPE, headers=self.headers
        )


def failure_of(error: Exception) -> Failure:
    """The failure that an exception is: `Refused` 422 with every problem, `Unavailable` and a disk that takes nothing
    503, what is a bug 500.
    """
    if isinstance(error, Failure):
        return error
    if isinstance(error, Refused):
        count = len(error.problems)
        return Failure(422, f"{count} {'value is' if count == 1 else 'values are'} not allowed", error.problems)
    if isinstance(error, Unavailable):
        return Failure(503, str(error), headers={"Retry-After": "1"})
    if isinstance(error, OSError) and error.errno in DISK:
        log.error("what was sent is not kept: %s", error)
        return Failure(503, "the disk takes nothing at present", headers={"Retry-After": "1"})
    return Failure(500, "a bug; it is in the service's log")


def quoted(value: object) -> object:
    """As much of a value as an error shows."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else _short.repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
