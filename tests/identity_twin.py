"""The identity map once more, by brute force: edges in a set, what was learnt under each key in a list, and everything
else computed from scratch whenever it is asked for."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from domain.person import Stage
from targeting.identity import MAX_KEYS, Edge, IdentityMap, TooManyKeys
from targeting.people import Profiles
from targeting.record import Conversions, Scored, Standing, campaign_scope, line_item_scope
from targeting.record_editor import Editor
from targeting.unpacked import Record, unpack

LEAST = 0.5
BASE = 1_700_000_000
KEYS = [1, 2, 3, 0xDEAD_BEEF, 1 << 40, (1 << 63) + 5, (1 << 64) - 1]
KEY = st.sampled_from(KEYS)
AT = st.sampled_from([0, 1, 2, 3_600, 90_000, 30 * 86_400 - 1, 30 * 86_400 + 7_200]).map(lambda after: BASE + after)
"""After 30 days by more than an hour: what is counted by the hour may be kept so much longer, and whether it is depends
on the order in which impressions come."""
CONFIDENCE = st.sampled_from([1.0, 1.0, 0.9, LEAST, 0.3])

Op = tuple[Any, ...]

OPS = st.one_of(
    st.tuples(st.just("join"), KEY, KEY, st.sampled_from(["login", "sync"]), CONFIDENCE, AT),
    st.tuples(st.just("join"), KEY, KEY, st.sampled_from(["login", "sync"]), CONFIDENCE, AT),
    st.tuples(st.just("split"), KEY, KEY),
    st.tuples(st.just("show"), KEY, AT, st.integers(1, 2), st.sampled_from([1, 2, 60, 101])),
    st.tuples(st.just("visit"), KEY, st.integers(1, 2), AT),
    st.tuples(st.just("reach"), KEY, st.integers(1, 2), st.sampled_from(list(Stage)), AT),
    st.tuples(st.just("score"), KEY, st.integers(1, 2), st.integers(-3, 3), AT),
    st.tuples(st.just("convert"), KEY, st.integers(1, 2), AT),
    st.tuples(st.just("enter"), KEY, st.integers(1, 3), AT),
    st.tuples(st.just("leave"), KEY, st.integers(1, 3)),
    st.tuples(st.just("forget"), KEY),
)


class Twin:
    """What a store must say after the same operations."""

    def __init__(self) -> None:
        self.edges: dict[tuple[frozenset[int], str], Edge] = {}
        self.learnt: dict[int, list[Op]] = {key: [] for key in KEYS}

    def do(self, store: Profiles, identity: IdentityMap, op: Op) -> None:
        """One operation, on the store and here; what both say of it is the same."""
        name, key, *rest = op
        if name == "join":
            self._join(identity, Edge(key, *rest))
        elif name == "split":
            gone = [pair for pair in self.edges if pair[0] == {key, rest[0]}]
            assert identity.split(key, rest[0]) == len(gone)
            for pair in gone:
                del self.edges[pair]
        elif name == "forget":
            keys = self.group(key)
            assert identity.forget(key) == sorted(keys)
            for one in keys:
                self.learnt[one] = []
            self.edges = {pair: edge for pair, edge in self.edges.items() if not pair[0] & keys}
        elif name == "enter":
            store.join(rest[0], [key], rest[1])
            self.learnt[key].append(op)
        elif name == "leave":
            store.leave(rest[0], [key])
            self.learnt[key].append(op)
        else:
            store.change([(key, lambda editor: replay(editor, op))])
            self.learnt[key].append(op)

    def _join(self, identity: IdentityMap, edge: Edge) -> None:
        pair = (frozenset((edge.first, edge.second)), edge.source)
        try:
            new = identity.join(edge.first, edge.second, edge.source, edge.confidence, edge.at_s)
        except TooManyKeys:
            raise AssertionError("there are fewer keys than that") from None
        except ValueError:
            assert edge.first == edge.second
            return
        known = self.edges.get(pair)
        assert new == (known is None)
        if known is not None:
            older = min((known, edge), key=lambda told: (told.at_s, told.first, told.second))
            edge = Edge(older.first, older.second, edge.source, edge.confidence, older.at_s)
        self.edges[pair] = edge

    def group(self, key: int) -> set[int]:
        found = {key}
        while True:
            more = {
                one for edge in self.edges.values() if edge.confidence >= LEAST and {edge.first, edge.second} & found
                for one in (edge.first, edge.second)
            }  # fmt: skip
            if more <= found:
                return found
            found |= more

    def person(self, key: int) -> int:
        group = self.group(key)
        joining = [edge for edge in self.edges.values() if edge.first in group and edge.confidence >= LEAST]
        oldest = min(joining, key=lambda edge: (edge.at_s, edge.first, edge.second), default=None)
        return oldest.first if oldest is not None else key

    def part(self, key: int) -> Record:
        editor = Editor()
        for op in self.learnt[key]:
            replay(editor, op)
        return unpack(editor.pack())

    def record(self, key: int) -> Record:
        """The person's: impressions as if all had been shown under one key, the rest part by part."""
        editor, parts = Editor(), [self.part(one) for one in self.group(key)]
        shows = [op for one in self.group(key) for op in self.learnt[one] if op[0] == "show"]
        for op in sorted(shows, key=lambda op: op[2]):
            replay(editor, op)
        shown = unpack(editor.pack())
        out = Record(shown=shown.shown, hours=shown.hours)
        for part in parts:
            for segment, until in part.segments.items():
                out.segments[segment] = max(until, out.segments.get(segment, 0))
            for advertiser, at in part.relations.items():
                own = out.relations.get(advertiser, Standing())
                stage = max((own.since_s, own.stage), (at.since_s, at.stage))
                out.relations[advertiser] = Standing(
                    stage[1], stage[0], max(own.visited_s, at.visited_s), max(own.shown_s, at.shown_s), 0
                )
            for id_, scored in part.scores.items():
                known = out.scores.get(id_)
                newest = max([scored] + ([known] if known else []), key=lambda one: (one.at_s, one.value))
                out.scores[id_] = Scored(newest.value, newest.at_s)
            for kind, done in part.conversions.items():
                before = out.conversions.get(kind, Conversions(0, 0))
                out.conversions[kind] = Conversions(max(before.last_s, done.last_s), before.total + done.total)
        return out

    def check(self, store: Profiles, identity: IdentityMap, raw: Callable[[Sequence[int]], list[bytes | None]]) -> None:
        """All that can be asked of the store, for every key."""
        for key, lies, record in zip(KEYS, raw(KEYS), store.get_many(KEYS), strict=True):
            group, person = self.group(key), self.person(key)
            assert identity.person(key) == person
            assert identity.keys(key) == sorted(group)
            assert set(identity.edges(key)) == {edge for pair, edge in self.edges.items() if pair[0] & group}
            assert unpack(record or b"") == self.record(key)
            if len(group) == 1:
                assert lies is None or lies[0] == 2, "what lies there is a plain record"
            else:
                assert lies is not None and lies[0] == (0x82 if key == person else 3), "a merge, or an alias"
        for segment in (1, 2, 3):
            assert store.members(segment) == [key for key in KEYS if segment in self.part(key).segments]


def replay(editor: Editor, op: Op) -> None:
    match op:
        case ("show", _, at_s, line_item, times):
            for _ in range(times):
                editor.show(at_s, [campaign_scope(1), line_item_scope(line_item)], 1)
        case ("visit", _, advertiser, at_s):
            editor.visit(advertiser, at_s)
        case ("reach", _, advertiser, stage, at_s):
            editor.reach(advertiser, stage, at_s)
        case ("score", _, id_, value, at_s):
            editor.score(id_, value, at_s)
        case ("convert", _, kind, at_s):
            editor.convert(kind, at_s)
        case ("enter", _, segment, until):
            editor.join(segment, until)
        case ("leave", _, segment):
            editor.leave(segment)
        case _:
            raise AssertionError(op)


assert len(KEYS) < MAX_KEYS
