"""In whatever order notices come, repeated, audited or interrupted: each counts once, and replay is exact."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.events import NOT_COUNTED, PROOFS, Kind, Mark, Notice
from trackers.counting import facts, mark_notice

NOTICES = st.builds(
    lambda bid, imp, kind, audit, price: Notice(
        kind=kind, received_ns=0,
        marks=(Mark.AUDIT if audit else Mark(0) if price else Mark.NO_PRICE) if kind in PROOFS else 0,
        bid=bid, imp=imp, bid_ns=0,
        exchange=1, advertiser=1, campaign=1, line_item=1, creative=1, deal=0, site=0, person=0, lease=0, rate=0,
        max_price=9, basis=Kind.BILLING, price=price if kind in PROOFS and not audit else 0,
        loss_reason=0, min_to_win=0,
    ),
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from([*PROOFS, Kind.LOSS, Kind.CLICK]),
    st.integers(0, 3).map(lambda n: n == 0),
    st.integers(0, 2),
)  # fmt: skip


def live(notices: list[Notice]) -> list[Notice]:
    """The notices as a tracker logs them."""
    seen: dict[bytes, bytes] = {}
    logged = []
    for notice in notices:
        marked = mark_notice(notice, seen.get)
        seen.update((fact.key, fact.value) for fact in facts(marked) if fact.table == "seen")
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


@given(st.lists(NOTICES, max_size=40))
def test_a_contradiction_is_another_price_or_a_loss_beside_a_win(notices: list[Notice]) -> None:
    """The oracle looks through all that came before, with no memory that is kept."""
    for place, notice in enumerate(live(notices)):
        earlier = [n for n in notices[:place] if (n.bid, n.imp) == (notice.bid, notice.imp)]
        audit = notice.marks & Mark.AUDIT
        same = [n for n in earlier if n.kind == notice.kind and n.marks & Mark.AUDIT == audit]
        firsts = {(n.kind, n.marks & Mark.AUDIT): n.price for n in reversed(earlier)}
        own = firsts.get((notice.kind, audit), 0)
        prices = {own} if own else set(firsts.values()) - {0}
        wins = [n for n in earlier if n.kind in PROOFS and not n.marks & Mark.AUDIT]
        losses = [n for n in earlier if n.kind == Kind.LOSS]
        opposite = losses if notice.kind in PROOFS and not audit else wins if notice.kind == Kind.LOSS else []
        disagrees = bool(notice.price and prices - {notice.price}) or bool(opposite and not same)
        assert bool(notice.marks & Mark.CONTRADICTION) == disagrees


@given(st.lists(NOTICES, max_size=40), st.integers(0, 40))
def test_replaying_the_log_gives_the_same_memory(notices: list[Notice], killed_at: int) -> None:
    logged = live(notices)
    remembered = [fact for notice in logged[:killed_at] for fact in facts(notice) if fact.table == "seen"]
    replayed = {fact.key: fact.value for fact in remembered}
    assert all(replayed[fact.key] == fact.value for fact in remembered)  # nothing that was remembered changes
    went_on = []
    for notice in notices[killed_at:]:
        marked = mark_notice(notice, replayed.get)
        replayed.update((fact.key, fact.value) for fact in facts(marked) if fact.table == "seen")
        went_on.append(marked)
    assert went_on == logged[killed_at:]
