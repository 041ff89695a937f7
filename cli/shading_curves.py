"""A back-test of shading as an SVG: for each value of a click its bids by what the impression was worth, and the share
of the surplus over time, beside the twin that was told every price."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulator.shading_backtest import Floats, Trial

WIDTH, HEIGHT, GAP, TOP = 420, 220, 56, 50
PARTS = 20
"""Of time, and of worth."""
COLOURS = {"shaded": "#0b6e4f", "told every price": "#c8553d"}
TRUTHFUL = "#999"


def draw(trials: "Sequence[Trial]") -> str:
    width, height = GAP + 2 * (WIDTH + GAP), TOP + len(trials) * (HEIGHT + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for number, (name, colour) in enumerate(({**COLOURS, "bid = worth": TRUTHFUL}).items()):
        x = GAP + number * 150
        lines.append(
            f'<rect x="{x}" y="14" width="18" height="4" fill="{colour}"/><text x="{x + 24}" y="20">{name}</text>'
        )
    for row, trial in enumerate(trials):
        y = TOP + row * (HEIGHT + GAP)
        lines += [*_bids(trial, GAP, y), *_shares(trial, 2 * GAP + WIDTH, y)]
    return "\n".join([*lines, "</svg>\n"])


def _bids(trial: "Trial", x: int, y: int) -> Iterator[str]:
    """Mean bid by worth, in parts of equally many auctions."""
    worth = trial.runs[0].worth
    order = np.array_split(np.argsort(worth, kind="stable"), PARTS)
    across = np.array([worth[part].mean() for part in order])
    top = float(across[-1])
    yield from _frame(x, y, f"a click is worth {trial.value:,.0f}: bid by worth, both up to {top:,.0f}")
    yield _line(across / top, across / top, TRUTHFUL)
    for colour, runs in zip(COLOURS.values(), (trial.runs, trial.twins), strict=True):
        bids = np.mean([run.bids for run in runs], axis=0)
        yield _line(across / top, np.array([bids[part].mean() for part in order]) / top, colour)
    yield "</g>"


def _shares(trial: "Trial", x: int, y: int) -> Iterator[str]:
    yield from _frame(x, y, "share of the surplus that could be had, by time, 0 to 1")
    across = (np.arange(PARTS) + 0.5) / PARTS
    for colour, runs in zip(COLOURS.values(), (trial.runs, trial.twins), strict=True):
        earned = np.array([part.sum() for part in np.array_split(np.mean([r.surplus for r in runs], axis=0), PARTS)])
        best = np.array([part.sum() for part in np.array_split(runs[0].best, PARTS)])
        yield _line(across, earned / np.maximum(best, 1e-9), colour)
    yield "</g>"


def _frame(x: int, y: int, title: str) -> Iterator[str]:
    yield f'<g transform="translate({x},{y})"><text y="-6">{title}</text>'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>'


def _line(across: "Floats", up: "Floats", colour: str) -> str:
    points = zip(across.tolist(), np.clip(up, 0, 1).tolist(), strict=True)
    text = " ".join(f"{a * WIDTH:.1f},{(1 - b) * HEIGHT:.1f}" for a, b in points)
    return f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
