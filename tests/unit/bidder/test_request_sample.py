"""The requests that are kept for forecasts: whose, how many, for how long, and that they are forgotten."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from bidder import request_sample_files as sample_files
from bidder.request_sample import MOST_PENDING, RequestSample, hash_of
from bidder.request_sample_files import HOUR_NS, Kept, SampleFiles
from bidder.request_sample_forgetting import forget, named_persons
from domain.clock import ManualClock
from domain.naming import person_key
from openrtb.decode import decode
from openrtb.person_ids import named_by
from openrtb.request import Request
from tests.auction_table import NOW_NS, Table


def body(person: str = "", number: int = 0, **device: object) -> dict[str, object]:
    return {
        "id": f"a{number}",
        "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
        "site": {"domain": "news.example"},
        "device": {"ip": "203.0.113.77", "geo": {"country": "USA"}, **device},
        "user": {"id": "x", **({"buyeruid": person} if person else {})},
    }


@pytest.fixture
def table() -> Table:
    made = Table()
    made.auction.sample = RequestSample()
    return made


def files_of(table: Table, folder: Path, an_hour: int = 100, slot: int = 0) -> SampleFiles:
    return SampleFiles(folder, slot, table.auction.sample, table.clock, an_hour * sample_files.HOURS)


def test_what_is_kept(table: Table, tmp_path: Path) -> None:
    """What was asked for, bid or no bid; nothing of tests, of what nobody may answer, and of what cannot be read."""
    files = files_of(table, tmp_path)
    table.decide(body("ann"))
    table.decide(body("ann", site=None) | {"site": {"domain": "a.example", "cat": ["IAB9"]}})
    table.decide(body("ann") | {"test": 1})
    table.decide(body("ann") | {"regs": {"coppa": 1}})
    table.decide(body("ann") | {"imp": [{"id": "1", "banner": {"w": 300, "h": 250}, "bidfloor": -1}]})
    table.decide(body("bob", lmt=1))
    files.write()
    (stratum,) = sample_files.read(tmp_path, NOW_NS)
    assert (stratum.seen, stratum.level, len(stratum.kept)) == (3, 0, 3)
    ann, _, bob = stratum.kept
    assert ann.person == person_key("buyeruid", "ann", "usx")
    assert json.loads(ann.body) == body("ann")
    assert (bob.person, bob.personal) == (0, False)
    left = json.loads(bob.body)
    assert "user" not in left
    assert left["device"] == {"ip": "203.0.113.0", "geo": {"country": "USA"}, "lmt": 1}


def test_of_a_chosen_person_everything_is_kept(table: Table, tmp_path: Path) -> None:
    """However often the share is lowered; and there is never more than there is room for."""
    files = files_of(table, tmp_path, 60)
    for number in range(2_000):
        table.decide(body(f"p{number % 250}", number))
        if not number % 97:
            files.write()
    files.write()
    (stratum,) = sample_files.read(tmp_path, NOW_NS)
    keys = {person_key("buyeruid", f"p{n}", "usx") for n in range(250)}
    chosen = {key for key in keys if hash_of(key) <= sample_files.FULL >> stratum.level}
    assert stratum.seen == 2_000
    assert len(chosen) >= 2
    assert 8 * len(chosen) == len(stratum.kept) <= 60
    assert {kept.person for kept in stratum.kept} == chosen


def test_what_waits_for_the_writer_has_an_end(table: Table) -> None:
    sample = table.auction.sample
    for number in range(3 * MOST_PENDING):
        table.decide(body(f"p{number}", number))
    assert sample.level >= 1
    taken, seen = sample.take()
    assert seen == 3 * MOST_PENDING
    assert MOST_PENDING / 4 < len(taken) <= MOST_PENDING
    assert all(each[0] <= sample.limit for each in taken)


def test_hours_and_the_end_of_a_day(table: Table, tmp_path: Path) -> None:
    """An hour begins with the last one's share, or a larger one where there is room; after a day it is gone."""
    files = files_of(table, tmp_path, 20)
    for number in range(100):
        table.decide(body(f"p{number}", number))
    files.write()
    busy = table.auction.sample.level
    assert busy >= 2
    after = Table()  # another process in the same place
    after.auction.sample = RequestSample()
    after.clock.advance(3_600)
    files_of(after, tmp_path, 20).write()
    assert after.auction.sample.level == busy
    for hour in range(1, 25):
        table.clock.advance(3_600)
        table.decide(body(f"q{hour}", hour))
        files.write()
    assert table.auction.sample.level == 0
    now_ns = table.clock.now_ns()
    strata = sample_files.read(tmp_path, now_ns)
    assert len(strata) == len(sample_files.files(tmp_path)) == 23  # the current hour's begins with its first request
    assert all(now_ns - kept.time_ns < 24 * HOUR_NS for stratum in strata for kept in stratum.kept)
    table.clock.advance(30 * 3_600)
    sample_files.expire(tmp_path, table.clock.now_ns())
    assert not sample_files.files(tmp_path)


def test_nobody_else_can_read_it(table: Table, tmp_path: Path) -> None:
    files = files_of(table, tmp_path / "requests")
    table.decide(body("ann"))
    files.write()
    (path,) = sample_files.files(tmp_path / "requests")
    assert [stat.S_IMODE(of.stat().st_mode) for of in (path, path.parent, tmp_path / "requests")] == [
        0o600,
        0o700,
        0o700,
    ]


def test_a_killed_writer_costs_its_last_second(table: Table, tmp_path: Path) -> None:
    files = files_of(table, tmp_path)
    for number in range(3):
        table.decide(body(f"p{number}", number))
        files.write()
    (path,) = sample_files.files(tmp_path)
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        found = sample_files.read(tmp_path, NOW_NS)
        assert sum(len(stratum.kept) for stratum in found) <= sum(stratum.seen for stratum in found) + 1
    path.write_bytes(whole)
    assert len(sample_files.read(tmp_path, NOW_NS)[0].kept) == 3
    again = files_of(table, tmp_path)  # a process that is started anew writes a file of its own
    table.decide(body("p4", 4))
    again.write()
    assert [stratum.seen for stratum in sample_files.read(tmp_path, NOW_NS)] == [3, 1]


def test_forgetting(table: Table, tmp_path: Path) -> None:
    """By the person's key, or by an id that the request names beside the one it was kept under; of all workers, also
    what lies in their memory."""
    first, second = files_of(table, tmp_path, slot=0), files_of(table, tmp_path, slot=1)
    for writer, persons in ((first, ("ann", "bob", "ann")), (second, ("ann", "cher"))):
        for number, person in enumerate(persons):
            table.decide(body(person, number))
        table.decide(body("dee", 9, ifa="6d92078a-8246-4ba4-ae5b-76104861e7dc"))
        writer.write()
    eids = [{"source": "uidapi.com", "uids": [{"id": "fay"}]}, {"source": 5, "uids": [7]}, "none"]
    table.decide(body("gil", 6) | {"user": {"buyeruid": "gil", "eids": eids, "ext": {"eids": [{}]}}})
    first.write()
    table.decide(body("ann", 7))
    later = threading.Timer(0.2, second.write)
    later.start()
    keys = [person_key("buyeruid", name, "usx") for name in ("ann", "dee")] + [person_key("eid", "fay", "uidapi.com")]
    assert forget(tmp_path, keys, named_persons({1: "usx"}), again_s=0.6) == 7
    later.join()
    strata = sample_files.read(tmp_path, NOW_NS)
    left = [kept.person for stratum in strata for kept in stratum.kept]
    assert left == [person_key("buyeruid", name, "usx") for name in ("bob", "cher")]
    assert [stratum.seen for stratum in strata] == [5, 4]
    table.decide(body("eve", 8))  # the writer goes on in the file that took the other's place
    first.write()
    assert len(sample_files.read(tmp_path, NOW_NS)[0].kept) == 2


EIDS = b'[{"source":"s.example","uids":[{"id":"E"}]}]'
USER = b'{"id":"u","buyeruid":"b","eids":%s}' % EIDS
PLAIN = (
    b'{"id":"1","imp":[{"id":"1","banner":{"w":300,"h":250}}],"site":{"domain":"a.example"},'
    b'"device":{"ifa":"A"},"user":%s}' % USER
)
SLOPPY = {
    "a byte that is no UTF-8": (b'"a.example"', b'"a\xe9.example"'),
    "NaN": (b'"site":{', b'"site":{"x":NaN,'),
    "a byte order mark": (b'{"id":"1","imp"', b'\xef\xbb\xbf{"id":"1","imp"'),
    "eids in no list": (EIDS, EIDS[1:-1]),
    "uids in no list": (b'[{"id":"E"}]', b'{"id":"E"}'),
    "an id in a list": (b'"id":"u"', b'"id":["u"]'),
    "a number": (b'"id":"u"', b'"id":7.0'),
    "a truth": (b'"buyeruid":"b"', b'"buyeruid":true'),
    "half a surrogate": (b'"id":"u"', b'"id":"\\ud800"'),
    "a device in a list": (b'{"ifa":"A"}', b'[{"ifa":"A"}]'),
    "a user in a list": (USER, b"[%s]" % USER),
    "eids before 2.6": (b'"eids":%s' % EIDS, b'"ext":{"eids":%s}' % EIDS[1:-1]),
}


@pytest.mark.parametrize("form", ["", *SLOPPY])
def test_forgetting_reads_ids_as_bidders_do(form: str) -> None:
    """However sloppily a request is written: whoever it can be kept under is found in it."""
    written, sloppy = SLOPPY.get(form, (b"", b""))
    assert written in PLAIN
    body, request = PLAIN.replace(written, sloppy), Request()
    assert not decode(request, body, Table().view.sellers["usx"].exchange, NOW_NS)
    known = {key for _, key in named_by(request)}
    assert len(known) >= 3
    assert named_persons({1: "usx"})(Kept(NOW_NS, 0, 1, 0, True, body)) >= known


def test_a_file_of_another_version(table: Table, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is passed over, and goes when somebody is forgotten, since nobody can say whom it names."""
    files = files_of(table, tmp_path)
    table.decide(body("ann"))
    files.write()
    (path,) = sample_files.files(tmp_path)
    path.write_bytes(path.read_bytes() + sample_files.framed([b"\x91\x09"]))
    assert sample_files.read(tmp_path, NOW_NS) == []
    assert "of another version" in caplog.text
    assert forget(tmp_path, [1], again_s=0) == 1
    assert len(sample_files.read(tmp_path, NOW_NS)[0].kept) == 1


def test_a_full_disk_costs_the_sample_only(
    table: Table, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    files = files_of(table, tmp_path)
    table.decide(body("ann"))
    with monkeypatch.context() as patched:
        patched.setattr(sample_files, "write_all", full)
        files.write()
    assert "No space left" in caplog.text
    table.decide(body("bob"))
    files.write()
    assert [kept.person for kept in sample_files.read(tmp_path, NOW_NS)[0].kept] == [
        person_key("buyeruid", "bob", "usx")
    ]


def test_what_somebody_else_put_there_is_left_alone(table: Table, tmp_path: Path) -> None:
    files = files_of(table, tmp_path)
    for name in ("x.sample", "5.sample", "copy of 5-a.sample", "x.new"):
        (tmp_path / "0").mkdir(exist_ok=True)
        (tmp_path / "0" / name).write_bytes(b"?")
    table.decide(body("ann"))
    files.write()
    assert len(sample_files.read(tmp_path, NOW_NS)[0].kept) == 1
    assert forget(tmp_path, [person_key("buyeruid", "ann", "usx")], again_s=0) == 1
    assert len(list(tmp_path.glob("0/*"))) == 5


def test_a_write_cut_short_leaves_a_file_that_can_be_read(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(file: int, data: bytes) -> None:
        os.write(file, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    files = files_of(table, tmp_path)
    for number, person in enumerate(("ann", "bob", "cher")):
        table.decide(body(person, number))
        with monkeypatch.context() as patched:
            if person == "bob":
                patched.setattr(sample_files, "write_all", half)
            files.write()
    (stratum,) = sample_files.read(tmp_path, NOW_NS)
    keys = [person_key("buyeruid", name, "usx") for name in ("ann", "cher")]
    assert [kept.person for kept in stratum.kept] == keys
    assert forget(tmp_path, keys[1:], again_s=0) == 1


def test_forgetting_takes_out_what_cannot_be_read(table: Table, tmp_path: Path) -> None:
    """As a worker leaves it that is killed while it writes."""
    files = files_of(table, tmp_path)
    table.decide(body("ann"))
    files.write()
    (path,) = sample_files.files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert forget(tmp_path, [1], again_s=0) == 0
    assert path.read_bytes() == whole


def test_without_a_sample_nothing_is_written(tmp_path: Path) -> None:
    table = Table()
    files = SampleFiles(tmp_path / "requests", 0, table.auction.sample, ManualClock(NOW_NS), 0)
    table.decide(body("ann"))
    files.write()
    assert not (tmp_path / "requests").exists()
