"""Bodies of calls in which one thing is odd: whatever a service is sent, it answers, or says what is wrong."""

from collections.abc import Iterator
from typing import Any

SHAPES: list[Any] = [
    None, True, -1, 0, 1e308, 2**70, "", "x" * 70, "\u0000", "ifa:", "ip:1.2.3.4", "999.1.1.1", "::ffff:1.2.3.4", [],
    {}, [None], ["ifa:a", "ifa:a"], {"a": 1}, [[[]]], "2001:db8::1", "fraud", ["luck"], "email:x",
    "key:0000000000000000",
]  # fmt: skip


def variations(value: Any) -> Iterator[Any]:
    """A body with one of its values, at any depth, put in the place of by something odd, or left out, or one more."""
    yield from SHAPES
    if isinstance(value, dict):
        for name, each in value.items():
            yield {other: kept for other, kept in value.items() if other != name}
            for changed in variations(each):
                yield value | {name: changed}
        yield value | {"more": 1}
    elif isinstance(value, list):
        for place, each in enumerate(value):
            for changed in variations(each):
                yield [*value[:place], changed, *value[place + 1 :]]
