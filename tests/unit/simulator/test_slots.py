"""Recorded supply is read, and what is wrong with it is said with line and field."""

from pathlib import Path

import pytest

from domain.errors import Refused
from simulator.slots import read_slots

HEADER = "datetime,campaign,weekday,tod,total_bids_cur,cur_avg_bid_price\n"


def written(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "slots.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def test_days_of_one_campaign_are_read_in_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "2020-03-02 00:10:00,7,1.0,0.0,40,50.5",
        "2020-03-01 23:55:00,7,0.0,23.0,10,80",
        "2020-03-02 00:05:00,8,1.0,0.0,99,1",
        "2020-03-02 00:00:00,7,1.0,0.0,20,0.0",
    )
    first, second = read_slots(path, "7")
    assert (first.name, first.impressions, first.value) == ("2020-03-01", 10, 10 * 800_000)
    assert (second.name, [slot.impressions for slot in second.slots]) == ("2020-03-02", [20, 40])
    assert second.end_s - second.start_s == 900
    assert second.start_s == second.midnight_s == first.end_s


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2020-03-02,7,1,0,40,50", None),
        ("yesterday,7,1,0,40,50", "line 3, datetime: 'yesterday'"),
        ("2020-03-02 00:01:00,7,1,0,40,50", "line 3, datetime: '2020-03-02 00:01:00'"),
        ("2020-03-01 00:00:00,7,1,0,40,50", "line 3, datetime: '2020-03-01 00:00:00' is not allowed; it came before"),
        ("2020-03-02 00:05:00,7,1,0,-4,50", "line 3, total_bids_cur: '-4'"),
        ("2020-03-02 00:05:00,7,1,0,4.5,50", "line 3, total_bids_cur: '4.5'"),
        ("2020-03-02 00:05:00,7,1,0,4,nan", "line 3, cur_avg_bid_price: 'nan'"),
        ("2020-03-02 00:05:00,7,1,0,4,-1", "line 3, cur_avg_bid_price: '-1'"),
        ("2020-03-02 00:05:00,7,1,0,4", "line 3, cur_avg_bid_price: None"),
        ("nonsense,of,another,campaign,,", None),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, said: str | None) -> None:
    path = written(tmp_path, "2020-03-01 00:00:00,7,0,0,1,1", row)
    if said is None:
        assert read_slots(path, "7")
    else:
        with pytest.raises(Refused) as refusal:
            read_slots(path, "7")
        assert said in str(refusal.value)


def test_a_campaign_that_is_not_there_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="campaign: '9'"):
        read_slots(written(tmp_path, "2020-03-01 00:00:00,7,0,0,1,1"), "9")
    with pytest.raises(Refused, match="No such file"):
        read_slots(tmp_path / "none.csv", "7")
