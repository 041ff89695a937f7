"""The packed record of a person, at its edges; random ones are in tests/property."""

import pytest

from targeting.record import (
    MAX_IMPRESSIONS,
    MAX_SCOPE_ID,
    MAX_SCOPES,
    MAX_SECONDS,
    NEVER,
    Record,
    Unreadable,
    campaign_scope,
    is_capped,
    line_item_scope,
    live_segments,
    pack,
    unpack,
)

LINE_ITEM = line_item_scope(7)


def shown(*times: int) -> bytes:
    record = Record()
    for at_s in times:
        record.show(at_s, [LINE_ITEM, campaign_scope(7)])
    return pack(record)


def test_no_record_is_nobody_in_no_audience_and_under_every_cap() -> None:
    assert live_segments(b"", 0) == []
    assert not is_capped(b"", LINE_ITEM, 1, 86_400, 1_000)
    assert unpack(b"") == Record()


def test_a_membership_ends_at_its_expiry() -> None:
    data = pack(Record(segments={3: 500, 9: NEVER, 1: 501}))
    assert live_segments(data, 499) == [1, 3, 9]
    assert live_segments(data, 500) == [1, 9]
    assert live_segments(data, 501) == [9]
    assert live_segments(data, NEVER - 1) == [9]


def test_a_window_rolls() -> None:
    data = shown(100, 150, 160)
    assert not is_capped(data, LINE_ITEM, 4, 1_000, 160)
    assert is_capped(data, LINE_ITEM, 3, 60, 159)
    assert not is_capped(data, LINE_ITEM, 3, 60, 160), "the first leaves a window of 60 s after 60 s"
    assert is_capped(data, LINE_ITEM, 1, 60, 219)
    assert not is_capped(data, LINE_ITEM, 1, 60, 220)


def test_an_impression_of_a_clock_ahead_of_ours_counts() -> None:
    assert is_capped(shown(105), LINE_ITEM, 1, 60, 100)


def test_the_order_of_arrival_does_not_matter() -> None:
    assert shown(100, 150, 160) == shown(160, 100, 150)


def test_campaign_and_line_item_of_one_number_are_two_scopes() -> None:
    record = Record()
    record.show(100, [campaign_scope(7)])
    data = pack(record)
    assert is_capped(data, campaign_scope(7), 1, 60, 100)
    assert not is_capped(data, line_item_scope(7), 1, 60, 100)
    assert not is_capped(data, campaign_scope(8), 1, 60, 100)


def test_a_cap_of_none_holds_always() -> None:
    assert is_capped(b"", LINE_ITEM, 0, 60, 100)


def test_the_largest_cap_stays_exact_however_many_were_shown() -> None:
    data = shown(*range(1_000, 1_000 + 3 * MAX_IMPRESSIONS))
    last = 1_000 + 3 * MAX_IMPRESSIONS - 1
    assert len(unpack(data).shown[LINE_ITEM]) == MAX_IMPRESSIONS
    assert is_capped(data, LINE_ITEM, MAX_IMPRESSIONS, MAX_IMPRESSIONS, last)
    assert not is_capped(data, LINE_ITEM, MAX_IMPRESSIONS, MAX_IMPRESSIONS - 1, last)


def test_what_no_window_reaches_is_forgotten() -> None:
    record = Record()
    record.show(1_000, [LINE_ITEM])
    record.show(1_000 + MAX_SECONDS - 1, [campaign_scope(1)])
    assert LINE_ITEM in record.shown
    record.show(1_000 + MAX_SECONDS, [campaign_scope(1)])
    assert LINE_ITEM not in record.shown


def test_a_person_shown_too_many_line_items_forgets_the_longest_ago() -> None:
    record = Record()
    for i in range(MAX_SCOPES + 5):
        record.show(1_000 + i, [line_item_scope(i)])
    assert set(record.shown) == {line_item_scope(i) for i in range(5, MAX_SCOPES + 5)}


def test_an_unreadable_record_has_no_audiences_and_is_capped() -> None:
    good = shown(100)
    for bad in (good[:-1], good + b"\0", b"\2" + good[1:], b"\1"):
        assert live_segments(bad, 0) == []
        assert is_capped(bad, line_item_scope(99), 5, 60, 100)
        with pytest.raises(Unreadable):
            unpack(bad)


@pytest.mark.parametrize(
    "record",
    [
        Record(segments={-1: 5}),
        Record(segments={1: NEVER + 1}),
        Record(shown={1: [1 << 32]}),
        Record(segments=dict.fromkeys(range(70_000), 1)),
    ],
)
def test_what_does_not_fit_the_format_is_refused(record: Record) -> None:
    with pytest.raises(ValueError, match=r"out of range|a record holds"):
        pack(record)


@pytest.mark.parametrize("id", [-1, MAX_SCOPE_ID + 1])
def test_an_id_beyond_the_scopes_is_refused(id: int) -> None:
    for scope in (campaign_scope, line_item_scope):
        with pytest.raises(ValueError, match="out of range"):
            scope(id)
