"""The live view: what it prints for given figures."""

import io
import time
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.live import BAR, PLAN, bar, line, screen
from domain.money import NANOS
from pacing.protocol import Delivery
from simulator.statistics import Statistics

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def seen() -> Statistics:
    """83 seconds of trade; 500 answers within the last seconds, one of ten of them slow."""
    statistics = Statistics(started=time.monotonic() - 83.4)
    for number in range(500):
        statistics.answered(200, 0.0043 if number % 10 == 0 else 0.0012)
    statistics.bids, statistics.bid_requests, statistics.sales = 300, 250, 75
    statistics.acknowledged.update(impression=50, click=1)
    statistics.spend.update(USD=12_345_000_000, CNY=500_000_000)
    return statistics


def item(key: str = "one", spent: int = 0, planned: int = NANOS, budget: int = 10 * NANOS) -> Delivery:
    return Delivery(1, key, key, "adv", "USD", spent, planned, budget, 0)


def printed(items: list[Delivery], height: int) -> list[str]:
    console = Console(width=140, height=height, file=io.StringIO())
    with console.capture() as captured:
        console.print(screen(seen(), NOW, items, height))
    return captured.get().rstrip("\n").split("\n")


def test_rates_are_shares_of_what_came_before() -> None:
    assert line(seen()) == (
        "   83 s  requests/s 100  p50 1.2 ms  p99 4.3 ms  bid rate 50.0 %  win rate 25.0 %  impressions 50  CTR 2.0 %"
        "  spend 0.50 CNY  12.35 USD"
    )


def test_nothing_yet_is_no_number() -> None:
    said = line(Statistics())
    assert "p50 –  p99 –  bid rate –  win rate –" in said
    assert said.endswith("spend 0")


def test_failures_show_only_when_there_are_some() -> None:
    statistics = seen()
    assert "failures" not in line(statistics)
    statistics.answered(500, 0.001)
    statistics.dropped += 2
    assert line(statistics).endswith("failures 3")


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
