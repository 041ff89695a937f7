"""The packed record of a person, at its edges; random ones are in tests/property."""

import pytest

from domain.person import STAGES, Stage, conversion_kind, score_id
from targeting.record import (
    EXACT_IMPRESSIONS,
    MAX_ENTRIES,
    MAX_IMPRESSIONS,
    MAX_SCOPE_ID,
    MAX_SCOPES,
    MAX_SECONDS,
    MAX_SEGMENTS,
    MAX_SMALL,
    NEVER,
    Conversions,
    Scored,
    Standing,
    advertiser_scope,
    audience_scope,
    campaign_scope,
    conversions_of,
    creative_scope,
    is_capped,
    last_impression,
    line_item_scope,
    live_segments,
    scored,
    stage_facts,
    standing,
)
from targeting.record_editor import Editor
from targeting.unpacked import Record, Unreadable, pack, unpack

LINE_ITEM = line_item_scope(7)
HOUR = 3_600


def shown(*times: int) -> bytes:
    editor = Editor()
    for at_s in times:
        editor.show(at_s, [LINE_ITEM, campaign_scope(7)])
    return editor.pack()


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
    editor = Editor()
    editor.show(100, [campaign_scope(7)])
    data = editor.pack()
    assert is_capped(data, campaign_scope(7), 1, 60, 100)
    assert not is_capped(data, line_item_scope(7), 1, 60, 100)
    assert not is_capped(data, campaign_scope(8), 1, 60, 100)


def test_a_cap_of_none_holds_always() -> None:
    assert is_capped(b"", LINE_ITEM, 0, 60, 100)


def test_caps_stay_exact_however_many_were_shown() -> None:
    data = shown(*range(1_000, 1_000 + 3 * EXACT_IMPRESSIONS))
    last = 1_000 + 3 * EXACT_IMPRESSIONS - 1
    assert len(unpack(data).shown[LINE_ITEM]) == EXACT_IMPRESSIONS
    assert is_capped(data, LINE_ITEM, EXACT_IMPRESSIONS, EXACT_IMPRESSIONS, last)
    assert not is_capped(data, LINE_ITEM, EXACT_IMPRESSIONS, EXACT_IMPRESSIONS - 1, last)


def test_larger_caps_count_what_is_older_by_the_hour() -> None:
    first, last = 100 * HOUR + 7, 103 * HOUR
    data = shown(first, first + 1, *range(last, last + EXACT_IMPRESSIONS))
    most = EXACT_IMPRESSIONS + 2
    assert unpack(data).hours[LINE_ITEM] == {100: 2}
    now_s = last + EXACT_IMPRESSIONS
    assert is_capped(data, LINE_ITEM, most, 30 * 86_400, now_s)
    assert not is_capped(data, LINE_ITEM, most + 1, 30 * 86_400, now_s)
    assert is_capped(data, LINE_ITEM, most, 86_400, 100 * HOUR + 86_400 + 3_598), (
        "the last second of hour 100 counts yet"
    )
    assert not is_capped(data, LINE_ITEM, most, 86_400, 100 * HOUR + 86_400 + 3_599)
    assert not is_capped(shown(1, 2), LINE_ITEM, MAX_IMPRESSIONS, 60, 2)


def test_a_scope_is_bounded_however_many_were_shown() -> None:
    editor = Editor()
    for at_s in range(0, 40 * 86_400, 300):
        editor.show(at_s, [LINE_ITEM])
    record = unpack(editor.pack())
    assert len(record.shown[LINE_ITEM]) == EXACT_IMPRESSIONS
    assert len(record.hours[LINE_ITEM]) <= 30 * 24
    last = 40 * 86_400 - 300
    assert sum(record.hours[LINE_ITEM].values()) + EXACT_IMPRESSIONS == pytest.approx(30 * 86_400 / 300, abs=12)
    assert is_capped(editor.pack(), LINE_ITEM, MAX_IMPRESSIONS, MAX_SECONDS, last)


def test_an_hour_has_a_greatest_count() -> None:
    editor = Editor()
    for _ in range(EXACT_IMPRESSIONS + 5_000):
        editor.show(10, [LINE_ITEM])
    assert unpack(editor.pack()).hours[LINE_ITEM] == {0: 0xFFF}


def test_what_no_window_reaches_is_forgotten() -> None:
    editor = Editor()
    editor.show(1_000, [LINE_ITEM])
    editor.show(1_000 + MAX_SECONDS - 1, [campaign_scope(1)])
    assert LINE_ITEM in unpack(editor.pack()).shown
    editor.show(1_000 + MAX_SECONDS, [campaign_scope(1)])
    assert LINE_ITEM not in unpack(editor.pack()).shown


def test_a_person_shown_too_many_line_items_forgets_the_longest_ago() -> None:
    editor = Editor()
    for i in range(MAX_SCOPES + 5):
        editor.show(1_000 + i, [line_item_scope(i)])
    assert set(unpack(editor.pack()).shown) == {line_item_scope(i) for i in range(5, MAX_SCOPES + 5)}


def test_the_counters_of_all_scopes_together_are_bounded() -> None:
    editor, scopes = Editor(), MAX_ENTRIES // EXACT_IMPRESSIONS
    for scope in range(scopes + 3):
        for i in range(EXACT_IMPRESSIONS):
            editor.show(1_000 * scope + i, [line_item_scope(scope)])
    assert set(unpack(editor.pack()).shown) == {line_item_scope(i) for i in range(3, scopes + 3)}


def test_the_newest_impression_of_each_scope_is_known() -> None:
    data = shown(160, 100)
    assert last_impression(data, LINE_ITEM) == 160
    assert last_impression(data, line_item_scope(8)) == 0
    assert last_impression(b"", LINE_ITEM) == 0
    assert last_impression(data[:-1], LINE_ITEM) == NEVER, "an unreadable record must not let a gap be passed over"


def test_how_a_person_stands_with_each_advertiser() -> None:
    editor = Editor()
    editor.reach(3, Stage.APPLIED, 1_000)
    editor.reach(3, Stage.PROSPECT, 900)
    editor.reach(9, Stage.IN_ARREARS, 5)
    editor.visit(3, 1_100)
    editor.visit(3, 1_050)
    editor.click(4, 1_200)
    editor.show(1_300, [], advertiser=4)
    data = editor.pack()
    assert standing(data, 3) == Standing(Stage.APPLIED, 1_000, visited_s=1_100)
    assert standing(data, 4) == Standing(shown_s=1_300, clicked_s=1_200)
    assert standing(data, 5) is None
    assert stage_facts(data) == [3 << 8 | Stage.APPLIED, 9 << 8 | Stage.IN_ARREARS]
    editor.reach(3, Stage.APPLIED, 2_000)
    assert standing(editor.pack(), 3) == Standing(Stage.APPLIED, 1_000, visited_s=1_100), "it has been there since 1000"


def test_stages_have_words() -> None:
    assert STAGES["in-arrears"] is Stage.IN_ARREARS
    assert all(0 < stage < 256 for stage in Stage)


def test_scores_and_conversions() -> None:
    editor = Editor()
    editor.score(score_id("credit"), 712, 500)
    editor.score(score_id("credit"), 300, 400)
    editor.score(score_id("margin"), -5, 0)
    lead, application = conversion_kind(3, "lead"), conversion_kind(3, "application")
    for at_s in (700, 600):
        editor.convert(lead, at_s)
    data = editor.pack()
    assert scored(data, score_id("credit")) == Scored(712, 500)
    assert scored(data, score_id("margin")) == Scored(-5, 0)
    assert scored(data, score_id("fraud")) is None
    assert conversions_of(data, lead) == Conversions(700, 2)
    assert conversions_of(data, application) is None
    assert lead != conversion_kind(4, "lead"), "each advertiser has its own"


def test_too_many_advertisers_scores_and_conversions_forget_the_oldest() -> None:
    editor = Editor()
    for i in range(MAX_SMALL + 2):
        editor.visit(i + 1, 1_000 + i)
        editor.score(i + 1, i, 1_000 + i)
        editor.convert(i + 1, 1_000 + i)
    editor.score(1, 7, 5)
    record = unpack(editor.pack())
    assert set(record.relations) == set(record.conversions) == set(range(3, MAX_SMALL + 3))
    assert set(record.scores) == {1, *range(4, MAX_SMALL + 3)}, "what was just said is kept, be it the oldest"


def test_too_many_audiences_are_refused() -> None:
    editor = Editor()
    for i in range(MAX_SEGMENTS):
        editor.join(i, NEVER)
    with pytest.raises(ValueError, match="more than 65535 audiences"):
        editor.join(MAX_SEGMENTS, NEVER)
    assert not editor.join(5, NEVER)
    assert len(unpack(editor.pack()).segments) == MAX_SEGMENTS


def test_absorbing_takes_what_is_newer_and_doubles_nothing() -> None:
    old, new = Editor(), Editor()
    old.join(1, 50)
    old.join(2, 60)
    old.reach(3, Stage.APPLIED, 1_000)
    old.score(5, 10, 100)
    old.convert(8, 100)
    old.convert(8, 110)
    old.show(1_000, [LINE_ITEM], advertiser=3)
    new.join(2, 70)
    new.reach(3, Stage.ACTIVE, 1_200)
    new.score(5, 11, 90)
    new.convert(8, 120)
    new.show(1_001, [LINE_ITEM, campaign_scope(1)], advertiser=3)
    packed = new.pack()
    for _ in range(2):
        assert old.absorb(packed)
        record = unpack(old.pack())
        assert record.segments == {1: 50, 2: 70}
        assert record.relations == {3: Standing(Stage.ACTIVE, 1_200, shown_s=1_001)}
        assert record.scores == {5: Scored(10, 100)}
        assert record.conversions == {8: Conversions(120, 2)}
        assert record.shown == {LINE_ITEM: [1_000], campaign_scope(1): [1_001]}
    assert not old.absorb(b"no record")


def test_an_editor_begins_afresh() -> None:
    editor = Editor()
    assert editor.load(shown(1, 2)) and not editor.is_empty()
    assert editor.load(None) and editor.is_empty()
    assert editor.load(shown(1, 2)) and editor.pack() == shown(1, 2)
    assert not editor.load(b"no record") and editor.is_empty()
    assert unpack(editor.pack()) == Record()


def test_an_unreadable_record_has_no_audiences_and_is_capped() -> None:
    good = shown(100)
    for bad in (good[:-1], good + b"\0", b"\1" + good[1:], b"\2"):
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
        Record(shown={1: []}),
        Record(hours={1: {2: 3}}),
        Record(shown={1: [5]}, hours={1: {2: 1 << 12}}),
        Record(scores={1: Scored(1 << 31, 0)}),
        Record(relations={1: Standing(stage=256)}),
        Record(segments=dict.fromkeys(range(70_000), 1)),
    ],
)
def test_what_does_not_fit_the_format_is_refused(record: Record) -> None:
    with pytest.raises(ValueError, match=r"out of range|no times"):
        pack(record)


@pytest.mark.parametrize("id", [-1, MAX_SCOPE_ID + 1])
def test_an_id_beyond_the_scopes_is_refused(id: int) -> None:
    for scope in (campaign_scope, line_item_scope, advertiser_scope, creative_scope, audience_scope):
        with pytest.raises(ValueError, match="out of range"):
            scope(id)
