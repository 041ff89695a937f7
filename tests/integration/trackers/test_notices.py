"""Notices over HTTP: what is answered, and what is in the log when the answer comes."""

import asyncio
import errno
import json

import pytest

from domain.events import Kind, Mark
from eventlog import writer
from eventlog.consumers import positions
from eventlog.segments import read_mark
from simulator.sealed_price import encrypt
from targeting.profiles import ProfileStore
from targeting.unpacked import unpack
from tests.exposition import Metrics
from tests.integration.trackers.conftest import PRICE_KEY

PRICED = [Kind.WIN, Kind.BILLING, Kind.IMPRESSION]


@pytest.mark.parametrize("kind", [*PRICED, Kind.LOSS])
async def test_a_notice_is_in_the_log_with_what_its_token_says(tracker, kind: Kind) -> None:
    token = tracker.token(deal=9)
    tracker.clock.advance(2)
    query = "r=102&m=1.75" if kind is Kind.LOSS else "p=1.5&c=USD"
    status, body, headers = await tracker.get(tracker.path(token, kind, query))
    if kind is Kind.IMPRESSION:
        assert status == 200 and body.startswith(b"GIF89a") and headers["Content-Type"] == "image/gif"
        assert headers["Cache-Control"] == "no-store"
    else:
        assert (status, body) == (204, b"")
    (notice,) = tracker.notices()  # it was on disk before the answer
    for name in token.__struct_fields__:
        if name not in ("expiry_s", "format", "test"):
            assert getattr(notice, name) == getattr(token, name), name
    assert (notice.kind, notice.received_ns) == (kind, tracker.clock.now_ns())
    if kind is Kind.LOSS:
        assert (notice.price, notice.loss_reason, notice.min_to_win, notice.marks) == (0, 102, 1_750_000, 0)
    else:
        assert (notice.price, notice.marks) == (1_500_000, Mark.FIRST)


@pytest.mark.parametrize(
    ("query", "price", "marks"),
    [
        ("p=2", 2_000_000, Mark.FIRST),
        ("p=2.000001", 2_000_000, Mark.FIRST | Mark.CAPPED),
        ("p=1e9", 2_000_000, Mark.FIRST | Mark.CAPPED),
        ("p=AUDIT", 0, Mark.AUDIT),
        ("p=", 0, Mark.FIRST | Mark.NO_PRICE),
        ("", 0, Mark.FIRST | Mark.NO_PRICE),
        ("p=%24%7BAUCTION_PRICE%7D", 0, Mark.FIRST | Mark.NO_PRICE),
        ("p=${AUCTION_PRICE}&c=${AUCTION_CURRENCY}", 0, Mark.FIRST | Mark.NO_PRICE),
        ("p=-1", 0, Mark.FIRST | Mark.NO_PRICE),
        ("p=cheap", 0, Mark.FIRST | Mark.NO_PRICE),
        ("p=1&c=CNY", 0, Mark.FIRST | Mark.NO_PRICE),
        ("p=1&c=", 1_000_000, Mark.FIRST),
    ],
)
@pytest.mark.parametrize("kind", PRICED)
async def test_the_price_lies_outside_the_seal_and_is_never_trusted(
    tracker, kind: Kind, query: str, price: int, marks: Mark
) -> None:
    status, _, _ = await tracker.get(tracker.path(tracker.token(), kind, query))
    assert status in (200, 204)
    (notice,) = tracker.notices()
    assert (notice.price, Mark(notice.marks)) == (price, marks)


async def test_a_retry_gets_the_same_answer_and_counts_nowhere(tracker) -> None:
    token = tracker.token()
    path = tracker.path(token, Kind.BILLING, "p=1")
    answers = [await tracker.get(path) for _ in range(3)]
    assert [status for status, _, _ in answers] == [204, 204, 204]
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark.FIRST, Mark.DUPLICATE, Mark.DUPLICATE]


async def test_notices_that_contradict_each_other_are_marked_and_counted(tracker) -> None:
    token = tracker.token()
    told = [(Kind.WIN, "p=1"), (Kind.BILLING, "p=1.5"), (Kind.BILLING, "p=1.5"), (Kind.BILLING, "p=1"), (Kind.LOSS, "")]
    for kind, query in told:
        assert (await tracker.get(tracker.path(token, kind, query)))[0] == 204
        await tracker.stop()  # what was said is remembered beyond the process
        await tracker.start()
    again, contradiction = Mark.DUPLICATE, Mark.CONTRADICTION
    marks = [Mark(notice.marks) for notice in tracker.notices()]
    assert marks == [Mark.FIRST, contradiction, again, again | contradiction, contradiction]
    token = tracker.token()
    for kind in (Kind.LOSS, Kind.WIN):
        await tracker.get(tracker.path(token, kind, "p=1"))
    _, health, _ = await tracker.get("/health")
    assert json.loads(health)["counts"] == {"loss": 1, "win": 1, "win.first": 1, "win.contradiction": 1}


async def test_an_encrypted_price_is_read_and_a_plain_one_is_not(tracker) -> None:
    price = encrypt(1_250_000, PRICE_KEY, bytes(16))
    for query in ("p=0.01", "e=0.01", f"e={price}&c=USD"):
        await tracker.get(tracker.path(tracker.token(exchange=3), Kind.IMPRESSION, query))
    assert [(n.price, bool(n.marks & Mark.NO_PRICE)) for n in tracker.notices()] == [
        (0, True),
        (0, True),
        (1_250_000, False),
    ]
    _, health, _ = await tracker.get("/health")
    counts = json.loads(health)["counts"]
    assert (counts["price.ignored"], counts["price.undecryptable"]) == (1, 1)


async def test_of_notices_that_arrive_together_one_counts(tracker) -> None:
    token = tracker.token()
    paths = [tracker.path(token, kind, "p=1") for kind in PRICED for _ in range(20)]
    answers = await asyncio.gather(*map(tracker.get, paths))
    assert {status for status, _, _ in answers} == {200, 204}
    notices = tracker.notices()
    assert len(notices) == 60
    assert sum(not notice.marks & Mark.DUPLICATE for notice in notices) == 3
    assert sum(bool(notice.marks & Mark.FIRST) for notice in notices) == 1


async def test_late_is_marked_and_counts(tracker) -> None:
    token = tracker.token(expiry_s=300)
    tracker.clock.advance(300)
    await tracker.get(tracker.path(token, Kind.WIN, "p=1"))
    tracker.clock.advance(1)
    await tracker.get(tracker.path(token, Kind.BILLING, "p=1"))
    await tracker.get(tracker.click(token))
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark.FIRST, Mark.LATE, Mark(0)]


async def test_expiry_is_real_time_on_a_compressed_day(tracker) -> None:
    tracker.clock.speed = 100.0
    token = tracker.token(expiry_s=3)
    tracker.clock.advance(300)
    await tracker.get(tracker.path(token, Kind.WIN, "p=1"))
    tracker.clock.advance(1)
    await tracker.get(tracker.path(token, Kind.BILLING, "p=1"))
    assert [bool(notice.marks & Mark.LATE) for notice in tracker.notices()] == [False, True]


async def test_a_test_bid_is_marked(tracker) -> None:
    await tracker.get(tracker.path(tracker.token(test=True), Kind.IMPRESSION, "p=1"))
    (notice,) = tracker.notices()
    assert Mark(notice.marks) == Mark.TEST


async def test_a_forged_or_altered_token_is_refused_and_counted(tracker) -> None:
    token = tracker.token()
    path = tracker.path(token, Kind.WIN)
    text = path.removeprefix("/win/")
    forged = [
        f"/win/{text[:place]}{'A' if text[place] != 'A' else 'B'}{text[place + 1 :]}"
        for place in (0, 15, 60, 123, 124, 134)
    ]
    forged += ["/win/x", f"/win/{text}A", f"/win/{text[:-1]}", f"/win/{'A' * 135}", "/win/%C3%A9"]
    wrong_kind = [f"/{kind}/{text}?p=1" for kind in ("billing", "loss", "impression")]
    wrong_kind += [tracker.path(token, Kind.BILLING).replace("/billing/", "/win/")]
    for address in forged + wrong_kind:
        status, body, _ = await tracker.get(address)
        assert status == 403, address
        assert b"token" in body
    assert tracker.notices() == []
    _, health, _ = await tracker.get("/health")
    assert f'"refused.forged": {len(forged + wrong_kind)}'.encode() in health


@pytest.mark.parametrize("path", ["/", "/win/", "/win", "/unknown/x", "/conversion/x"])
async def test_other_paths_are_not_found(tracker, path: str) -> None:
    status, _, _ = await tracker.get(path)
    assert status == 404


async def test_a_look_at_the_headers_is_no_event(tracker) -> None:
    for path in (tracker.path(tracker.token(), Kind.WIN, "p=1"), tracker.click(tracker.token())):
        async with tracker.session.head(tracker.base + path, allow_redirects=False) as answer:
            assert answer.status == 405
    assert tracker.notices() == []


async def test_impressions_that_count_reach_the_persons_frequency_record(tracker) -> None:
    token = tracker.token(person=1234)
    for path in [
        tracker.path(token, Kind.IMPRESSION, "p=1"),
        tracker.path(token, Kind.IMPRESSION, "p=1"),  # a duplicate
        tracker.path(token, Kind.BILLING, "p=1"),
        tracker.path(tracker.token(person=1234), Kind.IMPRESSION, "p=AUDIT"),
        tracker.path(tracker.token(person=1234, test=True), Kind.IMPRESSION, "p=1"),
        tracker.path(tracker.token(person=1234), Kind.IMPRESSION, "p=1"),
        tracker.path(tracker.token(person=0), Kind.IMPRESSION, "p=1"),
    ]:
        tracker.clock.advance(10)
        await tracker.get(path)
    log = tracker.place.data / "log" / "money" / "0"
    _, metrics, _ = await tracker.get("/metrics")
    held = sum(segment.stat().st_size for segment in log.glob("*.log"))
    assert f'outbid_tracker_log_held_bytes{{consumer="ledger"}} {held}\n'.encode() in metrics
    await tracker.stop()
    assert positions(log) == {"ledger": 0, "memory": read_mark(log), "reporter": 0}
    with ProfileStore(tracker.place.data / "profiles.lmdb") as profiles:
        data = profiles.reader().get(1234)
        assert data is not None and profiles.reader().get(0) is None
    start = tracker.clock.now_ns() // 10**9 - 70
    assert {tuple(sorted(times)) for times in unpack(data).shown.values()} == {(start + 10, start + 60)}


async def test_what_was_recorded_is_told_to_prometheus(tracker) -> None:
    """By kind and mark, as it is in the log; and forgeries are refused by why."""
    token = tracker.token()
    for query in ("p=1", "p=1", "p=9"):
        await tracker.get(tracker.path(token, Kind.BILLING, query))
    await tracker.get(tracker.path(tracker.token(), Kind.WIN, "p=cheap"))
    await tracker.get(tracker.path(token, Kind.BILLING)[:-1] + "x")
    status, why, _ = await tracker.get("/ready")
    assert status == 200 and json.loads(why) == {"ready": True, "process": "tracker", "reasons": {}, "degraded": {}}
    metrics = Metrics((await tracker.get("/metrics"))[1].decode())
    for kind in (Kind.WIN, Kind.BILLING):
        logged = [Mark(notice.marks) for notice in tracker.notices() if notice.kind == kind]
        assert metrics.of("outbid_tracker_events_total", kind=kind.name.lower()) == len(logged)
        for mark in Mark:
            told = metrics.of("outbid_tracker_marked_events_total", kind=kind.name.lower(), mark=mark.name.lower())
            assert told == sum(mark in marks for marks in logged)
    refused = metrics.by("outbid_tracker_refused_total", "reason")
    assert refused == {"forged": 1, "malformed": 0, "log_full": 0, "unknown_advertiser": 0}
    assert metrics.of("outbid_tracker_unusable_prices_total", reason="unreadable") == 1
    assert metrics["outbid_tracker_directory_version"] == 1 and metrics["outbid_tracker_log_shut"] == 0


async def test_nothing_is_acknowledged_that_cannot_be_kept(tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the record is written: 503, and a later retry is the one that counts."""
    path = tracker.path(tracker.token(), Kind.BILLING, "p=1")
    monkeypatch.setattr(writer, "RETRY_S", 0.0)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer.os, "pwrite", full)
        for _ in range(3):
            status, body, _ = await tracker.get(path)
            assert status == 503 and b"try again" in body
        ready, why, _ = await tracker.get("/ready")
        assert ready == 503 and json.loads(why)["reasons"].keys() == {"log"}
        metrics = Metrics((await tracker.get("/metrics"))[1].decode())
        assert metrics["outbid_tracker_log_shut"] == 1
        assert metrics.of("outbid_tracker_refused_total", reason="log_full") == 3
        assert metrics.of("outbid_tracker_request_seconds_count", route="/billing/{token}", status="5xx") == 3
    while (await tracker.get(path))[0] == 503:  # until the log has found out that there is room again
        pass
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark.FIRST]
    await tracker.stop()
    await tracker.start()
    await tracker.get(path)
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark.FIRST, Mark.DUPLICATE]
