"""Rings among clicks: what plain counting finds, and what installs are said to tell of them."""

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from domain.errors import Refused
from risk.click_log import Clicks, read_clicks
from risk.click_rings import LEAST_CLICKS, SORTS, rings_of
from risk.ring_evidence import ratio, weigh, weigh_later
from risk.ring_report import conclusion

HEADER = "ip,app,device,os,channel,click_time,attributed_time,is_attributed"


def world(path: Path, seed: int, rings: int, install_of_rings: float) -> Path:
    """People click once or twice, at addresses of their own and behind a gateway that all share. Behind each address of
    a ring some devices click for one app over and over.
    """
    rng = random.Random(seed)
    rows = []

    def click(ip: int, device: int, os: int, app: int, rate: float) -> None:
        at = rng.randrange(48 * 60)
        day, minute = divmod(at, 24 * 60)
        bought = rng.random() < rate
        time = f"2017-11-0{7 + day} {minute // 60}:{minute % 60:02d}"
        rows.append((at, f"{ip},{app},{device},{os},1,{time},{time if bought else ''},{int(bought)}"))

    for person in range(1_500):
        device, os = rng.choice((1, 1, 1, 2)), int(30 * rng.random() ** 2)
        for _ in range(rng.choice((1, 1, 2))):
            click(person if rng.random() < 0.8 else 99_999, device, os, rng.randrange(20), 0.2)
    for ring in range(rings):
        app = rng.randrange(20)
        for _ in range(rng.randint(6, 12)):
            click(50_000 + ring, 1, 3 + ring % 3, app, install_of_rings)
    rows.sort()
    path.write_text("\n".join([HEADER, *(line for _, line in rows)]))
    return path


def clicks_of(path: Path) -> Clicks:
    return read_clicks([path])[0]


def plain(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text().split("\n")
    return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]


def surprise(rows: list[dict[str, str]], group: list[dict[str, str]], columns: tuple[str, ...]) -> float:
    def of(row: dict[str, str]) -> tuple[str, ...]:
        return tuple(row[column] for column in columns)

    everywhere, here = Counter(map(of, rows)), Counter(map(of, group))
    outside = len(rows) - len(group) + 1
    return sum(-(n - 1) * math.log2((everywhere[what] - n + 1) / outside) for what, n in here.items())


def test_bits_are_what_plain_counting_gives(tmp_path: Path) -> None:
    path = world(tmp_path / "clicks.csv", 1, 10, 0.0)
    rows = plain(path)
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row["ip"], []).append(row)
    wanted = {
        f"ip {ip}": surprise(rows, group, ("device", "os", "app"))
        for ip, group in groups.items()
        if len(group) >= LEAST_CLICKS
    }
    found = rings_of(clicks_of(path), "address")
    assert {ring.name: ring.bits for ring in found} == pytest.approx(wanted)
    assert [ring.bits for ring in found] == pytest.approx(sorted(wanted.values(), reverse=True))
    first = found[0]
    group = groups[first.name[3:]]
    assert first.devices == len({(row["device"], row["os"]) for row in group})
    assert first.most_an_hour == max(Counter(row["click_time"].split(":")[0] for row in group).values())


def test_bits_of_a_device_are_its_divergence_by_app(tmp_path: Path) -> None:
    path = world(tmp_path / "clicks.csv", 2, 10, 0.0)
    rows = plain(path)
    apps = Counter(row["app"] for row in rows)
    for ring in rings_of(clicks_of(path), "device"):
        group = [row for row in rows if f"device {row['device']}, os {row['os']}" == ring.name]
        here, outside = Counter(row["app"] for row in group), len(rows) - len(group) + len(apps)
        told = sum(n * math.log2(n / len(group) * outside / (apps[app] - n + 1)) for app, n in here.items())
        assert ring.bits == pytest.approx(max(0.0, told - (len(here) - 1) / (2 * math.log(2))))
        assert (ring.clicks, ring.addresses) == (len(group), len({row["ip"] for row in group}))


def test_planted_rings_come_first_and_are_told_to_install_less(tmp_path: Path) -> None:
    clicks = clicks_of(world(tmp_path / "clicks.csv", 3, 40, 0.0))
    rings = rings_of(clicks, "address")
    planted = [ring.name.startswith("ip 50") and len(ring.name) == 8 for ring in rings[:41]]
    assert sum(planted) == 40  # and the gateway, which has hundreds of clicks
    evidence = weigh(clicks, rings)
    assert evidence.area_low > 0.5
    assert evidence.depths[-1].by_app.high < 1
    assert "install less" in conclusion(evidence)
    early, late = clicks.part(slice(0, len(clicks) // 2)), clicks.part(slice(len(clicks) // 2, None))
    assert weigh_later(late, rings_of(early, "address")).depths[-1].by_app.high < 1


def test_rings_that_install_like_all_others_are_not_told_to_be_fraud(tmp_path: Path) -> None:
    clicks = clicks_of(world(tmp_path / "clicks.csv", 4, 40, 0.2))
    for sort in SORTS:
        evidence = weigh(clicks, rings_of(clicks, sort))
        assert evidence.depths[-1].by_app.low < 1 < evidence.depths[-1].by_app.high
        assert "cannot be told" in conclusion(evidence)


def test_the_evidence_counts_as_plain_python_does(tmp_path: Path) -> None:
    clicks = clicks_of(world(tmp_path / "clicks.csv", 5, 5, 0.1))
    rings = rings_of(clicks, "address")
    evidence = weigh(clicks, rings)
    bits = {row: ring.bits for ring in rings for row in ring.rows.tolist()}
    yes = [bits.get(row, 0.0) for row in np.flatnonzero(clicks.installed).tolist()]
    no = [bits.get(row, 0.0) for row in np.flatnonzero(~clicks.installed).tolist()]
    area = sum((a < b) + (a == b) / 2 for a in yes for b in no) / (len(yes) * len(no))
    assert evidence.area == pytest.approx(area)
    assert evidence.area_low < area < evidence.area_high
    whole = evidence.depths[-1]
    apps, came = clicks.app.tolist(), clicks.installed.tolist()
    number, bought = Counter(apps), Counter(app for app, got in zip(apps, came, strict=True) if got)
    assert whole.by_app.expected == pytest.approx(sum(bought[apps[row]] / number[apps[row]] for row in bits))
    assert whole.by_all.installs == sum(came[row] for row in bits)
    assert whole.by_app.expected + evidence.rest_by_app.expected == pytest.approx(sum(came))


@pytest.mark.parametrize(("installs", "low", "high"), [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904)])
def test_intervals_of_counts_are_the_published_ones(installs: int, low: float, high: float) -> None:
    """Exact 95 % limits of a Poisson mean, as tables have them (for instance Ulm 1990)."""
    found = ratio(installs, 1.0)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_command_tells_text_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = world(tmp_path / "clicks.csv", 6, 10, 0.0)
    with path.open("a") as file:
        file.write("\n1,2,3,4,5,yesterday,,0\n")
    assert main(["risk", "rings", str(path), "--html", str(tmp_path / "rings.html")]) == 0
    told = capsys.readouterr()
    assert "1 lines left out" in told.err
    assert "ip 50000" in told.out
    assert "<table>" in (tmp_path / "rings.html").read_text()
    assert main(["risk", "rings", str(path), "--learn", "1"]) == 2
    assert "--learn" in capsys.readouterr().err
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(Refused, match="click_time"):
        read_clicks([tmp_path / "other.csv"])
