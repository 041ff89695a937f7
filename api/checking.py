"""Decoding what a caller sends into its type, and saying of a wrong value where it is and what is allowed."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from api.problem import Failure
from domain.errors import Problem, Refused

_AT = re.compile(r"^(.*?)(?: - at `(.*)`)?$", re.DOTALL)


def decoder(kind: Any) -> Callable[[bytes], Any]:
    """Function that decodes a body. It raises `Failure` (400) for what is no JSON, `Refused` for a wrong value."""
    decode = msgspec.json.Decoder(kind).decode

    def body(data: bytes) -> Any:
        try:
            return decode(data)
        except msgspec.ValidationError as error:
            raise Refused([_problem(str(error), data)]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Failure(400, f"the body is no JSON: {error}") from None

    return body


def parameters(query: Mapping[str, str], kind: Any) -> Any:
    """The query's parameters as a struct. Raises Refused."""
    try:
        return msgspec.convert(dict(query), kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused([_problem(str(error), msgspec.json.encode(dict(query)))]) from None


def _problem(text: str, data: bytes) -> Problem:
    found = _AT.match(text)
    assert found
    return Problem(found[2] or "$", None, found[1])
