"""What rings there are among clicks and what installs say of them: measured, and told as text and as a page."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import isnan
from textwrap import wrap

from msgspec import Struct

from prediction.card import Part, Table, page
from risk.click_log import Clicks
from risk.click_rings import LEAST_ADDRESSES, LEAST_CLICKS, SORTS, ClickRing, rings_of
from risk.ring_evidence import LATE_S, Evidence, Ratio, timely, weigh, weigh_later

TITLES = {
    "address": "Rings of an address",
    "pair": "Rings of one device behind one address",
    "device": "Rings of a device at many addresses",
}
MEANINGS = {
    "address": f"Addresses with at least {LEAST_CLICKS} clicks, ranked by how surprising it is that clicks for one app "
    "came from one model and system again and again.",
    "pair": f"Model, system and address together, with at least {LEAST_CLICKS} clicks, ranked by how surprising it is "
    "that they were for one app again and again.",
    "device": f"Model and system at {LEAST_ADDRESSES} addresses or more, ranked by how surprising it is that their "
    "clicks go to the apps they go to.",
}
COLUMNS = 110
MIN_INSTALLS = 20
"""With fewer in all, nothing is concluded."""


class Shown(Struct, frozen=True):
    """A ring, as it is told."""

    name: str
    bits: float
    clicks: int
    addresses: int
    devices: int
    apps: int
    most_an_hour: int
    installs: int
    late: int


class Section(Struct, frozen=True):
    """One sort of rings."""

    sort: str
    best: tuple[Shown, ...]
    now: Evidence
    """On the clicks in which they were found."""
    later: Evidence
    """Found in the first part of the time, weighed on the clicks of the second."""
    later_untimely: Evidence
    """The same, of rings without a timely install in the first part only."""


class Report(Struct, frozen=True):
    """Everything that was measured."""

    clicks: int
    installs: int
    first_s: int
    last_s: int
    learnt_share: float
    sections: tuple[Section, ...]


def report(
    clicks: Clicks, shown: int = 20, learnt_share: float = 0.5, progress: Callable[[float], None] = lambda share: None
) -> Report:
    """Rings of every sort and their evidence. The first ``learnt_share`` of the clicks is where rings that are weighed
    on later ones are found.
    """
    cut = round(len(clicks) * learnt_share)
    early, late, sections = clicks.part(slice(0, cut)), clicks.part(slice(cut, None)), []
    for number, sort in enumerate(SORTS):
        rings, before = rings_of(clicks, sort), rings_of(early, sort)
        untimely = [ring for ring in before if not timely(early, ring)]
        sections.append(
            Section(
                sort,
                tuple(_shown(clicks, ring) for ring in rings[:shown]),
                weigh(clicks, rings),
                weigh_later(late, before),
                weigh_later(late, untimely),
            )
        )
        progress((number + 1) / len(SORTS))
    span = int(clicks.time_s[0]), int(clicks.time_s[-1])
    return Report(len(clicks), int(clicks.installed.sum()), *span, learnt_share, tuple(sections))


def as_text(found: Report) -> str:
    """For a terminal."""
    lines = []
    for part in _parts(found):
        lines += [part.title, "=" * len(part.title), *(line for text in part.text for line in wrap(text, COLUMNS))]
        if part.table:
            lines += _aligned([part.table.columns, *part.table.rows])
        lines.append("")
    return "\n".join(lines)


def as_page(found: Report) -> str:
    """HTML, all in one file."""
    return page("Rings among clicks", tuple(_parts(found)))


def conclusion(evidence: Evidence) -> str:
    """In words, what installs say of a ranking."""
    if evidence.installs < MIN_INSTALLS or not evidence.depths:
        return "There are too few installs, or no rings, to say what the ranking is worth."
    whole = evidence.depths[-1].by_app
    if whole.high < 1:
        said = f"Rings install less than other clicks for the same apps: {_ratio(whole)} of what would be expected."
    elif whole.low > 1:
        said = (
            f"Rings install more than other clicks for the same apps ({_ratio(whole)}): they are no fraud as a whole."
        )
    else:
        said = f"Whether rings install less than other clicks for the same apps cannot be told: {_ratio(whole)}."
    everywhere = _order(evidence.area, evidence.area_low, evidence.area_high)
    inside = _order(evidence.area_inside, evidence.area_inside_low, evidence.area_inside_high)
    return f"{said} Among all clicks, {everywhere}. Among clicks of rings, {inside}."


def _order(area: float, low: float, high: float) -> str:
    if isnan(area):
        return "there are too few installs to tell what the order is worth"
    told = f"area {area:.3f} ({low:.3f} to {high:.3f})"
    if low > 0.5:
        return f"what ranks higher installs less: {told}"
    if high < 0.5:
        return f"what ranks higher installs more: {told}"
    return f"the order says nothing that can be told from chance: {told}"


def _parts(found: Report) -> Iterator[Part]:
    rate = found.installs / found.clicks
    yield Part(
        "Clicks",
        (
            f"{found.clicks:,} clicks from {_time(found.first_s)} to {_time(found.last_s)}, {found.installs:,} "
            f"installs ({rate:.3%}).",
            "Rings are found and ranked without looking at installs. A ratio is installs over those expected, once "
            "by the rate of all clicks, once by those of the same apps, since apps differ. Intervals hold 95 %. "
            f"An install more than {LATE_S // 3600} h after its click is late. The area is the chance that a click "
            "without an install is of a higher rank than one with it; 0.5 says nothing.",
        ),
    )
    for section in found.sections:
        title = TITLES[section.sort]
        yield Part(title, (MEANINGS[section.sort], conclusion(section.now)), _depths(section.now))
        yield Part(f"{title}: the first", (), _best(section.best))
        share = f"the first {found.learnt_share:.0%} of the clicks"
        text = f"Found in {share}, weighed on the clicks that came after them. {conclusion(section.later)}"
        yield Part(f"{title}: later clicks", (text,), _depths(section.later))
        text = (
            f"Only rings that had brought no install within {LATE_S // 3600} h in {share}. "
            f"{conclusion(section.later_untimely)}"
        )
        yield Part(f"{title}: later clicks of those without timely installs", (text,), _depths(section.later_untimely))


def _depths(evidence: Evidence) -> Table:
    columns = (
        "rings", "clicks", "installs", "of all's rate", "of the apps' rate", "without install", "by chance", "late"
    )  # fmt: skip
    rows = [
        (
            f"first {depth.rings:,}",
            f"{depth.clicks:,}",
            f"{depth.by_all.installs:,}",
            _ratio(depth.by_all),
            _ratio(depth.by_app),
            f"{depth.empty / depth.rings:.1%} ({depth.empty_low:.1%} to {depth.empty_high:.1%})",
            f"{depth.empty_expected:.1%}",
            f"{depth.late:,}",
        )
        for depth in evidence.depths
    ]
    rest = evidence.rest
    outside = evidence.installs - evidence.depths[-1].by_all.installs if evidence.depths else evidence.installs
    rows.append(("in none", "", f"{outside:,}", _ratio(rest), _ratio(evidence.rest_by_app), "", "", ""))
    return Table(columns, tuple(rows))


def _best(best: Sequence[Shown]) -> Table:
    columns = ("ring", "bits", "clicks", "addresses", "devices", "apps", "most an hour", "installs", "late")
    rows = tuple(
        (
            ring.name,
            f"{ring.bits:,.0f}",
            *(f"{n:,}" for n in (ring.clicks, ring.addresses, ring.devices, ring.apps)),
            *(f"{n:,}" for n in (ring.most_an_hour, ring.installs, ring.late)),
        )
        for ring in best
    )
    return Table(columns, rows)


def _shown(clicks: Clicks, ring: ClickRing) -> Shown:
    return Shown(
        ring.name,
        ring.bits,
        ring.clicks,
        ring.addresses,
        ring.devices,
        ring.apps,
        ring.most_an_hour,
        int(clicks.installed[ring.rows].sum()),
        int((clicks.delay_s[ring.rows] > LATE_S).sum()),
    )


def _ratio(found: Ratio) -> str:
    return "none expected" if isnan(found.value) else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
