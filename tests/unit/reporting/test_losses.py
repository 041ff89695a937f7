"""The loss report's parameters, and how its rows are shown."""

import csv
import io
import json
from unittest.mock import Mock

import pytest

from domain.errors import Refused
from openrtb.loss_reasons import TEXTS, loss_text
from reporting.losses import FIGURES, Line, read, render, run

LINES = [
    Line({"loss_reason": "102 lost to a higher bid"}, "USD", 3, 2, 3_000_000, 5_000_000),
    Line({"loss_reason": "100 below"}, "EUR", 1),
]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"by": "site"}, "by"),
        ({"by": ""}, "by"),
        ({"by": "day,day"}, "by"),
        ({"from": "2026-13-01"}, "from"),
        ({"to": "1 May"}, "to"),
        ({"from": "2026-05-02", "to": "2026-05-01"}, "from"),
    ],
)
def test_what_cannot_be_asked_is_named(values: dict[str, str], told: str) -> None:
    with pytest.raises(Refused, match=f"^{told}: "):
        read(values)


def test_rows_say_what_was_bid_and_what_would_have_won() -> None:
    wanted = read({"by": "loss_reason"})
    body, kind = render(wanted, LINES, "json")
    assert kind == "application/json"
    first, second = json.loads(body)["rows"]
    assert first == {
        "loss_reason": "102 lost to a higher bid", "currency": "USD", "losses": 3, "told": 2,
        "bid_cpm": "1.5", "to_win_cpm": "2.5",
    }  # fmt: skip
    assert second["to_win_cpm"] is None
    rows = list(csv.DictReader(io.StringIO(render(wanted, LINES, "csv")[0].decode())))
    assert list(rows[0]) == ["loss_reason", *FIGURES] and rows[1]["bid_cpm"] == ""
    table = render(wanted, LINES, "table")[0].decode().splitlines()
    assert table[0].split() == ["loss_reason", *FIGURES] and table[3].split()[-2:] == ["-", "EUR"]


def test_every_reason_of_the_list_has_words_and_others_do_too() -> None:
    assert set(TEXTS) >= {*range(11), *range(100, 105), *range(200, 216)}
    assert loss_text(777) == "the exchange's own code" and "does not have" in loss_text(99)


def test_its_query_can_be_found_and_ended() -> None:
    store = Mock()
    store.query = Mock(return_value=[])
    assert run(store, read({"by": "loss_reason"}), mark="outbid-report-1") == []
    assert store.query.call_args[0][0].startswith("/* outbid-report-1 */ SELECT ")
