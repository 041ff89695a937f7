"""Counters against a plain count over all events, their memory, and what is left after a kill."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import Refused, Unavailable
from risk import last_seen
from risk.counters import DEVICE_KINDS, EVENTS, PHONE_KINDS, Counters, Event
from risk.inputs import FACTS, Inputs
from risk.last_seen import LastSeen
from risk.slots import WAYS, Slots
from risk.window_counts import Window, WindowCounts

START = 1_700_000_000
HOUR, DAY = 3_600, 86_400
FAST = ("click", "install", "application")
INTENT = ("loan_search", "loan_view", "loan_calculation", "started")


def traffic(seed: int, count: int) -> list[Event]:
    """Bursts and gaps, shared addresses, people with several ids, and events that come late."""
    rng = random.Random(seed)
    people = [[("ifa", rng.getrandbits(64) | 1), ("phone_sha256", rng.getrandbits(64) | 1)] for _ in range(12)]
    ips = [rng.getrandbits(64) | 1 for _ in range(4)]
    lenders = [rng.getrandbits(64) | 1 for _ in range(45)]
    now, made = START, []
    for _ in range(count):
        now += rng.choice((0, 1, 40, 400, 4_000, 40_000))
        person = rng.choice(people[: rng.choice((2, 12))])
        ids = tuple(rng.sample(person, rng.choice((1, 2))))
        late = rng.choice((0, 0, 0, 700, 20_000))
        ip = rng.choice((0, *ips))
        made.append(Event(rng.choice((*EVENTS, "click", "click")), now - late, ids, ip, rng.choice((0, *lenders))))
    return made


def count(events: list[Event], key: int, name: str, now: int, bucket_s: int, buckets: int) -> int:
    end = now // bucket_s
    at = [one.at_s // bucket_s for one in events if one.name == name and (key in _keys(one))]
    return sum(end - buckets < bucket <= end for bucket in at)


def _keys(event: Event) -> set[int]:
    return {event.ip, *(key for _, key in event.ids)} - {0}


def different(events: list[Event], key: int, other: str, now: int, window: int) -> int:
    last: dict[int, int] = {}
    for one in events:
        devices = [each for kind, each in one.ids if kind in DEVICE_KINDS]
        if other == "lender":
            met = [one.institution] if key in _keys(one) and one.name == "application" and one.institution else []
        elif other == "device":
            met = devices if one.ip == key else []
        else:
            met = [one.ip] if key in devices and one.ip else []
        for each in met:
            last[each] = max(last.get(each, 0), one.at_s)
    recent = sorted(last.values())[-32:]
    return sum(now - at < window for at in recent)


def twin(events: list[Event], ids: list[tuple[str, int]], ip: int, now: int) -> dict[str, float]:
    """What `Counters.facts` tells, from all events at once."""
    told: dict[str, float] = {}
    devices = [key for kind, key in ids if kind in DEVICE_KINDS]
    for what, keys in (("ip", [ip] if ip else []), ("device", devices)):
        if not keys:
            continue
        told[f"{what}_clicks_1h"] = max(count(events, key, "click", now, 300, 12) for key in keys)
        for name in ("click", "install", "application"):
            told[f"{what}_{name}s_24h"] = max(count(events, key, name, now, HOUR, 24) for key in keys)
        idle = []
        for key in keys:
            names = [one.name for one in events if key in _keys(one) and one.name in ("click", "install")]
            since = names[::-1].index("install") if "install" in names else len(names)
            idle.append(since)
        told[f"{what}_idle_clicks"] = max(idle)
        clicks = [one.at_s for one in events if one.name == "click" and _keys(one) & set(keys)]
        if clicks:
            told[f"{what}_click_gap_s"] = now - max(clicks)
        other = "device" if what == "ip" else "ip"
        told[f"{what}_{other}s_24h"] = max(different(events, key, other, now, DAY) for key in keys)
        seen = [
            one.at_s for one in events if _keys(one) & set(keys) and one.name in ("click", "install", "application")
        ]
        if seen and what == "device":
            told["device_age_h"] = (now - min(seen)) / HOUR
    if phones := [key for kind, key in ids if kind in PHONE_KINDS]:
        told["phone_applications_24h"] = max(count(events, key, "application", now, HOUR, 24) for key in phones)
    own = [key for _, key in ids]
    for fact, name, days in (
        ("applications_7d", "application", 7), ("applications_30d", "application", 30),
        ("rejections_30d", "rejection", 30), ("loan_searches_7d", "loan_search", 7), ("loan_views_7d", "loan_view", 7),
        ("loan_calculations_30d", "loan_calculation", 30), ("started_30d", "started", 30),
    ):  # fmt: skip
        told[fact] = max(count(events, key, name, now, DAY, days) for key in own)
    for fact, days in (("lenders_24h", 1), ("lenders_7d", 7), ("lenders_30d", 30), ("lenders_90d", 90)):
        told[fact] = max(different(events, key, "lender", now, days * DAY) for key in own)
    for fact, names in (("application_gap_h", ("application",)), ("intent_gap_h", INTENT)):
        if at := [one.at_s for one in events if one.name in names and _keys(one) & set(own)]:
            told[fact] = (now - max(at)) / HOUR
    return told


@pytest.mark.parametrize("seed", range(3))
def test_facts_are_those_of_a_plain_count(seed: int) -> None:
    events = traffic(seed, 500)
    counters, now = Counters(slots=1 << 10), 0
    asked = random.Random(seed + 100)
    for number, event in enumerate(events, 1):
        counters.observe(event)
        now = max(now, event.at_s)
        if number % 25 == 0:
            someone, later = asked.choice(events[:number]), now + asked.choice((0, 5, 2_000, 50_000, 3_000_000))
            ids, ip = list(someone.ids), someone.ip
            found = counters.facts(ids, ip, later)
            expected = twin(events[:number], ids, ip, later)
            assert found == pytest.approx(expected), number
            Inputs(**found)
    assert set(twin(events, [*events[0].ids, ("ifa", 1)], 1, now)) <= set(FACTS)


def test_an_age_is_since_the_first_event_that_came() -> None:
    counters = Counters(slots=64)
    for at in (START, START - 50, START + DAY):
        counters.observe(Event("click", at, (("ifa", 9),)))
    assert counters.facts([("ifa", 9)], 0, START + DAY)["device_age_h"] == (DAY + 50) / HOUR


def test_nobody_known_has_counts_of_nothing_and_no_gaps() -> None:
    found = Counters(slots=64).facts([("ifa", 5), ("phone_sha256", 6)], 7, START)
    assert set(found.values()) == {0}
    assert not {"ip_click_gap_s", "device_click_gap_s", "device_age_h", "application_gap_h", "intent_gap_h"} & set(
        found
    )


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (Event("theft", START, (("ifa", 1),)), "event"),  # type: ignore[arg-type]
        (Event("click", 0, (("ifa", 1),)), "at"),
        (Event("click", START + 301, (("ifa", 1),)), "at"),
        (Event("click", START), "subject"),
        (Event("click", START, (("ifa", 0),)), "subject"),
    ],
)
def test_a_bad_event_is_named_and_not_counted(event: Event, field: str) -> None:
    counters = Counters(slots=64)
    with pytest.raises(Refused) as refused:
        counters.observe(event, START)
    assert [problem.path for problem in refused.value.problems] == [field]
    assert not counters.facts([("ifa", 1)], 0, START)["device_clicks_24h"]


def test_a_window_asked_for_in_the_past_tells_what_was_there_then() -> None:
    counts = WindowCounts(None, {"click": (Window(60, 10),)}, 64)
    for at in (600, 630, 660, 900, 900):
        counts.observe(1, "click", at)
    record = counts.find(1)
    assert [counts.counted(record, "click", now)[0] for now in (600, 660, 900, 1_199, 1_260, 1_500)] == [
        2, 3, 5, 5, 2, 0,
    ]  # fmt: skip


def test_who_was_seen_with_a_key_counts_until_the_window_has_passed() -> None:
    seen = LastSeen(None, 64)
    seen.observe(1, 5, 100)
    seen.observe(1, 5, 40)  # late: it was seen since
    assert [seen.different(1, (60,), now)[0] for now in (99, 100, 159, 160)] == [0, 1, 1, 0]
    for other in range(10, 50):
        seen.observe(1, other, 200 + other)
    assert seen.different(1, (60, 1_000), 250) == (32, 32)
    seen.observe(1, 7, 150)  # so late that 32 others were seen since
    assert seen.different(1, (10, 1_000), 250) == (9, 32)


def test_counts_stop_at_the_most_that_a_bucket_holds() -> None:
    counts = WindowCounts(None, {"click": (Window(60, 10),)}, 64)
    for _ in range(65_540):
        counts.observe(1, "click", 600)
    assert counts.counted(counts.find(1), "click", 600) == (65_535,)


def test_where_there_is_no_room_what_was_not_seen_for_longest_goes() -> None:
    slots = Slots(None, 8, 64)
    for number in range(1, 2_001):
        slots.claim(number, number)
    kept = set(slots.keys().tolist())
    assert len(kept) == 64
    assert min(kept) > 2_000 - 64 * 6  # eight buckets of the eight newest keys each, spread by a hash
    assert all(slots.find(number) < 0 for number in range(1, 500))


def test_what_was_counted_outlives_a_kill(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from risk.counters import Counters, Event
counters = Counters.open(Path({str(tmp_path)!r}), 1024)
for number in range(50):
    counters.observe(Event("click", {START} + number, (("ifa", 77),), 88))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False)
    assert done.returncode == -signal.SIGKILL
    reader = Counters.open(tmp_path, readonly=True)
    counters = Counters.open(tmp_path, 4_096)  # laid out anew: it has more room
    for opened in (reader, counters):
        found = opened.facts([("ifa", 77)], 88, START + 60)
        assert (found["device_clicks_1h"], found["ip_clicks_24h"], found["ip_devices_24h"]) == (50, 50, 1)
    assert not Counters.open(tmp_path / "none", readonly=True).facts([("ifa", 77)], 88, START)["device_clicks_24h"]
    with pytest.raises(Unavailable, match="has a writer already"):
        Counters.open(tmp_path, 4_096)
    counters.close()
    (tmp_path / "person.slots").write_bytes(b"something else")
    with pytest.raises(Unavailable, match=r"person\.slots is no table"):
        Counters.open(tmp_path)
    with pytest.raises(Refused, match="slots: 1 is not allowed"):
        Slots(None, 8, 1)


def test_of_a_forgotten_person_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Counters.open(tmp_path, 1_024)
    person, other, ip, lender = 0x1122334455667788, 0x99AABBCCDDEEFF01, 0x0102030405060709, 0xABCDEF
    for name in EVENTS:
        counters.observe(Event(name, START, (("ifa", person), ("phone_sha256", other)), ip, lender))
    counters.observe(Event("click", START, (("ifa", other),), ip))
    monkeypatch.setattr(last_seen, "AT_ONCE", 8)
    assert sum(1 for _ in counters.forgetting([person])) == 512 // WAYS // 8, "a part of the table at a time"
    counters.close()
    for path in tmp_path.glob("*.slots"):
        assert person.to_bytes(8, "little") not in path.read_bytes()
    again = Counters.open(tmp_path, 1_024)
    assert set(again.facts([("ifa", person)], 0, START).values()) == {0}
    assert again.facts([("ifa", other)], ip, START)["ip_devices_24h"] == 1
    assert again.facts([("phone_sha256", other)], 0, START)["lenders_7d"] == 1
    again.close()
