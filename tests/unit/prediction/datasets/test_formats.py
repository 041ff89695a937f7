"""Each format against a plain reading of a made file: the same rows, values and times, bit by bit."""

import csv
import json
import struct
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import pytest

from domain.errors import Refused
from prediction.datasets import mapping
from prediction.datasets.avazu import COLUMNS as AVAZU
from prediction.datasets.columns import Categories
from prediction.datasets.formats import dataset
from prediction.datasets.ipinyou import COLUMNS as IPINYOU
from prediction.datasets.ipinyou import TAGS
from prediction.feature_set import category
from prediction.rows import Rows, joined


def bits(number: float | None) -> int:
    """Of a float32, as the C library packs it."""
    return 0x7FC00000 if number is None else int.from_bytes(struct.pack("<f", number), "little")


def hashed(text: str) -> int:
    return category(text) if text else 0


def read(name: str, path: Path, told: mapping.Mapping | None = None) -> tuple[Rows, list[str], list[str]]:
    reading = dataset(name, path, told)
    rows = joined(list(reading))
    return rows, [feature.name for feature in reading.features.features], reading.bad.first


def test_criteo(tmp_path: Path) -> None:
    path, rng = tmp_path / "train.txt", Random(1)
    lines = []
    for _ in range(300):
        numbers = [rng.choice(["", str(rng.randrange(-2, 5000))]) for _ in range(13)]
        categories = [rng.choice(["", f"{rng.randrange(40):08x}"]) for _ in range(26)]
        lines.append([str(rng.randrange(2)), *numbers, *categories])
    bad = {10: "2", 20: "", 30: "0\t1"}  # a label that is none, none at all, a field too many
    text = ["\t".join([bad.get(n, line[0]), *line[1:]]) for n, line in enumerate(lines)]
    text[40] = text[40].replace("\t", "\t1e99\t", 1).rsplit("\t", 1)[0]  # no float32
    path.write_text("\n".join(text) + "\n")
    rows, names, first = read("criteo", path)
    assert names == [*(f"I{n}" for n in range(1, 14)), *(f"C{n}" for n in range(1, 27))]
    good = [line for n, line in enumerate(lines) if n not in (*bad, 40)]
    wanted = [[*(bits(float(x) if x else None) for x in line[1:14]), *(hashed(x) for x in line[14:])] for line in good]
    assert rows.values.tolist() == wanted and rows.label.tolist() == [float(line[0]) for line in good]
    assert not rows.timed
    assert {told.split(":")[0] for told in first} == {"line 11", "line 21", "line 31", "line 41"}


def test_avazu(tmp_path: Path) -> None:
    path, rng = tmp_path / "train.csv", Random(2)
    made = []
    for number in range(200):
        row = {name: f"{rng.randrange(9):x}" for name in AVAZU} | {"id": str(number), "click": str(rng.randrange(2))}
        row["hour"] = f"1410{rng.randrange(21, 31)}{rng.randrange(24):02}"
        row["site_id"] = rng.choice(["85f751fd", "1fbe01fe"])
        row["device_id"] = rng.choice(["a99f214a", "00d1"])
        made.append(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, AVAZU)
        writer.writeheader()
        writer.writerows(made)
    rows, names, first = read("avazu", path)
    assert first == [] and rows.label.tolist() == [float(row["click"]) for row in made]
    for row, values, time_ns in zip(made, rows.values.tolist(), rows.time_ns.tolist(), strict=True):
        told = dict(zip(names, values, strict=True))
        at = datetime.strptime(row["hour"], "%y%m%d%H").replace(tzinfo=UTC)
        assert time_ns == int(at.timestamp()) * 10**9
        assert told.pop("hour") == category(at.hour) and told.pop("weekday") == category(at.weekday())
        assert told.pop("place") == hashed(row["app_id"] if row["site_id"] == "85f751fd" else row["site_id"])
        person = row["device_id"] if row["device_id"] != "a99f214a" else f"{row['device_ip']} {row['device_model']}"
        assert told.pop("person") == hashed(person)
        assert told == {name: hashed(row[name]) for name in told} and {"C14", "C21", "device_ip"} <= set(told)


def test_ipinyou(tmp_path: Path) -> None:
    path, rng = tmp_path / "log.txt", Random(3)
    made = []
    for _ in range(60):
        row = {name: rng.choice(["a", "b", "null", ""]) for name in IPINYOU}
        tags = rng.sample(TAGS, rng.randrange(5))
        row |= {"click": str(rng.randrange(2)), "timestamp": "20131022135101295", "slotprice": rng.choice(["Na", "5"])}
        made.append(row | {"usertag": ",".join(tags) or "null"})
    header = ["\t".join(IPINYOU)] * rng.randrange(2)
    path.write_text("\n".join([*header, *("\t".join(row.values()) for row in made)]))
    rows, names, first = read("ipinyou", path)
    assert first == [] and set(rows.segment) == {"advertiser", "exchange"}
    for row, values in zip(made, rows.values.tolist(), strict=True):
        told = dict(zip(names, values, strict=True))
        had = [] if row["usertag"] == "null" else row["usertag"].split(",")
        assert {tag for tag in TAGS if told.pop(f"tag_{tag}")} == set(had) and told.pop("tags") == bits(len(had))
        assert told.pop("floor") == bits(None if row["slotprice"] == "Na" else 5.0)
        assert told.pop("size") == hashed(f"{row['slotwidth']}x{row['slotheight']}")
        assert told == {name: 0 if row[name] in ("", "null") else hashed(row[name]) for name in told}
    assert set((rows.time_ns // 10**9).tolist()) == {int(datetime(2013, 10, 22, 13, 51, 1, tzinfo=UTC).timestamp())}


MAPPING = {
    "label": "clicked",
    "positive": ["yes"],
    "negative": ["no"],
    "features": [
        {"name": "bid", "kind": "number", "part": "request"},
        {"name": "site", "kind": "category", "part": "request", "protected": True},
        {"name": "creative", "kind": "category", "part": "candidate"},
    ],
    "crosses": [["site", "creative"]],
    "time": "at",
    "time_format": "%d.%m.%Y %H:%M",
    "weight": "of",
    "segments": {"exchange": "seller"},
    "missing": ["-"],
    "delimiter": ";",
}


def test_csv_as_a_mapping_says(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps(MAPPING))
    told = mapping.read(tmp_path / "map.json")
    path = tmp_path / "rows.csv"
    path.write_text(
        "seller;at;site;creative;clicked;of;bid;ignored\n"
        'x;22.10.2013 13:51;"a;b";1;yes;2.5;-;\n'
        "y;22.10.2013 13:52;-;2;no;1;0.1;\n"
        "y;2013-10-22;-;2;no;1;0.1;\n"
        "y;22.10.2013 13:52;-;2;maybe;1;0.1;\n"
        "y;22.10.2013 13:52;-;2;no;0;0.1;\n"
        "y;22.10.2013 13:52;-;2;no;1;dear;\n"
    )
    rows, names, first = read("csv", path, told)
    assert names == ["bid", "site", "creative"]
    assert rows.values.tolist() == [[bits(None), hashed("a;b"), hashed("1")], [bits(0.1), 0, hashed("2")]]
    assert rows.label.tolist() == [1.0, 0.0] and rows.weight.tolist() == [2.5, 1.0]
    assert rows.time_ns.tolist() == [1382449860 * 10**9, 1382449920 * 10**9]
    assert rows.segment["exchange"].tolist() == [hashed("x"), hashed("y")]
    assert [reason.split(": ")[1].split(":")[0] for reason in first] == ["at", "clicked", "of", "bid"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": 3}, r"label"),
        ({"labels": "x"}, "labels"),
        ({"time_format": "day"}, "time_format 'day'"),
        ({"delimiter": ";;"}, "delimiter ';;'"),
        ({"crosses": [["site", "none"]]}, "'none'"),
        ({"label": "site"}, "label 'site'"),
        ({"negative": ["yes"]}, "label 'yes'"),
        ({"columns": ["site"]}, "columns does not have"),
        ({"features": []}, "0 features"),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(json.dumps({**MAPPING, **changed}))
    with pytest.raises(Refused, match=said):
        mapping.read(path)


def test_a_column_of_very_many_texts_begins_its_memory_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prediction.datasets.columns.CACHED", 10)
    column = Categories(("", "-"))
    for start in range(0, 60, 4):
        texts = [str(n) for n in range(start, start + 7)] + ["-", ""]
        assert column(texts).tolist() == [*(category(text) for text in texts[:-2]), 0, 0]


def test_a_text_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    for content in (b"a: [", b"3", b"\xff\xfe\x00"):
        (tmp_path / "map.yaml").write_bytes(content)
        with pytest.raises(Refused, match="mapping"):
            mapping.read(tmp_path / "map.yaml")
    assert np.array_equal(mapping.from_options("y", ["n"], ["c"]).feature_set().kinds(), [True, False])
