"""In whatever order notices come, repeated, audited or interrupted: each counts once, and replay is exact."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.events import NOT_COUNTED, Kind, Mark, Notice
from trackers.counting import PROOFS, facts, mark_notice

NOTICES = st.builds(
    lambda bid, imp, kind, audit: Notice(
        kind=kind, received_ns=0, marks=Mark.AUDIT if audit and kind in PROOFS else 0, bid=bid, imp=imp, bid_ns=0,
        exchange=1, advertiser=1, campaign=1, line_item=1, creative=1, deal=0, site=0, person=0, lease=0, rate=0,
        max_price=1, basis=Kind.BILLING, price=0, loss_reason=0, min_to_win=0,
    ),
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from([*PROOFS, Kind.LOSS, Kind.CLICK]),
    st.integers(0, 3).map(lambda n: n == 0),
)  # fmt: skip


def live(notices: list[Notice]) -> list[Notice]:
    """The notices as a tracker logs them."""
    seen: set[bytes] = set()
    logged = []
    for notice in notices:
        marked = mark_notice(notice, seen.__contains__)
        seen.update(fact.key for fact in facts(marked) if fact.table == "seen")
        logged.append(marked)
    return logged


@given(st.lists(NOTICES, max_size=40))
def test_each_notice_counts_once(notices: list[Notice]) -> None:
    logged = live(notices)
    counted = Counter((n.bid, n.imp, n.kind) for n in logged if not n.marks & NOT_COUNTED)
    assert set(counted.values()) <= {1}
    real = {(n.bid, n.imp, n.kind) for n in notices if not n.marks & Mark.AUDIT and n.kind != Kind.CLICK}
    assert {key for key in counted if key[2] != Kind.CLICK} == real  # an audit takes no real notice away
    firsts = Counter((n.bid, n.imp) for n in logged if n.marks & Mark.FIRST)
    assert firsts == Counter({(bid, imp) for bid, imp, kind in real if kind in PROOFS})
    assert all(not n.marks & NOT_COUNTED for n in logged if n.marks & Mark.FIRST)


@given(st.lists(NOTICES, max_size=40), st.integers(0, 40))
def test_replaying_the_log_gives_the_same_memory(notices: list[Notice], killed_at: int) -> None:
    logged = live(notices)
    replayed = {fact.key for notice in logged[:killed_at] for fact in facts(notice) if fact.table == "seen"}
    went_on = []
    for notice in notices[killed_at:]:
        marked = mark_notice(notice, replayed.__contains__)
        replayed.update(fact.key for fact in facts(marked) if fact.table == "seen")
        went_on.append(marked)
    assert went_on == logged[killed_at:]
