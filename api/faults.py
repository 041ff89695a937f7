"""What is wrong with a value that is to be of a msgspec type: every fault, where msgspec itself tells of the first.

Only looked at once msgspec has refused a value, so nothing here is in the way of one that is right.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from msgspec import inspect

from domain.errors import Problem

_INTEGER, _NUMBER = "it must be a whole number", "it must be a number"
_BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"), ("multiple_of", "a multiple of"))

MOST = 1_000
"""Faults that are looked for: a body of megabytes may have hundreds of thousands."""


def faults(value: Any, kind: Any, path: str = "") -> list[Problem]:
    """Problems with a value as JSON or YAML have it (mappings, lists, text, numbers, bools, None). ``path``: what it is
    called. The first `MOST` are told. Types that JSON has no word for (dates, UUIDs) are left to msgspec.
    """
    return list(islice(_faults(value, _type(kind), path), MOST))


@cache
def _type(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _faults(value: Any, kind: inspect.Type, path: str) -> Iterator[Problem]:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        yield from _of_union(value, kind, path)
    elif (wrong := _wrong(value, kind)) is not None:
        yield Problem(path, value, wrong)
    elif isinstance(kind, inspect.StructType):
        yield from _of_struct(value, kind, path)
    elif isinstance(kind, inspect.DictType):
        for name, each in value.items():
            for fault in _faults(name, kind.key_type, below(path, name)):
                yield Problem(fault.path, name, f"as a name, {fault.allowed}")
            yield from _faults(each, kind.value_type, below(path, name))
    elif isinstance(kind, inspect.CollectionType):
        for place, each in enumerate(value):
            yield from _faults(each, kind.item_type, f"{path}[{place}]")
    elif isinstance(kind, inspect.TupleType):
        for place, (each, of) in enumerate(zip(value, kind.item_types, strict=True)):
            yield from _faults(each, of, f"{path}[{place}]")


def _of_union(value: Any, kind: inspect.UnionType, path: str) -> Iterator[Problem]:
    """What is wrong with it as the one type that it is meant as; if it is none of them, what they all are."""
    tags = [each for each in kind.types if isinstance(each, inspect.StructType) and each.tag is not None]
    if tags and isinstance(value, Mapping) and (name := tags[0].tag_field) is not None:
        meant = next((each for each in tags if each.tag == value.get(name)), None)
        if meant is None:
            words = ", ".join(str(each.tag) for each in tags)
            yield Problem(below(path, name), value.get(name), f"it must be of {words}")
        else:
            yield from _of_struct(value, meant, path)
        return
    near = [each for each in kind.types if _wrong(value, each, loosely=True) is None]
    if not near:
        words = " or ".join(dict.fromkeys(said(each) for each in kind.types if not isinstance(each, inspect.NoneType)))
        yield Problem(path, value, f"it must be {words}")
    elif all((found := list(_faults(value, each, path))) for each in near):
        yield from found


def _of_struct(value: Mapping[str, Any], kind: inspect.StructType, path: str) -> Iterator[Problem]:
    fields = {each.encode_name: each for each in kind.fields}
    known = [*([kind.tag_field] if kind.tag_field else []), *fields]
    for name, each in value.items():
        if name in fields:
            yield from _faults(each, fields[name].type, below(path, name))
        elif kind.forbid_unknown_fields and name != kind.tag_field:
            yield Problem(below(path, name), each, f"there is no such field; the fields here are {', '.join(known)}")
    for name, field in fields.items():
        if field.required and name not in value:
            yield Problem(below(path, name), None, f"it must be given, and be {said(field.type)}")


def _wrong(value: Any, kind: inspect.Type, *, loosely: bool = False) -> str | None:
    """What a value must be, if it is not; ``loosely``: only whether it is meant as one of this type."""
    match kind:
        case inspect.Metadata():
            return _wrong(value, kind.type, loosely=loosely)
        case inspect.NoneType():
            fits = value is None
        case inspect.BoolType():
            fits = isinstance(value, bool)
        case inspect.IntType():
            fits = isinstance(value, int) and not isinstance(value, bool) and (loosely or _within(value, kind))
        case inspect.FloatType():
            fits = isinstance(value, int | float) and not isinstance(value, bool) and (loosely or _within(value, kind))
        case inspect.StrType():
            fits = isinstance(value, str) and (loosely or (_sized(value, kind) and _spelt(value, kind)))
        case inspect.LiteralType():
            fits = loosely or any(value == each and type(value) is type(each) for each in kind.values)
        case inspect.EnumType():
            fits = loosely or value in [each.value for each in kind.cls]
        case inspect.StructType() | inspect.TypedDictType() | inspect.DataclassType():
            fits = isinstance(value, Mapping)
        case inspect.DictType():
            fits = isinstance(value, Mapping) and (loosely or _sized(value, kind))
        case inspect.CollectionType():
            fits = isinstance(value, list | tuple) and (loosely or _sized(value, kind))
        case inspect.TupleType():
            fits = isinstance(value, list | tuple) and (loosely or len(value) == len(kind.item_types))
        case _:
            fits = True
    return None if fits else f"it must be {said(kind)}"


def said(kind: inspect.Type) -> str:
    """A type in words: "a whole number of at least 0, at most 900"."""
    match kind:
        case inspect.Metadata():
            return said(kind.type)
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            word = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            bounds = [f"{text} {bound:g}" for name, text in _BOUNDS if (bound := getattr(kind, name)) is not None]
            return f"{word} {', '.join(bounds)}" if bounds else word
        case inspect.StrType():
            pattern = f" of the form {kind.pattern}" if kind.pattern else ""
            return f"text{pattern}{_size(kind, 'characters')}"
        case inspect.LiteralType():
            return f"of {', '.join(str(each) for each in kind.values)}"
        case inspect.EnumType():
            return f"of {', '.join(str(each.value) for each in kind.cls)}"
        case inspect.StructType():
            return f"a mapping with the fields {', '.join(each.encode_name for each in kind.fields)}"
        case inspect.DictType():
            return f"a mapping{_size(kind, 'entries')}"
        case inspect.CollectionType():
            return f"a list{_size(kind, 'entries')}"
        case inspect.TupleType():
            return f"a list of {len(kind.item_types)} entries"
        case inspect.UnionType():
            return " or ".join(dict.fromkeys(said(each) for each in kind.types))
        case _:
            return "of another type"


def below(path: str, name: object) -> str:
    """Path of what is called ``name`` within ``path``."""
    return f"{path}.{name}" if path else str(name)


def _within(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    return (
        (kind.ge is None or value >= kind.ge)
        and (kind.gt is None or value > kind.gt)
        and (kind.le is None or value <= kind.le)
        and (kind.lt is None or value < kind.lt)
        and (kind.multiple_of is None or value % kind.multiple_of == 0)
    )


def _sized(value: Any, kind: Any) -> bool:
    return (kind.min_length is None or len(value) >= kind.min_length) and (
        kind.max_length is None or len(value) <= kind.max_length
    )


def _spelt(value: str, kind: inspect.StrType) -> bool:
    return kind.pattern is None or re.search(kind.pattern, value) is not None


def _size(kind: Any, unit: str) -> str:
    least, most = kind.min_length, kind.max_length
    if least is None and most is None:
        return ""
    if least is None:
        return f" of at most {most} {unit}"
    return f" of at least {least} {unit}" if most is None else f" of {least} to {most} {unit}"
