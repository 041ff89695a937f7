"""How often clicks, installs and applications came lately, and from how many: by address, device, telephone number and
person. The facts of velocity, of many lenders and of intent are counted here.

Events come one by one (`Counters.observe`), those that the risk service is told of and those of training files alike,
so that a score sees in service what it saw when it was learnt. Memory is bounded: each table has so many slots, and
what was not seen for longest makes room. Tables are files, which other processes may read (``readonly``) meanwhile.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct

from domain.errors import Problem, Refused
from risk.last_seen import LastSeen
from risk.slots import Slots
from risk.window_counts import Window, WindowCounts

EventName = Literal[
    "click", "install", "application", "rejection", "loan_search", "loan_view", "loan_calculation", "started"
]
EVENTS: tuple[EventName, ...] = get_args(EventName)

DEVICE_KINDS = frozenset({"ifa", "device", "cookie", "key"})
"""Ids that stand for a device; a bare key is taken for one."""
PHONE_KINDS = frozenset({"phone_sha256"})

HOUR, DAY = 3_600, 86_400
LATEST_S = 300
"""How far an event may be ahead of the clock."""
SLOTS = 1 << 19
"""Of each table, where no other number is asked for, and four times as many ids of events: 0.7 GB if all are used, of
disk and memory."""

_HOUR, _DAY, _WEEK, _MONTH = Window(300, 12), Window(HOUR, 24), Window(DAY, 7), Window(DAY, 30)
_VELOCITY = {"click": (_HOUR, _DAY), "install": (_DAY,), "application": (_DAY,)}
_PERSON = {
    "application": (_WEEK, _MONTH),
    "rejection": (_MONTH,),
    "loan_search": (_WEEK,),
    "loan_view": (_WEEK,),
    "loan_calculation": (_MONTH,),
    "started": (_MONTH,),
}
_INTENT = ("loan_search", "loan_view", "loan_calculation", "started")
_LENDERS = {"lenders_24h": DAY, "lenders_7d": 7 * DAY, "lenders_30d": 30 * DAY, "lenders_90d": 90 * DAY}


class Event(Struct, frozen=True):
    """Something that came. At least one of ``ids`` and ``ip`` is given."""

    name: EventName
    at_s: int
    """Unix seconds."""
    ids: tuple[tuple[str, int], ...] = ()
    """(kind, key), as `risk.subject.Id`."""
    ip: int = 0
    """Key of the address (``person_key("ip", canonical text)``)."""
    institution: int = 0
    """With whom an application was made; 0: not told, and then not counted as a lender."""


class Counters:
    """The tables of one directory, or of memory alone. One process writes them."""

    def __init__(self, directory: Path | None = None, slots: int = SLOTS, *, readonly: bool = False) -> None:
        def place(name: str) -> Path | None:
            return None if directory is None else directory / f"{name}.slots"

        idle = ("click", "install")
        self._velocity = WindowCounts(place("velocity"), _VELOCITY, slots, idle=idle, readonly=readonly)
        self._person = WindowCounts(place("person"), _PERSON, slots, readonly=readonly)
        self._lenders = LastSeen(place("lenders"), slots // 2, readonly=readonly)
        self._seen = LastSeen(place("seen"), slots // 2, readonly=readonly)
        self._told = Slots(place("told"), 0, 4 * slots, readonly=readonly)

    @classmethod
    def open(cls, directory: Path, slots: int = SLOTS, *, readonly: bool = False) -> "Counters":
        """Those of a directory, which need not exist unless ``readonly``. Raises Unavailable, Refused, OSError."""
        return cls(directory, slots, readonly=readonly)

    def observe_once(self, event: Event, told: int, now_s: int) -> bool:
        """`observe`, unless an event was ``told`` by this id (0: it has none) among the last millions; then False."""
        if told and self._told.find(told) >= 0:
            return False
        self.observe(event, now_s)
        if told:
            self._told.claim(told, now_s)
        return True

    def observe(self, event: Event, now_s: int | None = None) -> None:
        """Counts an event. Raises Refused, and counts nothing: of another name, of nobody, of no time, or of one that
        is more than `LATEST_S` ahead of ``now_s``.
        """
        self.check(event, now_s)
        name, at_s, ip = event.name, event.at_s, event.ip
        devices = [key for kind, key in event.ids if kind in DEVICE_KINDS]
        if name in _VELOCITY:
            fast = [key for kind, key in event.ids if kind in DEVICE_KINDS or kind in PHONE_KINDS]
            for key in (*fast, ip) if ip else fast:
                self._velocity.observe(key, name, at_s)
        if name in _PERSON:
            for _, key in event.ids:
                self._person.observe(key, name, at_s)
                if name == "application" and event.institution:
                    self._lenders.observe(key, event.institution, at_s)
        if ip:
            for key in devices:
                self._seen.observe(ip, key, at_s)
                self._seen.observe(key, ip, at_s)

    def check(self, event: Event, now_s: int | None = None) -> None:
        """Raises Refused for what `observe` would not count."""
        if problems := _faults(event, now_s):
            raise Refused(problems)

    def facts(self, ids: Sequence[tuple[str, int]], ip: int, now_s: int) -> dict[str, float]:
        """What is known of a subject, by name of `risk.inputs.FACTS`. Of several ids the most is told, of gaps the
        least; a subject that was never seen has counts of 0, and no gaps and no age.
        """
        told: dict[str, float] = {}
        devices = [key for kind, key in ids if kind in DEVICE_KINDS]
        if ip:
            self._velocity_facts("ip", [ip], now_s, told)
            told["ip_devices_24h"] = self._seen.different(ip, (DAY,), now_s)[0]
        if devices:
            self._velocity_facts("device", devices, now_s, told)
            told["device_ips_24h"] = max([self._seen.different(key, (DAY,), now_s)[0] for key in devices])
        if phones := [key for kind, key in ids if kind in PHONE_KINDS]:
            records = [record for key in phones if (record := self._velocity.find(key)) >= 0]
            counts = [self._velocity.counted(record, "application", now_s)[0] for record in records]
            told["phone_applications_24h"] = max(counts, default=0)
        if ids:
            self._person_facts([key for _, key in ids], now_s, told)
        return told

    def _velocity_facts(self, what: str, keys: list[int], now_s: int, told: dict[str, float]) -> None:
        counts = [0] * 5
        gap: float | None = None
        age: float | None = None
        for key in keys:
            record = self._velocity.find(key)
            if record < 0:
                continue
            first_s, idled, *lasts = self._velocity.heads(record)
            found: list[int] = []
            for (event, windows), last_s in zip(_VELOCITY.items(), lasts, strict=True):
                found += self._velocity.counted(record, event, now_s) if last_s else (0,) * len(windows)
            counts = list(map(max, counts, (*found, idled)))
            if lasts[0]:
                since = max(now_s - lasts[0], 0)
                gap = since if gap is None else min(gap, since)
            known_for = max(now_s - first_s, 0) / HOUR
            age = known_for if age is None else max(age, known_for)
        told[f"{what}_clicks_1h"], told[f"{what}_clicks_24h"], told[f"{what}_installs_24h"] = counts[:3]
        told[f"{what}_applications_24h"], told[f"{what}_idle_clicks"] = counts[3:]
        if gap is not None:
            told[f"{what}_click_gap_s"] = gap
        if age is not None and what == "device":
            told["device_age_h"] = age

    def _person_facts(self, keys: list[int], now_s: int, told: dict[str, float]) -> None:
        counts = dict.fromkeys(_PERSON_FACTS, 0)
        applied = intended = 0
        for key in keys:
            record = self._person.find(key)
            if record < 0:
                continue
            for (event, names), last_s in zip(_PERSON_COUNTS.items(), self._person.heads(record)[2:], strict=True):
                if not last_s:
                    continue
                for name, count in zip(names, self._person.counted(record, event, now_s), strict=True):
                    if count > counts[name]:
                        counts[name] = count
                if event == "application":
                    applied = max(applied, last_s)
                elif event in _INTENT:
                    intended = max(intended, last_s)
        told |= counts
        lenders = [self._lenders.different(key, _LENDERS.values(), now_s) for key in keys]
        told |= zip(_LENDERS, map(max, *lenders) if len(lenders) > 1 else lenders[0], strict=True)
        if applied:
            told["application_gap_h"] = max(now_s - applied, 0) / HOUR
        if intended:
            told["intent_gap_h"] = max(now_s - intended, 0) / HOUR

    def forget(self, keys: Collection[int]) -> None:
        """Removes all that is known of these keys, and that others were seen with them."""
        for _ in self.forgetting(keys):
            pass

    def forgetting(self, keys: Collection[int]) -> Iterator[None]:
        """The same in pieces of about a millisecond, for who has others to serve meanwhile."""
        for key in keys:
            self._velocity.slots.forget(key)
            self._person.slots.forget(key)
            self._lenders.slots.forget(key)
        yield from self._seen.forgetting(keys)

    def sync(self) -> None:
        """Returns when all that was counted is on disk; without it a crash of the machine may take the last seconds."""
        for slots in self._slots():
            slots.sync()

    def close(self) -> None:
        for slots in self._slots():
            slots.close()

    def _slots(self) -> list[Slots]:
        return [self._velocity.slots, self._person.slots, self._lenders.slots, self._seen.slots, self._told]


_PERSON_COUNTS: dict[str, tuple[str, ...]] = {
    "application": ("applications_7d", "applications_30d"),
    "rejection": ("rejections_30d",),
    "loan_search": ("loan_searches_7d",),
    "loan_view": ("loan_views_7d",),
    "loan_calculation": ("loan_calculations_30d",),
    "started": ("started_30d",),
}
_PERSON_FACTS = tuple(name for names in _PERSON_COUNTS.values() for name in names)


def _faults(event: Event, now_s: int | None) -> list[Problem]:
    found = []
    if event.name not in EVENTS:
        found.append(Problem("event", event.name, f"one of {', '.join(EVENTS)} is"))
    latest = 2**32 - 1 if now_s is None else now_s + LATEST_S
    if not 0 < event.at_s <= latest:
        found.append(Problem("at", event.at_s, f"Unix seconds are, and none later than {latest}"))
    if not event.ids and not event.ip:
        found.append(Problem("subject", None, "an event has at least one id, or an address"))
    if any(not 0 < key < 2**64 for _, key in event.ids) or not 0 <= event.ip < 2**64:
        found.append(Problem("subject", "0", "a key is 1 to 2^64 - 1"))
    return found
