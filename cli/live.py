"""The live terminal view of ``outbid run``: what the exchange sees, and spend against plan of every line item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain.money import NANOS
from pacing.protocol import Delivery

BAR = 24
"""Characters of a line item's bar of spend."""

PLAN = 16
"""Where in the bar the plan is: spend beyond it is ahead of plan."""


@dataclass(frozen=True)
class Figures:
    """The exchange's view, since the start unless it says otherwise. Latencies are nan before the first answer."""

    elapsed_s: float
    now: datetime
    """Business time."""
    requests: int
    requests_per_s: float
    """Over the last seconds."""
    p50_s: float
    p99_s: float
    bids: int
    wins: int
    impressions: int
    clicks: int
    failures: int
    """Requests without an answer of status 200 or 204."""
    spend: Mapping[str, int] = field(default_factory=dict)
    """Nanos by currency."""


def screen(figures: Figures, delivery: Sequence[Delivery], height: int) -> RenderableType:
    """The whole view, at most ``height`` lines."""
    room = max(3, height - 8)
    return Group(_head(figures), Text(), _line_items(delivery, room))


def line(figures: Figures) -> str:
    """The same in one line, for a log."""
    return "  ".join([f"{figures.elapsed_s:5.0f} s", *(f"{name} {value}" for name, value in _values(figures))])


def _values(figures: Figures) -> list[tuple[str, str]]:
    spend = "  ".join(f"{nanos / NANOS:,.2f} {currency}" for currency, nanos in sorted(figures.spend.items()))
    return [
        ("requests/s", f"{figures.requests_per_s:,.0f}"),
        ("p50", _milliseconds(figures.p50_s)),
        ("p99", _milliseconds(figures.p99_s)),
        ("bid rate", _share(figures.bids, figures.requests)),
        ("win rate", _share(figures.wins, figures.bids)),
        ("impressions", f"{figures.impressions:,}"),
        ("CTR", _share(figures.clicks, figures.impressions)),
        ("spend", spend or "0"),
        *([("failures", f"{figures.failures:,}")] if figures.failures else []),
    ]


def _head(figures: Figures) -> RenderableType:
    minutes, seconds = divmod(int(figures.elapsed_s), 60)
    grid = Table.grid(padding=(0, 3))
    values = _values(figures)
    for _ in values:
        grid.add_column()
    grid.add_row(*(Text(name, style="dim") for name, _ in values))
    grid.add_row(*(Text(value, style="bold red" if name == "failures" else "bold") for name, value in values))
    title = Text.assemble(
        ("Outbid", "bold"), f"   {minutes:02d}:{seconds:02d}   ", (f"{figures.now:%A %Y-%m-%d %H:%M:%S} UTC", "dim")
    )
    return Group(title, Text(), grid)


def _line_items(delivery: Sequence[Delivery], room: int) -> RenderableType:
    """The line items that spent most first; ``room`` lines with the header."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("line item", no_wrap=True)
    for name in ("spent today", "plan by now", "budget today"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("spent ━ plan │", no_wrap=True)
    table.add_column("of plan", justify="right", no_wrap=True)
    ranked = sorted(delivery, key=lambda item: (-item.spent_today, item.key))
    shown = ranked if len(ranked) < room else ranked[: room - 2]
    for item in shown:
        amounts = (f"{nanos / NANOS:,.4f}" for nanos in (item.spent_today, item.planned_now))
        budget = f"{item.budget_today / NANOS:,.2f}"
        share = _share(item.spent_today, item.planned_now)
        table.add_row(item.key, *amounts, budget, item.currency, bar(item), share)
    if len(shown) < len(ranked):
        table.add_row(Text(f"… and {len(ranked) - len(shown)} more", style="dim"))
    return table


def bar(item: Delivery) -> Text:
    """Spend against the plan for now, which is the upright; red when today's budget is overspent."""
    spent = min(BAR, round(PLAN * item.spent_today / item.planned_now)) if item.planned_now else 0
    over = item.spent_today > item.budget_today
    text = Text("━" * spent + "·" * (BAR - spent), style="red" if over else "green")
    return Text.assemble(text[:PLAN], ("│", "bold yellow"), text[PLAN:])


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds == seconds else "–"
