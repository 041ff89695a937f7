"""Individuals who are followed through a run: the people of a list that one campaign is for.

`judge` says of the impressions of that campaign whether all went to people of the list, whether caps held, and whether
who converted was left alone. It is handed what somebody's books say, the exchange's or Outbid's, and knows neither.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from domain.clock import SECOND

P = TypeVar("P", bound=Hashable)
"""How people are named: by the ids that exchanges send, or by the keys of Outbid's records."""


class Cap(NamedTuple):
    """At most so many impressions of one person in any window of that length."""

    impressions: int
    seconds: int
    written: str


class Shown(NamedTuple, Generic[P]):
    """One impression; nanoseconds UTC."""

    person: P
    asked_ns: int
    """When the bid was asked for."""
    shown_ns: int


@dataclass
class Watch:
    """Counts who asks for ads while a run goes on: that others were asked about, and converters again, and often, is
    what makes their getting none worth something.
    """

    listed: frozenset[str]
    campaign: str
    """``cid``"""
    grace_ns: int = SECOND
    requests_of_listed: int = 0
    requests_of_others: int = 0
    requests_of_converters: int = 0
    """Longer than ``grace_ns`` after their conversion was acknowledged."""
    _converted: dict[str, int] = field(default_factory=dict)

    def asked(self, person: str, now_ns: int) -> None:
        if person in self.listed:
            self.requests_of_listed += 1
        else:
            self.requests_of_others += 1
        if person in self._converted and now_ns > self._converted[person] + self.grace_ns:
            self.requests_of_converters += 1

    def converted(self, person: str, campaign: str, now_ns: int) -> None:
        if campaign == self.campaign:
            self._converted.setdefault(person, now_ns)


@dataclass(frozen=True)
class Verdict:
    """What books say of the campaign. All but the first two and ``converters`` must be within what was asked for."""

    to_listed: int
    persons: int
    """Of the list, who saw it at least once."""
    to_others: int
    most: tuple[int, ...]
    """Of each cap: the most impressions of one person in a window."""
    converters: int
    after_conversion: int
    """Impressions asked for longer than the grace after the person's conversion."""

    def faults(self, caps: Sequence[Cap]) -> list[str]:
        """What the campaign must never do, one line each; and what was not put to the test at all."""
        lines = [f"{self.to_others} × shown to somebody who is not in the list"] if self.to_others else []
        for cap, most in zip(caps, self.most, strict=True):
            if most > cap.impressions:
                lines.append(f"{most} impressions of one person where the cap is {cap.written}")
        if self.after_conversion:
            lines.append(f"{self.after_conversion} × shown to somebody who had converted")
        if not self.to_listed:
            lines.append("nobody of the list was shown anything, so nothing is proven")
        return lines


def judge(
    impressions: Iterable[Shown[P]],
    converted: Mapping[P, int],
    listed: Collection[P],
    caps: Sequence[Cap],
    grace_ns: int = SECOND,
) -> Verdict:
    """``converted``: when a person's first conversion was known, nanoseconds UTC."""
    by_person: dict[P, list[Shown[P]]] = {}
    for one in impressions:
        by_person.setdefault(one.person, []).append(one)
    to_listed = sum(len(seen) for person, seen in by_person.items() if person in listed)
    late = sum(
        one.asked_ns > converted[person] + grace_ns
        for person, seen in by_person.items()
        if person in converted
        for one in seen
    )
    return Verdict(
        to_listed=to_listed,
        persons=sum(person in listed for person in by_person),
        to_others=sum(map(len, by_person.values())) - to_listed,
        most=tuple(
            max((most_within([one.shown_ns for one in seen], cap.seconds) for seen in by_person.values()), default=0)
            for cap in caps
        ),
        converters=len(converted),
        after_conversion=late,
    )


def most_within(times_ns: Iterable[int], seconds: int) -> int:
    """The most of these moments in any window of so many seconds; one at its very end is not in it."""
    times, first, most = sorted(times_ns), 0, 0
    for last, now in enumerate(times):
        while times[first] + seconds * SECOND <= now:
            first += 1
        most = max(most, last - first + 1)
    return most
