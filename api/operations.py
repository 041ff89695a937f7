"""Operations of an API: what is asked with which method and path, of which types question and answer are, and who may.

Everything else follows from them: how bodies are decoded and checked, which key may call what, the OpenAPI document.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from api.keys import Key

PUBLIC = ""
"""The scope of an operation that needs no key."""

_PARAMETER = re.compile(r"\{(\w+)\}")


class Call(NamedTuple):
    """One call of an operation, checked: what a handler is given."""

    key: Key
    body: Any
    """Of the operation's type ``request``; None if it has none."""
    path: Mapping[str, str]
    """Parameters of the path, as text."""
    query: Any
    """Of the operation's type ``query``; None if it has none."""
    request: web.Request

    def charge(self, calls: int) -> None:
        """Counts so many more calls against the key's rate: for an operation that does the work of many.

        Raises `api.problem.Failure` (429) if the key has not so many left.
        """
        self.key.bucket.charge(calls)


class Header(NamedTuple):
    """One of a call, for the OpenAPI document."""

    name: str
    description: str
    required: bool = False
    pattern: str = ""


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """One operation. ``handler`` returns a value of type ``response``, or raises `api.problem.Failure`, or
    `domain.errors.Refused` (422) or `domain.errors.Unavailable` (503).
    """

    method: str
    path: str
    """With parameters in braces, ``/v1/decisions/{id}``."""
    summary: str
    request: Any
    """Type of the body (a msgspec Struct that forbids unknown fields), or None."""
    response: Any
    scope: str
    handler: Handler
    description: str = ""
    query: Any = None
    """Type of the query's parameters: a msgspec Struct with defaults, or None."""
    status: int = 200
    most_bytes: int = 64 << 10
    """Longer bodies are refused."""
    seconds: float = 10.0
    """A handler that has not answered by then is ended, and 503 answered."""
    shown_request: Any = None
    """Type of the body as the OpenAPI document has it, where that says more than ``request``."""
    others: tuple[int, ...] = ()
    """Other statuses that an answer of type ``response`` may have."""
    exact: bool = False
    """Whether numbers of a free part of the body (``Any``) with a point are `decimal.Decimal`, none of them rounded."""
    headers: tuple["Header", ...] = ()
    """Those that the operation looks at, beside the usual ones."""
    parameters: tuple[str, ...] = field(init=False)
    """Names of the path's parameters."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(_PARAMETER.findall(self.path)))

    @property
    def name(self) -> str:
        """``operationId``: ``post_v1_score_batch``."""
        return "_".join([self.method.lower(), *re.findall(r"\w+", self.path)])
