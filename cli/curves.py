"""Curves of spend as an SVG: a row for each day, a panel for the day as it was and for each shock."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.pacing_backtest import Outcome, Trial

WIDTH, HEIGHT, GAP, TOP = 240, 160, 40, 60
EVERY = 10
"""Minutes between two points."""
COLOURS = ("#0b6e4f", "#c8553d", "#3d5a80", "#8f5fa8")
PLAN = "#999"


def draw(trials: "Sequence[Trial]") -> str:
    """The picture. Spend goes from nothing to the whole budget, bottom to top; the plan is dashed."""
    days = [(name, list(of_day)) for name, of_day in groupby(trials, lambda trial: trial.day)]
    columns = 1 + max(len(trial.shocked) for trial in trials)
    size = (GAP + columns * (WIDTH + GAP), TOP + len(days) * (HEIGHT + GAP))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif" '
            f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>',
            *_legend([trial.pacing for trial in days[0][1]]),
            *(line for row, (name, of_day) in enumerate(days) for line in _row(row, name, of_day)),
            "</svg>\n",
        ]
    )


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, (name, colour) in enumerate(zip(("plan", *names), (PLAN, *COLOURS), strict=False)):
        x = GAP + number * 100
        yield f'<rect x="{x}" y="14" width="18" height="4" fill="{colour}"/>'
        yield f'<text x="{x + 24}" y="20">{escape(name)}</text>'


def _row(row: int, day: str, trials: "Sequence[Trial]") -> Iterator[str]:
    panels = [(day, [trial.calm for trial in trials])]
    panels += [(name, [trial.shocked[name] for trial in trials]) for name in trials[0].shocked]
    for column, (title, outcomes) in enumerate(panels):
        x, y = GAP + column * (WIDTH + GAP), TOP + row * (HEIGHT + GAP)
        yield f'<g transform="translate({x},{y})"><text y="-6">{escape(title)}</text>'
        yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>'
        yield from _hours(outcomes[0])
        yield _line(outcomes[0].plan, PLAN, ' stroke-dasharray="4 3"')
        for outcome, colour in zip(outcomes, COLOURS, strict=False):
            yield _line(outcome.spent, colour)
        yield "</g>"


def _hours(outcome: "Outcome") -> Iterator[str]:
    """Every sixth full hour of the day."""
    start = datetime.fromtimestamp(outcome.start_s, UTC)
    first = start.hour * 60 + start.minute
    for hour in (6, 12, 18):
        x = (hour * 60 - first) / len(outcome.plan) * WIDTH
        if 0 < x < WIDTH:
            yield f'<path d="M{x:.1f} 0V{HEIGHT}" stroke="#eee"/>'
            yield f'<text x="{x - 14:.1f}" y="{HEIGHT + 12}">{hour}:00</text>'


def _line(shares: Sequence[float], colour: str, dashes: str = "") -> str:
    minutes = [*range(0, len(shares), EVERY), len(shares) - 1]
    points = (f"{(m + 1) / len(shares) * WIDTH:.1f},{(1 - shares[m]) * HEIGHT:.1f}" for m in minutes)
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.3"{dashes}/>'
