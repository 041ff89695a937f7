"""The live view: what it prints for given figures."""

import math
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.live import BAR, PLAN, Figures, bar, line, screen
from domain.money import NANOS
from pacing.protocol import Delivery


def figures(**changes: object) -> Figures:
    usual: dict[str, object] = {
        "elapsed_s": 83.4,
        "now": datetime(2026, 11, 22, 12, 30, tzinfo=UTC),
        "requests": 8000,
        "requests_per_s": 312.4,
        "p50_s": 0.0012,
        "p99_s": 0.0043,
        "bids": 4000,
        "wins": 1000,
        "impressions": 900,
        "clicks": 18,
        "failures": 0,
        "spend": {"USD": 12_345_000_000, "CNY": 500_000_000},
    }
    return Figures(**(usual | changes))  # type: ignore[arg-type]


def item(key: str = "one", spent: int = 0, planned: int = NANOS, budget: int = 10 * NANOS) -> Delivery:
    return Delivery(1, key, key, "adv", "USD", spent, planned, budget, 0)


def printed(items: list[Delivery], height: int, **changes: object) -> list[str]:
    console = Console(width=140, height=height, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(screen(figures(**changes), items, height))
    return console.export_text().rstrip("\n").split("\n")


def test_rates_are_shares_of_what_came_before() -> None:
    assert line(figures()) == (
        "   83 s  requests/s 312  p50 1.2 ms  p99 4.3 ms  bid rate 50.0 %  win rate 25.0 %  impressions 900  CTR 2.0 %"
        "  spend 0.50 CNY  12.35 USD"
    )


def test_nothing_yet_is_no_number() -> None:
    said = line(figures(requests=0, bids=0, wins=0, impressions=0, clicks=0, p50_s=math.nan, p99_s=math.nan, spend={}))
    assert "p50 –  p99 –  bid rate –  win rate –" in said
    assert said.endswith("spend 0")


def test_failures_show_only_when_there_are_some() -> None:
    assert "failures" not in line(figures())
    assert line(figures(failures=3)).endswith("failures 3")


@pytest.mark.parametrize(
    ("spent", "planned", "filled"),
    [(0, NANOS, 0), (NANOS // 2, NANOS, PLAN // 2), (NANOS, NANOS, PLAN), (9 * NANOS, NANOS, BAR), (NANOS, 0, 0)],
)
def test_the_bar_is_spend_against_plan(spent: int, planned: int, filled: int) -> None:
    drawn = bar(item(spent=spent, planned=planned)).plain
    assert drawn[PLAN] == "│"
    assert drawn.count("━") == filled
    assert len(drawn) == BAR + 1


def test_overspending_a_budget_is_red() -> None:
    assert "red" in str(bar(item(spent=11 * NANOS)).spans)
    assert "red" not in str(bar(item(spent=10 * NANOS)).spans)


@pytest.mark.parametrize("height", [16, 24, 60])
def test_the_view_fits_the_terminal(height: int) -> None:
    items = [item(f"item-{number}", spent=number * NANOS) for number in range(30)]
    lines = printed(items, height)
    assert len(lines) <= height
    shown = [text for text in lines if text.startswith("item-")]
    assert shown[0].startswith("item-29")
    hidden = 30 - len(shown)
    assert any(f"… and {hidden} more" in text for text in lines) == (hidden > 0)
