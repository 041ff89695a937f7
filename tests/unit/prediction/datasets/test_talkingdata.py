"""TalkingData's running counts against a recount by hand, and that no row knows of a later one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

from domain.errors import Refused
from prediction.datasets.talkingdata import GROUPS, Talkingdata
from prediction.feature_set import category
from prediction.rows import joined

HEADER = "ip,app,device,os,channel,click_time,attributed_time,is_attributed\n"
START = datetime(2017, 11, 6, 16, tzinfo=UTC)


def made(count: int) -> list[dict[str, str]]:
    rng, at, rows = Random(5), START, []
    for _ in range(count):
        at += timedelta(minutes=rng.choice([0, 0, 1, 90]))
        row = {name: str(rng.randrange(3)) for name in ("ip", "app", "device", "os", "channel")}
        told = at.strftime("%Y-%m-%d %H:%M") + rng.choice(["", ":00"])
        rows.append(row | {"time": told, "installed": str(int(rng.random() < 0.1)), "at": at.isoformat()})
    return rows


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    columns = ("ip", "app", "device", "os", "channel", "time", "", "installed")
    path.write_text(HEADER + "".join(",".join(row.get(name, "") for name in columns) + "\n" for row in rows))
    return path


def test_counts_and_gaps_are_those_of_the_clicks_before(tmp_path: Path) -> None:
    rows = made(300)
    spoilt = [*rows[:100], rows[50] | {"installed": "?"}, rows[51] | {"time": "noon"}, *rows[100:]]
    reading = Talkingdata(written(tmp_path / "clicks.csv", spoilt))
    found = joined(list(reading))
    assert [told.split(":")[0] for told in reading.bad.first] == ["line 102", "line 103"]
    names = [feature.name for feature in reading.features.features]
    times = [datetime.fromisoformat(row["at"]) for row in rows]
    for at, (row, values) in enumerate(zip(rows, found.values, strict=True)):
        told = dict(zip(names, values, strict=True))
        assert [told[name] for name in ("app", "device", "os", "channel")] == [
            category(row[name]) for name in ("app", "device", "os", "channel")
        ]
        assert told["hour"] == category(times[at].hour)
        for group, of in GROUPS.items():
            before = [t for t, other in zip(times[:at], rows[:at], strict=True) if all(other[n] == row[n] for n in of)]
            count = sum(0.5 ** ((times[at] - one) / timedelta(days=1)) for one in before)
            assert told[f"{group}_count"].view(np.float32) == pytest.approx(count, rel=1e-6)
            gap = told[f"{group}_gap"].view(np.float32)
            assert (np.isnan(gap) and not before) or gap == (times[at] - before[-1]).total_seconds()


def test_later_files_go_on_from_the_history(tmp_path: Path) -> None:
    rows = made(200)
    whole = joined(list(Talkingdata(written(tmp_path / "whole.csv", rows))))
    first = Talkingdata(written(tmp_path / "first.csv", rows[:120]))
    second = Talkingdata(written(tmp_path / "second.csv", rows[120:]))
    begun = joined(list(first))
    second.resume(first.history())
    assert (np.concatenate([begun.values, joined(list(second)).values]) == whole.values).all()
    assert (joined(list(Talkingdata(tmp_path / "second.csv"))).values != whole.values[120:]).any()
    history = first.history()
    history["ip.count"] = history["ip.count"][1:]
    with pytest.raises(Refused, match=r"history\.ip"):
        second.resume(history)
