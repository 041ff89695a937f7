"""The body of a postback that cannot be read is refused, whatever is in it."""

import pytest

from domain.errors import Refused
from trackers.conversions import Told, read_body


def test_a_body() -> None:
    assert read_body(b'{"event": "lead", "order": 7, "more": 1}') == Told("lead", 7)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "body"),
        (b'{"event": "lead"', "body"),
        (b'{"event": "lead"}', "order"),
        (b'{"event": 5, "order": "o"}', "event"),
        (b'{"event": "lead\xff", "order": "o"}', "body"),
        (b'{"event": 5, "order": "\xff"}', "body"),
        (b'{"event": 5, "more": ' + b"[" * 100_000, "body"),
        (b'{"event": "lead", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
    ],
)
def test_a_body_that_makes_no_sense(body: bytes, path: str) -> None:
    with pytest.raises(Refused) as refused:
        read_body(body)
    assert [problem.path for problem in refused.value.problems] == [path]
