"""Decoding what a caller sends into its type, and saying of every wrong value where it is and what is allowed."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from api.faults import faults
from api.problem import Failure, quoted
from domain.errors import Problem, Refused

LONG = 20
"""Entries of a list or a mapping that an error shows whole."""
_AT = re.compile(r"^(.*?)(?: - at `(.*)`)?$", re.DOTALL)


def decoder(kind: Any, number: Callable[[str], Any] | None = None) -> Callable[[bytes], Any]:
    """Function that decodes a body. It raises `Failure` (400) for what is no JSON, `Refused` for a wrong value.

    ``number`` makes what a number with a point or an exponent is, where any value may be.
    """
    decode = msgspec.json.Decoder(kind, float_hook=number).decode

    def body(data: bytes) -> Any:
        try:
            return decode(data)
        except msgspec.ValidationError as error:
            raise Refused(_problems(_plain(data), kind, str(error))) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed(error) from None

    return body


def converted(value: Any, kind: Any, path: str = "") -> Any:
    """A value as JSON or YAML have it, as one of ``kind``. Raises Refused, every path beginning with ``path``."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Refused(_problems(value, kind, str(error), path)) from None


def parameters(query: Mapping[str, str], kind: Any) -> Any:
    """The query's parameters as a struct. Raises Refused."""
    told = dict(query)
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    allowed = f"there is no such parameter; those here are {', '.join(known)}"
    if unknown := [Problem(name, value, allowed) for name, value in told.items() if name not in known]:
        raise Refused(unknown)
    try:
        return msgspec.convert(told, kind, strict=False)
    except msgspec.ValidationError as error:
        text, path = _told(str(error))
        raise Refused([Problem(path, told.get(path), text)]) from None


def _problems(value: Any, kind: Any, told: str, path: str = "") -> list[Problem]:
    """All that is wrong; if nothing is found that msgspec minds, what it says."""
    try:
        found = faults(value, kind, path)
    except RecursionError:
        found = []
    if found:
        return [Problem(one.path, _shown(one.value), one.allowed) for one in found]
    text, at = _told(told)
    return [Problem(f"{path}.{at}" if path and at else path or at, None, text)]


def _shown(value: Any) -> Any:
    """The value that is wrong; of one that has very much in it, how it begins."""
    return quoted(value) if isinstance(value, list | dict) and len(value) > LONG else value


def _told(error: str) -> tuple[str, str]:
    """What msgspec says, and where: its paths begin with ``$``."""
    found = _AT.match(error)
    assert found
    return found[1], (found[2] or "").removeprefix("$").removeprefix(".")


def _plain(data: bytes) -> Any:
    """The whole body, though only a part may have been looked at. Raises Failure (400)."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None


def _malformed(error: Exception) -> Failure:
    return Failure(400, f"the body is no JSON that can be read: {error}")
