"""Bytes of a bid request -> `BidRequest`.

A request that follows the specification costs one call of msgspec. About 5 % of real traffic does not
(``"at": "1"``, ``"w": 300.0``, integers in ``bcat``, a native request as an object). Such a request is read again,
leniently: what can be coerced is, an optional field that cannot is dropped, and each such repair is named in
`BidRequest.repairs`. Only what makes a request unusable is refused: no JSON object, no id, no usable imp.

The types of `openrtb.model` are the only description of the protocol: the lenient reading follows them too.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from msgspec import inspect

from domain.errors import Problem, Refused
from openrtb.model import BidRequest

decode_strictly = msgspec.json.Decoder(BidRequest).decode


class Malformed(Refused):
    """The request cannot be used at all; ``problem`` says which field, its value, and what is allowed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__([problem])
        self.problem = problem


def parse(body: bytes) -> BidRequest:
    """Reads a request, mending what can be mended. Raises `Malformed`."""
    try:
        return decode_strictly(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _parse_leniently(body)
    except RecursionError:
        raise Malformed(Problem("request", _cut(body), "arrays and objects may not be nested that deep")) from None


def _parse_leniently(body: bytes) -> BidRequest:
    repairs = Repairs()
    try:
        request: BidRequest = _read_request(_load(body, repairs), "", repairs)
    except _Unusable as unusable:
        path = unusable.path or "request"
        raise Malformed(Problem(path, unusable.value, f"it must be {unusable.allowed}")) from None
    request.repairs = list(repairs) or None
    for path in repairs.dropped:
        dropped[path if path in dropped or len(dropped) < MOST_PATHS else "other"] += 1
    return request


MOST_PATHS = 200
dropped: Counter[str] = Counter()
"""What had to be dropped since this process began, by path without positions (``imp.banner.w``); beyond `MOST_PATHS`
paths, under ``other``. The bid port shows it."""


class Repairs(list[str]):
    """What was mended in one request, in words."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped: list[str] = []

    def drop(self, path: str, words: str) -> None:
        """Notes a value that nothing could be made of."""
        self.append(words)
        self.dropped.append(POSITION.sub("", path))


POSITION = re.compile(r"\[\d+\]")


def _load(body: bytes, repairs: Repairs) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    # The standard library also reads what cut strings leave behind (half a character, half a surrogate pair), NaN,
    # and numbers of any length.
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"), parse_int=_read_digits)
    except (ValueError, RecursionError):
        raise _Unusable("", body, "a JSON object") from None
    repairs.append("request: not clean JSON in UTF-8; unreadable characters replaced")
    return document


def _read_digits(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float(digits)  # reading more digits would be slow, and is refused


def _cut(value: object) -> object:
    """The value short enough to be shown in a message."""
    if value is None or (isinstance(value, int | float) and abs(value) < 10**20):
        return value
    if isinstance(value, list | dict):
        return str(type(value)()) if not value else "[...]" if isinstance(value, list) else "{...}"
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


class _Unusable(Exception):
    """A value that cannot be read as what the specification says; whoever holds it drops it, or is unusable too."""

    def __init__(self, path: str, value: object, allowed: str) -> None:
        super().__init__(path)
        self.path, self.value, self.allowed = path, _cut(value), allowed


Reader = Callable[[Any, str, Repairs], Any]
"""(value from JSON, its path, where repairs are noted) -> value of the right type. Raises `_Unusable`."""


def _reader(kind: inspect.Type) -> Reader:
    """How a value of this type is read leniently."""
    if isinstance(kind, inspect.UnionType):  # the model only has "X | None"
        return _reader(next(t for t in kind.types if not isinstance(t, inspect.NoneType)))
    if isinstance(kind, inspect.Metadata):
        extra = kind.extra or {}
        if "if_unreadable" in extra:
            return _careful_reader(_reader(kind.type), extra["if_unreadable"], extra.get("if_blank"))
        if extra.get("all_or_none"):
            return _whole_reader(_reader(kind.type))
        return _read_json_text if extra.get("json_text") else _reader(kind.type)
    if isinstance(kind, inspect.StructType):
        return _struct_reader(kind)
    if isinstance(kind, inspect.ListType):
        of_objects = isinstance(kind.item_type, inspect.StructType)
        return _list_reader(_reader(kind.item_type), kind.min_length or 0, of_objects)
    if isinstance(kind, inspect.StrType):
        return _read_name if kind.min_length else _read_text
    return {inspect.IntType: _read_integer, inspect.FloatType: _read_number}[type(kind)]


def _struct_reader(kind: inspect.StructType) -> Reader:
    readers = {f.name: _reader(f.type) for f in kind.fields if f.name != "repairs"}
    required = [f.name for f in kind.fields if f.required]

    def read(value: Any, path: str, repairs: Repairs) -> Any:
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            value = value[0]
            repairs.append(f"{path}: an array of one read as its object")
        if not isinstance(value, dict):
            raise _Unusable(path, value, "a JSON object")
        inside = f"{path}." if path else ""
        for name in required:
            if value.get(name) is None:
                raise _Unusable(inside + name, None, "present")
        found = {}
        for name, given in value.items():
            read_field = readers.get(name)
            if read_field is None or given is None:
                continue
            try:
                found[name] = read_field(given, inside + name, repairs)
            except _Unusable as unusable:
                if name in required:
                    raise
                words = f"{unusable.path}: {unusable.value!r} dropped; it is not {unusable.allowed}"
                repairs.drop(inside + name, words)
        return kind.cls(**found)

    return read


def _list_reader(read_item: Reader, min_length: int, of_objects: bool) -> Reader:
    def read(value: Any, path: str, repairs: Repairs) -> Any:
        if not isinstance(value, list):
            if isinstance(value, dict) and not of_objects:
                raise _Unusable(path, value, "an array")
            if isinstance(value, str) and "," in value and not of_objects:
                repairs.append(f"{path}: {_cut(value)!r} read as an array of what stands between its commas")
                value = [part.strip() for part in value.split(",") if part.strip()]
            else:
                item = read_item(value, path, repairs)
                repairs.append(f"{path}: {_cut(value)!r} read as an array of one")
                return [item]
        items, problem = [], None
        for position, given in enumerate(value):
            where = f"{path}[{position}]"
            try:
                items.append(read_item(given, where, repairs))
            except _Unusable as unusable:
                problem = problem or unusable
                repairs.drop(where, f"{unusable.path}: {unusable.value!r} is not {unusable.allowed}; {where} dropped")
        if len(items) < min_length:
            raise problem or _Unusable(path, value, f"an array with at least {min_length} entry")
        return items

    return read


def _whole_reader(read_list: Reader) -> Reader:
    def read(value: Any, path: str, repairs: Repairs) -> Any:
        items = read_list(value, path, repairs)
        if isinstance(value, list) and len(items) != len(value):
            raise _Unusable(path, value, "an array of which every entry can be read")
        return items

    return read


def _careful_reader(read_value: Reader, if_unreadable: object, if_blank: object) -> Reader:
    def read(value: Any, path: str, repairs: Repairs) -> Any:
        if value == "" and if_blank is not None:
            repairs.append(f"{path}: '' read as {if_blank}")
            return if_blank
        try:
            return read_value(value, path, repairs)
        except _Unusable as unusable:
            repairs.drop(path, f"{path}: {unusable.value!r} read as {if_unreadable!r}, to be on the safe side")
            return if_unreadable

    return read


MOST_EXACT = 2**53
"""Beyond it a number that went through floating point may have lost digits, and would be another name."""


def _only(value: Any) -> Any:
    """The value, or what an array of one holds."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _read_integer(value: Any, path: str, repairs: Repairs) -> int:
    only = _only(value)
    whole = _number_in(only) if isinstance(only, str) else only
    if isinstance(whole, float) and whole.is_integer():
        whole = int(whole)
    if not isinstance(whole, int) or not -(2**31) <= whole < 2**31:
        raise _Unusable(path, value, "an integer of 32 bits")
    whole = int(whole)  # bool is an int, too
    if type(value) is not int:
        repairs.append(f"{path}: {_cut(value)!r} read as {whole}")
    return whole


def _read_number(value: Any, path: str, repairs: Repairs) -> float:
    only = _only(value)
    number = _number_in(only) if isinstance(only, str) and only.strip().lower() not in TRUTHS else only
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise _Unusable(path, value, "a number")
    try:
        number = float(number)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _Unusable(path, value, "a number in range")
    if isinstance(value, str | list):
        repairs.append(f"{path}: {_cut(value)!r} read as {number}")
    return number


TRUTHS = ("true", "false")


def _number_in(text: str) -> int | float | None:
    word = text.strip().lower()
    if word in TRUTHS:
        return int(word == "true")
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return None


def _read_text(value: Any, path: str, repairs: Repairs) -> str:
    if isinstance(value, str):
        # Half a surrogate pair is no character and could not be written anywhere again.
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str | int | float):
        text = _read_text(value[0], path, repairs)
        repairs.append(f"{path}: an array of one read as its text")
        return text
    exact = isinstance(value, int) or (isinstance(value, float) and abs(value) <= MOST_EXACT)
    if exact and not isinstance(value, bool):
        text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
        repairs.append(f"{path}: {_cut(value)!r} read as {text!r}")
        return text
    raise _Unusable(path, value, "a string")


def _read_name(value: Any, path: str, repairs: Repairs) -> str:
    text = _read_text(value, path, repairs)
    if not text or "\N{REPLACEMENT CHARACTER}" in text or text != (value if isinstance(value, str) else text):
        raise _Unusable(path, value, "a string that is not empty and can be written back as it came")
    return text


def _read_json_text(value: Any, path: str, repairs: Repairs) -> str:
    if isinstance(value, dict):
        repairs.append(f"{path}: an object read as its JSON text")
        try:
            return json.dumps(value)  # not orjson: what the standard library read may hold integers of any size
        except RecursionError:
            raise _Unusable(path, value, "nested less deep") from None
    return _read_text(value, path, repairs)


_read_request = _reader(inspect.type_info(BidRequest))
