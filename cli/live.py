"""The live terminal view of ``outbid run``: what the exchange sees, and spend against plan of every line item."""

import time
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain.money import NANOS
from pacing.protocol import Delivery
from simulator.statistics import Statistics

BAR = 24
"""Characters of a line item's bar of spend."""

NOTHING = "–"
"""Stands for a share of nothing."""

PLAN = 16
"""Where in the bar the plan is: spend beyond it is ahead of plan."""


def screen(seen: Statistics, now: datetime, delivery: Sequence[Delivery], height: int) -> RenderableType:
    """The whole view, at most ``height`` lines; ``now`` is business time."""
    room = max(3, height - 8)
    return Group(_head(seen, now), Text(), _line_items(delivery, room))


def line(seen: Statistics) -> str:
    """The same in one line, for a log."""
    return "  ".join([f"{_elapsed_s(seen):5.0f} s", *(f"{name} {value}" for name, value in _values(seen))])


def _values(seen: Statistics) -> list[tuple[str, str]]:
    spend = "  ".join(f"{nanos / NANOS:,.2f} {currency}" for currency, nanos in sorted(seen.spend.items()))
    answered = sum(seen.answers.values())
    return [
        ("requests/s", f"{seen.rps:,.0f}"),
        ("p50", f"{seen.p50_ms:.1f} ms" if answered else NOTHING),
        ("p99", f"{seen.p99_ms:.1f} ms" if answered else NOTHING),
        ("bid rate", _share(seen.bid_requests, answered)),
        ("win rate", _share(seen.sales, seen.bids)),
        ("impressions", f"{seen.impressions:,}"),
        ("CTR", _share(seen.clicks, seen.impressions)),
        ("spend", spend or "0"),
        *([("failures", f"{seen.failures:,}")] if seen.failures else []),
    ]


def _head(seen: Statistics, now: datetime) -> RenderableType:
    minutes, seconds = divmod(int(_elapsed_s(seen)), 60)
    grid = Table.grid(padding=(0, 3))
    values = _values(seen)
    for _ in values:
        grid.add_column()
    grid.add_row(*(Text(name, style="dim") for name, _ in values))
    grid.add_row(*(Text(value, style="bold red" if name == "failures" else "bold") for name, value in values))
    title = Text.assemble(
        ("Outbid", "bold"), f"   {minutes:02d}:{seconds:02d}   ", (f"{now:%A %Y-%m-%d %H:%M:%S} UTC", "dim")
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
    return f"{100 * part / whole:.1f} %" if whole else NOTHING


def _elapsed_s(seen: Statistics) -> float:
    return time.monotonic() - seen.started
