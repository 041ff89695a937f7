"""What may be asked of a report, and how its rows are written."""

import csv
import io
import json
from datetime import date

import pytest

from domain.errors import Refused
from reporting.render import render_csv, render_json, render_table
from reporting.report import COUNTS, Line, Request, build

REQUEST = Request(("day", "line_item"))
LINES = [
    Line(
        {"day": "2026-09-21", "line_item": 'Cards, "gold"'},
        {"line_item": 7},
        "USD",
        {
            **dict.fromkeys(COUNTS, 0),
            "bids": 1200,
            "wins": 300,
            "impressions": 3,
            "clicks": 2,
            "conversions": 1,
            "billed": 300,
            "spend": 1_234_567_891,
            "fees": 2_000_000_004,
        },
    ),
    Line(
        {"day": "2026-09-22", "line_item": "Loans"},
        {"line_item": 8},
        "CNY",
        {**dict.fromkeys(COUNTS, 0), "spend": 0, "fees": 0},
    ),
]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"by": "day,colour"}, "by: 'colour'"),
        ({"by": "day,day"}, "by: 'day,day'"),
        ({"by": " , "}, "by: ' , '"),
        ({"from": "2026-02-30"}, "from: '2026-02-30'"),
        ({"to": "20260230"}, "to: '20260230'"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from: '2026-03-02'"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused_by_parameter(values: dict[str, str], named: str) -> None:
    with pytest.raises(Refused, match=named):
        Request.read(values)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(Refused) as refused:
        Request.read({"by": "colour", "from": "x", "to": "y"})
    assert [problem.path for problem in refused.value.problems] == ["by", "from", "to"]


def test_a_request_is_read() -> None:
    asked = Request.read({"by": "day, site", "from": "2026-03-01", "to": "2026-03-01"})
    assert asked == Request(("day", "site"), date(2026, 3, 1), date(2026, 3, 1))
    assert Request.read({}) == Request(("day",))


def test_days_are_parameters_of_every_part() -> None:
    sql, parameters = build(("day",), date(2026, 3, 1), None)
    assert parameters == {"first": "2026-03-01"}
    assert sql.count("day >= toDate(%(first)s)") == 8 and "2026" not in sql


def test_json_is_exact() -> None:
    first, second = json.loads(render_json(REQUEST, LINES))["rows"]
    assert first["line_item"] == 'Cards, "gold"' and first["line_item_id"] == 7
    assert (first["spend"], first["spend_nanos"], first["currency"]) == ("1.234567891", 1_234_567_891, "USD")
    assert (first["win_rate"], first["ctr"]) == (0.25, 2 / 3)
    assert first["ecpm"] == "411.52263"  # 1.234567891 / 3 * 1000, to the micro
    assert (second["win_rate"], second["ctr"], second["ecpm"]) == (None, None, None)


def test_csv_has_the_same_columns_with_and_without_rows() -> None:
    text = render_csv(REQUEST, LINES).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["line_item"] == 'Cards, "gold"' and rows[0]["spend"] == "1.234567891"
    assert (rows[0]["fees"], rows[0]["fees_nanos"]) == ("2.000000004", "2000000004")
    assert render_csv(REQUEST, []).decode() == text.splitlines()[0] + "\n"
    assert list(rows[0]) == list(json.loads(render_json(REQUEST, LINES))["rows"][0])


def test_the_table_is_aligned() -> None:
    lines = render_table(REQUEST, LINES).decode().splitlines()
    assert lines[0].split() == ["day", "line_item", "bids", "wins", "imps", "clicks", "conv", "billed",
                                "win%", "CTR%", "spend", "fees", "eCPM", "cur"]  # fmt: skip
    end = lines[0].index("spend") + len("spend")
    assert lines[2][:end].endswith("1.2346") and lines[3][:end].endswith("0.00")
    assert "1,200" in lines[2] and "25.0" in lines[2] and "66.67" in lines[2] and "411.523" in lines[2]
    assert lines[3].split()[8:10] == ["-", "-"]


def test_the_table_tells_of_playing_and_viewing_where_there_is_something_to_tell() -> None:
    played = {"starts": 8, "completes": 6, "measured": 4, "viewable": 3}
    lines = [Line({"day": "x"}, {}, "USD", {**dict.fromkeys(COUNTS, 0), "spend": 0, "fees": 0, **played})]
    head, _, row = render_table(Request(("day",)), lines).decode().splitlines()
    shown = dict(zip(head.split(), row.split(), strict=True))
    assert [shown[name] for name in ("starts", "compl", "meas", "view")] == ["8", "6", "4", "3"]
    assert (shown["VCR%"], shown["view%"]) == ("75.0", "75.0")
    assert json.loads(render_json(Request(("day",)), lines))["rows"][0]["viewability"] == 0.75


def test_a_name_from_outside_cannot_control_the_terminal_and_wide_letters_keep_the_columns() -> None:
    sums = {**dict.fromkeys(COUNTS, 0), "spend": 0, "fees": 0}
    lines = [Line({"site": name}, {"site": 1}, "USD", sums) for name in ("a\x1b[2J\nb", "金融")]
    head, _, first, second = render_table(Request(("site",)), lines).decode().splitlines()
    assert "\x1b" not in first and first.startswith("a\ufffd[2J\ufffdb")
    assert second.index("0") == first.index("0") - 2  # two letters of two columns each
    assert head.startswith("site")
