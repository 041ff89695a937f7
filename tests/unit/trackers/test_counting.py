"""Which events count, from what was remembered before them."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from domain.events import Conversion, Kind, Mark, Notice, PlayEvent
from trackers.counting import facts, is_shown, mark_conversion, mark_notice

NOTICE = Notice(
    kind=Kind.WIN, received_ns=2_000, marks=0, bid=1 << 32 | 7, imp=0, bid_ns=1_000, exchange=1, advertiser=2,
    campaign=3, line_item=4, creative=5, deal=0, site=6, person=7, lease=8, rate=9, max_price=1_000_000,
    basis=Kind.BILLING, price=900_000, loss_reason=0, min_to_win=0,
)  # fmt: skip
CONVERSION = Conversion(
    received_ns=1, marks=0, advertiser=1, event="lead", order="o1", value=0, currency="USD", source="pixel", bid=0,
    click_ns=0, exchange=0, campaign=0, line_item=0, creative=0, deal=0, site=0, person=0,
)  # fmt: skip


class Past:
    """Remembers events as a tracker does."""

    def __init__(self) -> None:
        self.facts: dict[bytes, bytes] = {}

    def live(self, events: Iterable[Notice | Conversion]) -> list[Mark]:
        marks = []
        for event in events:
            if isinstance(event, Notice):
                marked: Notice | Conversion = mark_notice(event, self.facts.get)
            else:
                marked = mark_conversion(event, self.facts.get)
            self.facts |= {fact.key: fact.value for fact in facts(marked) if fact.table == "seen"}
            marks.append(Mark(marked.marks))
        return marks


def notice(kind: Kind, marks: int = 0, **changes: int) -> Notice:
    return replace(NOTICE, kind=kind, marks=marks, **changes)


def test_the_first_proof_of_a_win_is_marked_whatever_kind_it_is() -> None:
    proofs = [Kind.WIN, Kind.BILLING, Kind.IMPRESSION]
    for first in proofs:
        rest = [kind for kind in proofs if kind != first]
        assert Past().live(map(notice, [Kind.CLICK, first, *rest])) == [0, Mark.FIRST, 0, 0]


def test_a_notice_counts_once_a_kind() -> None:
    kinds = [Kind.BILLING, Kind.BILLING, Kind.WIN, Kind.BILLING, Kind.WIN]
    assert Past().live(map(notice, kinds)) == [Mark.FIRST, Mark.DUPLICATE, 0, Mark.DUPLICATE, Mark.DUPLICATE]


def test_an_event_counts_once_a_bid_and_proves_nothing() -> None:
    start, complete = (notice(Kind.EVENT, price=0, event=int(e)) for e in (PlayEvent.START, PlayEvent.COMPLETE))
    audit = notice(Kind.WIN, Mark.AUDIT, price=0)
    assert Past().live([start, complete, start, notice(Kind.WIN)]) == [0, 0, Mark.DUPLICATE, Mark.FIRST]
    assert Past().live([start, replace(start, bid=1), replace(start, imp=1)]) == [0, 0, 0]
    assert Past().live([audit, start, start]) == [Mark.AUDIT, Mark.AUDIT, Mark.AUDIT | Mark.DUPLICATE]


def test_no_two_kinds_of_facts_have_a_key_in_common() -> None:
    every = [notice(kind) for kind in Kind if kind not in (Kind.EVENT, Kind.CONVERSION)]
    every += [notice(Kind.EVENT, event=int(event)) for event in PlayEvent]
    marked = [mark_notice(one, {}.get) for one in every] + [replace(one, marks=int(Mark.AUDIT)) for one in every[:5]]
    keys = [next(facts(one)).key for one in marked]
    assert len(set(keys)) == len(keys) == len(every) + 5


@pytest.mark.parametrize("proof", [Kind.WIN, Kind.BILLING, Kind.IMPRESSION])
def test_a_loss_and_a_proof_of_a_win_contradict_each_other(proof: Kind) -> None:
    again, contradiction = Mark.DUPLICATE, Mark.CONTRADICTION
    events = [notice(proof), notice(Kind.LOSS), notice(Kind.LOSS), notice(proof)]
    assert Past().live(events) == [Mark.FIRST, contradiction, again, again]
    assert Past().live(events[1:3] + events[:1]) == [0, again, Mark.FIRST | contradiction]
    audit = notice(proof, Mark.AUDIT, price=0)
    assert Past().live([audit, notice(Kind.LOSS), replace(audit, imp=1)]) == [Mark.AUDIT, 0, Mark.AUDIT]


def test_another_price_is_a_contradiction() -> None:
    untold = {"marks": Mark.NO_PRICE, "price": 0}
    win, other, bill = notice(Kind.WIN), notice(Kind.WIN, price=1), notice(Kind.BILLING)
    again, contradiction, silent = Mark.DUPLICATE, Mark.CONTRADICTION, Mark.NO_PRICE
    assert Past().live([win, other, win]) == [Mark.FIRST, again | contradiction, again]
    assert Past().live([other, bill, bill]) == [Mark.FIRST, contradiction, again]
    assert Past().live([other, notice(Kind.BILLING, **untold), bill]) == [Mark.FIRST, silent, again | contradiction]
    assert Past().live([notice(Kind.WIN, **untold), win, bill]) == [Mark.FIRST | silent, again, 0]
    free = replace(win, price=0)
    assert Past().live([win, free, notice(Kind.IMPRESSION, price=0)]) == [
        Mark.FIRST,
        again | contradiction,
        contradiction,
    ]


def test_of_a_test_no_price_is_compared() -> None:
    events = [notice(Kind.WIN, Mark.TEST), notice(Kind.BILLING, Mark.TEST, price=1), notice(Kind.LOSS, Mark.TEST)]
    assert Past().live(events) == [Mark.TEST] * 3


@pytest.mark.parametrize("other", [{"bid": 1 << 32 | 8}, {"imp": 1}])
def test_another_bid_or_imp_is_another_event(other: dict[str, int]) -> None:
    assert Past().live([notice(Kind.WIN), notice(Kind.WIN, **other)]) == [Mark.FIRST, Mark.FIRST]


def test_an_audit_proves_no_win_and_its_click_counts_nowhere() -> None:
    events = [notice(Kind.WIN, Mark.AUDIT), notice(Kind.CLICK), notice(Kind.CLICK), notice(Kind.WIN, Mark.AUDIT)]
    audit = Mark.AUDIT
    assert Past().live(events) == [audit, audit, audit | Mark.DUPLICATE, audit | Mark.DUPLICATE]


def test_an_audit_sent_by_a_stranger_takes_no_real_notice_away() -> None:
    events = [notice(Kind.IMPRESSION, Mark.AUDIT), notice(Kind.IMPRESSION), notice(Kind.CLICK)]
    assert Past().live(events) == [Mark.AUDIT, Mark.FIRST, 0]
    events = [notice(Kind.IMPRESSION), notice(Kind.IMPRESSION, Mark.AUDIT), notice(Kind.CLICK)]
    assert Past().live(events) == [Mark.FIRST, Mark.AUDIT, 0]


def test_a_test_proves_no_win() -> None:
    assert Past().live([notice(Kind.WIN, Mark.TEST), notice(Kind.WIN, Mark.TEST)]) == [
        Mark.TEST,
        Mark.TEST | Mark.DUPLICATE,
    ]


def test_late_and_capped_still_count() -> None:
    marks = Mark.LATE | Mark.CAPPED
    assert Past().live([notice(Kind.BILLING, marks)]) == [marks | Mark.FIRST]


def test_an_order_counts_once_for_each_advertiser_and_event() -> None:
    orders = [
        CONVERSION,
        replace(CONVERSION, source="postback", value=5),
        replace(CONVERSION, advertiser=2),
        replace(CONVERSION, event="sale"),
        replace(CONVERSION, order="o2"),
        replace(CONVERSION, advertiser=11, order="o"),
        replace(CONVERSION, advertiser=1, order="1o"),
    ]
    assert Past().live(orders) == [0, Mark.DUPLICATE, 0, 0, 0, 0, 0]


def test_a_test_conversion_takes_no_real_one_away() -> None:
    assert Past().live([replace(CONVERSION, marks=Mark.TEST), CONVERSION]) == [Mark.TEST, 0]


def test_nothing_is_remembered_of_a_duplicate() -> None:
    assert not list(facts(notice(Kind.CLICK, Mark.DUPLICATE)))
    assert not list(facts(replace(CONVERSION, marks=Mark.DUPLICATE)))


def test_old_keys_lie_together() -> None:
    day = 86_400 * 10**9
    keys = [
        next(facts(notice(Kind.WIN, bid_ns=days * day, bid=bid))).key
        for days, bid in [(20_000, 2**63), (20_001, 1), (20_300, 0)]
    ]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (notice(Kind.IMPRESSION), True),
        (notice(Kind.IMPRESSION, Mark.LATE | Mark.NO_PRICE), True),
        (notice(Kind.IMPRESSION, Mark.DUPLICATE), False),
        (notice(Kind.IMPRESSION, Mark.AUDIT), False),
        (notice(Kind.IMPRESSION, Mark.TEST), False),
        (notice(Kind.BILLING), False),
        (CONVERSION, False),
    ],
)
def test_which_impressions_a_person_has_seen(event: Notice | Conversion, shown: bool) -> None:
    assert is_shown(event) is shown
