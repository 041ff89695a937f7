"""A bid request broken in one place: each value in turn, in every way that careless or hostile exchanges have."""

import contextlib
import copy
import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Mutant(NamedTuple):
    path: Path
    kind: str
    lossless: bool
    """Says the same in another way: it gets the same bids."""
    document: Any

    @property
    def name(self) -> str:
        return f"{dotted(self.path)} {self.kind}"


GONE = object()
NESTED: Any = 1
for _ in range(200):
    NESTED = [NESTED]
BROKEN: list[tuple[str, Any]] = [
    ("removed", GONE), ("null", None), ("an object", {"x": [1]}), ("an empty object", {}), ("an empty array", []),
    ("an array of arrays", [[[]], [None]]), ("true", True), ("false", False), ("blank", ""), ("a space", " "),
    ("a word", "word"), ("zero", 0), ("negative", -1), ("a fraction", 1.5), ("huge", 2**40), ("beyond a double",
                                                                                              10**400),
    ("very negative", -(2**63)), ("a long text", "x" * 5_000), ("other letters", "日本ö😀"), ("half a character",
                                                                                           "\ud83d"),
    ("a control character", "a\x00b\n"), ("deeply nested", NESTED), ("mixed", [None, 1, "1", {}, [], True]),
]  # fmt: skip
"""Kinds of values that may stand where another belongs."""


FLOORS = ("bidfloor", "mincpmpersec")


def dotted(path: Path) -> str:
    return re.sub(r"\.\[", "[", ".".join(f"[{step}]" if isinstance(step, int) else step for step in path))


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """Every place in a document, but the whole."""
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inside in steps:
        yield (*here, step)
        yield from paths(inside, (*here, step))


def at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def changed(document: Any, path: Path, value: Any) -> Any:
    """A copy with another value there, or without it (`GONE`)."""
    whole = copy.deepcopy(document)
    holder = at(whole, path[:-1])
    if value is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return whole


def same_otherwise(value: Any) -> Iterator[tuple[str, Any]]:
    """The value as exchanges write it that do not care for types."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield "a number as text", str(value)
        yield "a whole number as a fraction", float(value)
        if value in (0, 1):
            yield "a truth value", bool(value)
    elif isinstance(value, float):
        yield "a number as text", repr(value)
    elif isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        yield "the value of an array of one", value[0]
    elif isinstance(value, dict) and value:
        yield "in an array of one", [value]
    elif isinstance(value, str) and value.isdecimal() and value[0] != "0":
        yield "a text as a number", int(value)


def mutants(document: Any) -> Iterator[Mutant]:
    """All of a document, with the place and the kind of each."""
    for path in paths(document):
        for kind, value in BROKEN:
            yield Mutant(path, kind, False, changed(document, path, value))
        if "ext" not in path:  # the types of what is in there are the exchange's own
            for kind, value in same_otherwise(at(document, path)):
                if kind == "a truth value" and path[-1] in FLOORS:
                    continue  # no amount of money
                yield Mutant(path, kind, True, changed(document, path, value))


def broken_twice(bases: Sequence[Any], count: int) -> Iterator[tuple[Any, Any]]:
    """So many requests, each with the one that it was made of: always the same ones."""
    draw = random.Random(count)
    places = [(base, list(paths(base))) for base in bases]
    for _ in range(count):
        base, anywhere = draw.choice(places)
        document = changed(base, draw.choice(anywhere), draw.choice(BROKEN)[1])
        with contextlib.suppress(LookupError, TypeError):  # the first may have taken the place of the second away
            document = changed(document, draw.choice(anywhere), draw.choice(BROKEN)[1])
        yield base, document


def encoded(document: Any) -> bytes:
    """As JSON; half characters as exchanges cut them."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


class Bytes(NamedTuple):
    name: str
    body: bytes
    served: bool | None
    """None: it may be repaired or refused."""


def broken_bytes(document: Any) -> Iterator[Bytes]:
    """The same request with its text broken."""
    body = encoded(document)
    for part in range(20):
        yield Bytes(f"cut at {part}/20", body[: len(body) * part // 20], False)
    yield Bytes("cut by one", body[:-1], False)
    for behind in (b"x", b"{}", b",", b"]", b"\x00", body):
        yield Bytes(f"followed by {behind[:3]!r}", body + behind, False)
    for around in (b" ", b"\r\n", b"\t\n \n"):
        yield Bytes(f"within {around!r}", around + body + around, True)
    yield Bytes("after a byte order mark", b"\xef\xbb\xbf" + body, None)
    for name in ("utf-16", "utf-16-le", "utf-32", "latin-1"):
        yield Bytes(f"in {name}", json.dumps(document).encode(name), name == "latin-1")
    yield Bytes("indented", json.dumps(document, indent=2).encode(), True)
    yield Bytes("ASCII only", json.dumps(document).encode(), True)
    yield Bytes("with slashes escaped", json.dumps(document).replace("/", "\\/").encode(), True)
    for noise in (b"\xff", b"\xc3", b"\xed\xa0\xbd", b"\xf0\x9f", b"\x80"):
        yield Bytes(f"{noise!r} in a text", body[:-1] + b',"x-noise":"a%bz"}' % noise, True)
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        yield Bytes(f"{word!r} in a field that nobody reads", body[:-1] + b',"x-number":%b}' % word, None)
    for word in (b"1e999", b"-0", b"1" * 4_000, b"0.%b" % (b"1" * 4_000), b"1e-400"):
        yield Bytes(f"{word[:9]!r} in a field that nobody reads", body[:-1] + b',"x-number":%b}' % word, True)
    for word in (
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x1",
        b"'a'",
        b"undefined",
        b"True",
        b"{a:1}",
        b"[1,]",
        b'{"a":1,}',
        b"/**/1",
    ):
        yield Bytes(f"{word!r} is no JSON", body[:-1] + b',"x":%b}' % word, False)
    yield Bytes("a comment", b"/* hello */" + body, False)
    yield Bytes("a key twice", body[:-1] + b',"x-a":1,"x-a":{"b":[]}}', True)
    yield Bytes("the id twice", b'{"id":"other",' + body[1:], None)
    yield Bytes("imp twice", body[:-1] + b',"imp":[]}', None)
    yield Bytes("an array of one request", b"[%b]" % body, None)
    yield Bytes("form-encoded", b"request=" + body, False)
    yield Bytes("callback", b"f(%b)" % body, False)
    for text in (
        b"",
        b"null",
        b"true",
        b"1",
        b'""',
        b"[]",
        b"{}",
        b"{",
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b"\x00" * 100,
        b"\xff" * 100,
    ):
        yield Bytes(f"{text[:8]!r}… instead", text, False)
    for deep in (b"[" * 900 + b"]" * 900, b'{"a":' * 300 + b"1" + b"}" * 300):
        yield Bytes(f"{len(deep)} bytes of nesting in a field that nobody reads", body[:-1] + b',"x":%b}' % deep, True)
    for deep in (b"[" * 20_000 + b"]" * 20_000, b'{"a":' * 20_000 + b"1" + b"}" * 20_000):
        yield Bytes(f"{len(deep)} bytes of nesting", body[:-1] + b',"x":%b}' % deep, None)
    for filling in (b" ", b"x", b"\\n", b"\xc3\xa4"):
        yield Bytes(
            f"200 KB of {filling!r}", body[:-1] + b',"x":"%b"}' % (filling * (200_000 // len(filling))), filling != b""
        )
