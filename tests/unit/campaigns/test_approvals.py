"""Verdicts that come by loss notices or by hand, and what of them is published."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from campaigns import approvals, catalogue
from campaigns.approvals import Record, fingerprint, hear_losses, records, save
from campaigns.importing import import_file
from campaigns.publishing import Publisher
from campaigns.store import Store
from domain.clock import SECOND, ManualClock
from domain.events import Kind, Mark, Notice
from tests.unit.campaigns.test_reviewing import FILE, NOW_NS


@pytest.fixture
def loaded(store: Store, tmp_path: Path) -> Store:
    (tmp_path / "c.yaml").write_text(FILE)
    import_file(store, tmp_path / "c.yaml", now_ns=NOW_NS)
    return store


def ids(store: Store) -> tuple[int, int]:
    """Of the creative ``png`` and the exchange ``open``."""
    with store.read() as conn:
        known = catalogue.load(conn)
    return known.creatives["png"].id, known.exchanges["open"].id


def loss(creative: int, exchange: int, reason: int, *, bid_ns: int = NOW_NS, marks: int = 0) -> Notice:
    return Notice(
        kind=Kind.LOSS, received_ns=bid_ns + SECOND, marks=marks, bid=1, imp=0, bid_ns=bid_ns, exchange=exchange,
        advertiser=1, campaign=1, line_item=1, creative=creative, deal=0, site=0, person=0, lease=0, rate=0,
        max_price=1, basis=int(Kind.BILLING), price=0, loss_reason=reason, min_to_win=0,
    )  # fmt: skip


def hear(store: Store, *events: Notice) -> dict[tuple[int, int], tuple[str, tuple[str, ...]]]:
    with store.write() as conn:
        hear_losses(conn, events)
        return {pair: (record.status, record.reasons) for pair, record in records(conn).items()}


def test_a_loss_for_disapproval_is_published(loaded: Store) -> None:
    publisher = Publisher(loaded, ManualClock(NOW_NS))
    assert publisher.current.approvals == ()
    creative, exchange = ids(loaded)
    said = hear(loaded, loss(creative, exchange, 102), loss(creative, exchange, 202))
    assert said == {(creative, exchange): ("disapproved", ("loss notice with reason 202",))}
    assert publisher.refresh()
    assert [(a.creative, a.exchange, a.status) for a in publisher.current.approvals] == [
        (creative, exchange, "disapproved")
    ]
    assert hear(loaded, loss(creative, exchange, 202), loss(creative, exchange, 201)) == said
    assert not publisher.refresh()  # nothing new was said


def test_a_loss_for_pending_ends_an_approval(loaded: Store) -> None:
    creative, exchange = ids(loaded)
    with loaded.write() as conn:
        current = fingerprint(catalogue.load(conn).creatives["png"])
        save(conn, Record(creative, exchange, "approved", current))
    assert hear(loaded, loss(creative, exchange, 201)) == {(creative, exchange): ("pending", ())}


@pytest.mark.parametrize("marks", [Mark.TEST, Mark.DUPLICATE, Mark.AUDIT])
def test_notices_that_count_nowhere_say_nothing(loaded: Store, marks: Mark) -> None:
    creative, exchange = ids(loaded)
    assert hear(loaded, loss(creative, exchange, 202, marks=int(marks))) == {}


def test_a_bid_from_before_the_submission_says_nothing_of_it(loaded: Store) -> None:
    creative, exchange = ids(loaded)
    with loaded.write() as conn:
        current = fingerprint(catalogue.load(conn).creatives["png"])
        save(conn, Record(creative, exchange, "pending", current, submitted_ns=NOW_NS))
    assert hear(loaded, loss(creative, exchange, 202, bid_ns=NOW_NS - 1))[creative, exchange][0] == "pending"
    assert hear(loaded, loss(creative, exchange, 202, bid_ns=NOW_NS))[creative, exchange][0] == "disapproved"


def test_creatives_and_exchanges_that_are_not_known_are_passed_over(loaded: Store) -> None:
    creative, exchange = ids(loaded)
    assert hear(loaded, loss(creative, 999, 202), loss(999, exchange, 202), loss(creative, exchange, 100)) == {}


def test_the_fingerprint_is_of_what_an_exchange_looks_at(loaded: Store) -> None:
    with loaded.read() as conn:
        creative = catalogue.load(conn).creatives["png"]
    same = replace(creative, key="other", status="paused")
    assert fingerprint(same) == fingerprint(creative)
    for change in ({"landing_url": "https://bank.example/2"}, {"width": 301}, {"attributes": (3,)}):
        assert fingerprint(replace(creative, **change)) != fingerprint(creative)


def test_commands_note_and_show_verdicts(loaded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from cli import creatives
    from domain.errors import Refused

    monkeypatch.setenv("OUTBID_CONTROL_DATABASE_URL", loaded.url)
    assert ("adx", "required", "png", "not_submitted", "", "") in creatives.statuses("")
    creatives.set_status("open", "png", "disapproved", "too loud")
    assert creatives.statuses("open") == [("open", "optional", "png", "disapproved", "too loud", "")]
    with loaded.read() as conn:
        assert [a.reasons for a in approvals.current(conn, catalogue.load(conn))] == [("too loud",)]
    for exchange, creative, told in (("nowhere", "png", "--exchange"), ("open", "nothing", "--creative")):
        with pytest.raises(Refused, match=f"^{told}: "):
            creatives.set_status(exchange, creative, "approved", "")
    assert creatives.submit("").failed == creatives.submit("").submitted == 0  # nobody has given credentials
