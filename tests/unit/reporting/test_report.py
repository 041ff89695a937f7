"""What may be asked of a report, and how its rows are written."""

import csv
import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from domain.errors import Refused
from reporting.catalogue import DIMENSIONS, METRICS
from reporting.export import write_csv, write_json, write_parquet
from reporting.facts import chosen, known, sums_of
from reporting.lines import TOTAL, Line
from reporting.local_time import Period, offsets
from reporting.parts import Condition, Known
from reporting.query import build
from reporting.render import render_table
from reporting.request import Filter, Request

REQUEST = Request(("day", "line_item"))
SUMS = dict.fromkeys(sums_of(REQUEST.shown), 0)
LINES = [
    Line(
        {"day": "2026-09-21", "line_item": 'Cards, "gold"'},
        {"line_item": 7},
        "USD",
        {
            **SUMS,
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
    Line({"day": "2026-09-22", "line_item": "=cmd()"}, {"line_item": 8}, "CNY", SUMS),
]


def written(writer: object, request: Request, lines: list[Line]) -> bytes:
    return b"".join(writer(request, iter([lines[:1], lines[1:]]) if lines else iter([]), ""))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"by": "day,colour"}, "by: 'colour'"),
        ({"by": "day,day"}, "by: 'day,day'"),
        ({"by": " , "}, "by: ' , '"),
        ({"from": "2026-02-30"}, "from: '2026-02-30'"),
        ({"to": "20260230"}, "to: '20260230'"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from: '2026-03-02'"),
        ({"metrics": "bids,luck"}, "metrics: 'luck'"),
        ({"metrics": "bids:lead"}, "metrics: 'bids:lead'"),
        (
            {"metrics": "conversions", "by": "attribution_kind"},
            "metrics: 'conversions' .* does not know attribution_kind; .*click_conversions",
        ),
        ({"metrics": "no_bids", "by": "campaign"}, "does not know campaign; no_bids goes with .*stage"),
        ({"by": "stage,loss_reason"}, "by: 'stage,loss_reason' .* no figure"),
        ({"tz": "Mars/Phobos"}, "tz: 'Mars/Phobos'"),
        ({"tz": "../../etc/passwd"}, "tz: "),
        ({"currency": "euro"}, "currency: 'euro'"),
        ({"filter": "colour:red"}, "filter: 'colour:red'"),
        ({"filter": "campaign"}, "filter: 'campaign'"),
        ({"filter": "day:2026-01-01"}, "filter: 'day:2026-01-01'"),
        ({"filter": "country:usa|DE"}, "filter: 'DE' .* three capital letters"),
        ({"filter": "hour_of_day:"}, "filter: '' .* 0 to 23"),
        ({"filter": "loss_reason:102|"}, "filter: '' .* a code"),
        ({"filter": "os:beos"}, "filter: 'beos' .* android"),
        ({"sort": "-spend,colour"}, "sort: 'colour'"),
        ({"top": "0"}, "top: '0'"),
        ({"top": "5", "page_size": "5"}, "page_size: '5'"),
        ({"totals": "maybe"}, "totals: 'maybe'"),
        ({"compare": "previous"}, "compare: 'previous' .* from and to"),
        ({"compare": "previous", "by": "month", "from": "2026-03-01", "to": "2026-03-31"}, "by: 'day|month'"),
        ({"page_size": "5", "page_token": "WzUsIngiXQ"}, "page_token: 'WzUsIngiXQ'"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused_by_parameter(values: dict[str, str], named: str) -> None:
    with pytest.raises(Refused, match=named):
        Request.read(values)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(Refused) as refused:
        Request.read({"by": "colour", "from": "x", "to": "y", "tz": "z"})
    assert [problem.path for problem in refused.value.problems] == ["by", "from", "to", "tz"]


def test_a_request_is_read() -> None:
    asked = Request.read({"by": "day, site", "from": "2026-03-01", "to": "2026-03-01"})
    assert asked == Request(("day", "site"), date(2026, 3, 1), date(2026, 3, 1))
    assert Request.read({}) == Request(("day",))
    told = {
        "metrics": "spend,reach",
        "filter": r"site!:a\|b|c",
        "sort": "-reach,day",
        "page_size": "7",
        "tz": "Asia/Kolkata",
    }
    asked = Request.read({"by": "day", **told})
    assert asked.filters == (Filter("site", ("a|b", "c"), False),) and asked.sort == (("reach", True), ("day", False))
    token = asked.page_token(14)
    assert Request.read({"by": "day", **told, "page_token": token}).offset == 14
    with pytest.raises(Refused, match="page_token"):  # a place in another report
        Request.read({"by": "day,site", **told, "page_token": token})


def test_without_metrics_those_are_shown_that_the_dimensions_can_tell() -> None:
    assert "conversions" in Request(("campaign",)).shown
    shown = Request(("conversion_source",)).shown
    assert "conversions" in shown and "spend" not in shown
    assert Request(("stage",)).shown == ("no_bids",)
    assert Request(("day",), filters=(Filter("loss_reason", ("102",)),)).shown == ("losses",)
    for name in METRICS:  # whatever is said to be known is
        for dimension in DIMENSIONS:
            if known(name, (dimension,)):
                build(Request((dimension,), metrics=(name,)), Known(date(2026, 3, 1)))


def test_days_and_texts_are_parameters_of_every_part() -> None:
    request = Request(("site", "day"), date(2026, 3, 1), filters=(Filter("conversion_event", ("x'--",)),),
                      metrics=("conversions", "conversions:le'ad"))  # fmt: skip
    query = build(request, Known(date(2026, 3, 1), conditions=(Condition("conversion_event", ("x'--",)),)))
    assert query.parameters["first"] == "2026-03-01" and "2026" not in query.sql
    assert {"x'--", "le'ad"} <= set(query.parameters.values()) and "'--" not in query.sql and "le'ad" not in query.sql


def test_the_narrowest_rollup_that_can_tell_it_is_read() -> None:
    today = date(2026, 3, 20)

    def tables(by: tuple[str, ...], zone: str = "UTC", first: date | None = date(2026, 3, 1)) -> set[str]:
        request = Request(by, first, date(2026, 3, 19), ("spend", "clicks"), zone=zone)
        return {facts.table for facts in chosen(sums_of(request.shown), by, request.period, today)[0]}

    raw = {"settlements", "clicks"}
    assert tables(("day", "campaign")) == tables(("month", "format", "agency"), first=None) == {"delivery_day"}
    assert tables(("hour", "exchange")) == tables(("day",), "Europe/Berlin") == {"delivery_hour"}
    assert tables(("hour",), first=date(2025, 11, 1)) == tables(("hour",), first=None) == raw
    assert tables(("day",), "Asia/Kolkata") == tables(("site",)) == tables(("minute",)) == raw
    mixed, _ = chosen(("spend", "reach"), ("day",), Period("UTC", None, None), today)
    assert [(facts.table, list(facts.sums)) for facts in mixed] == [
        ("delivery_day", ["spend"]),
        ("impressions", ["reach"]),
    ]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
def test_offsets_of_a_zone_are_those_of_its_clocks(zone: str) -> None:
    first, last, where = date(2025, 1, 1), date(2026, 12, 31), ZoneInfo(zone)
    found = offsets(zone, first, last)
    begin, end = datetime(2025, 1, 1, tzinfo=where).timestamp(), datetime(2027, 1, 1, tzinfo=where).timestamp()
    for at in range(int(begin), int(end), 1800):
        ahead = next(offset for since, offset in reversed(found) if since <= at)
        assert timedelta(seconds=ahead) == datetime.fromtimestamp(at, where).utcoffset()


def test_json_is_exact() -> None:
    first, second = json.loads(written(write_json, REQUEST, LINES))["rows"]
    assert first["line_item"] == 'Cards, "gold"' and first["line_item_id"] == 7
    assert (first["spend"], first["spend_nanos"], first["currency"]) == ("1.234567891", 1_234_567_891, "USD")
    assert (first["win_rate"], first["ctr"]) == (0.25, 2 / 3)
    assert first["ecpm"] == "411.52263"  # 1.234567891 / 3 * 1000, to the micro
    assert (second["win_rate"], second["ctr"], second["ecpm"]) == (None, None, None)
    assert json.loads(written(write_json, REQUEST, [])) == {"by": ["day", "line_item"], "rows": []}
    whole = Request(("day",), totals=True)
    total = Line({"day": TOTAL}, {}, "USD", SUMS, kind=TOTAL)
    told = json.loads(b"".join(write_json(whole, iter([[total]]), "next")))
    assert (told["rows"], told["totals"][0]["day"], told["next_page_token"]) == ([], "total", "next")


def test_csv_has_the_same_columns_with_and_without_rows_and_no_formulas() -> None:
    text = written(write_csv, REQUEST, LINES).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["line_item"] == 'Cards, "gold"' and rows[0]["spend"] == "1.234567891"
    assert (rows[0]["fees"], rows[0]["fees_nanos"], rows[1]["line_item"]) == ("2.000000004", "2000000004", "'=cmd()")
    assert written(write_csv, REQUEST, []).decode() == text.splitlines()[0] + "\n"
    assert list(rows[0]) == list(json.loads(written(write_json, REQUEST, LINES))["rows"][0])


def test_parquet_has_types() -> None:
    table = pq.read_table(io.BytesIO(written(write_parquet, REQUEST, LINES))).to_pylist()
    assert table[0]["spend"] == Decimal("1.234567891") and table[0]["line_item_id"] == 7 and table[0]["ctr"] == 2 / 3
    assert table[1]["ecpm"] is None and "spend_nanos" not in table[0]
    assert pq.read_table(io.BytesIO(written(write_parquet, REQUEST, []))).num_rows == 0


def test_the_table_is_aligned() -> None:
    lines = render_table(REQUEST, LINES).decode().splitlines()
    assert lines[0].split() == ["day", "line_item", "bids", "wins", "imps", "clicks", "conv", "billed",
                                "win%", "CTR%", "spend", "fees", "eCPM", "cur"]  # fmt: skip
    end = lines[0].index("spend") + len("spend")
    assert lines[2][:end].endswith("1.2346") and lines[3][:end].endswith("0.00")
    assert "1,200" in lines[2] and "25.0" in lines[2] and "66.67" in lines[2] and "411.523" in lines[2]
    assert lines[3].split()[8:10] == ["-", "-"]


def test_the_table_tells_of_playing_and_viewing_where_there_is_something_to_tell() -> None:
    played = {**SUMS, "starts": 8, "completes": 6, "measured": 4, "viewable": 3}
    lines = [Line({"day": "x"}, {}, "USD", played)]
    head, _, row = render_table(Request(("day",)), lines).decode().splitlines()
    shown = dict(zip(head.split(), row.split(), strict=True))
    assert [shown[name] for name in ("starts", "compl", "meas", "view")] == ["8", "6", "4", "3"]
    assert (shown["VCR%"], shown["view%"]) == ("75.0", "75.0")


def test_a_table_shows_growth_and_totals() -> None:
    request = Request(("day",), metrics=("clicks", "spend"), compare=True)
    now, before = {"clicks": 3, "spend": 5 * 10**9}, {"clicks": 2, "spend": 0}
    lines = [Line({"day": "x"}, {}, "USD", now, "", before), Line({"day": "total"}, {}, "USD", now, "", before, TOTAL)]
    head, rule, row, again, total = render_table(request, lines[:1], lines[1:]).decode().splitlines()
    assert rule == again and row.split()[1:] == total.split()[1:] == ["3", "+50.0", "5.00", "-", "USD"]
    assert head.split() == ["day", "clicks", "±%", "spend", "±%", "cur"]


def test_a_name_from_outside_cannot_control_the_terminal_and_wide_letters_keep_the_columns() -> None:
    lines = [Line({"site": name}, {"site": 1}, "USD", SUMS) for name in ("a\x1b[2J\nb", "金融")]
    head, _, first, second = render_table(Request(("site",)), lines).decode().splitlines()
    assert "\x1b" not in first and first.startswith("a\ufffd[2J\ufffdb")
    assert second.index("0") == first.index("0") - 2  # two letters of two columns each
    assert head.startswith("site")
