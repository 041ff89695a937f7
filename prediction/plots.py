"""Plots of a model's probabilities as SVG: drawn here, because they need no library, and fit into a page of their own.

Each has a title and a description for who cannot see it, and numbers that a table beside it tells.
"""

from collections.abc import Iterator, Sequence
from html import escape
from math import floor, log10

import numpy as np
from msgspec import Struct

from prediction.ranking import Floats, Groups
from prediction.reliability import Bin

WIDTH, HEIGHT = 360, 240
LEFT, BELOW, ABOVE, RIGHT = 58, 40, 14, 12
INK, FIRST, SECOND, FAINT = "#222", "#0b6e4f", "#c8553d", "#ddd"
"""The two colours differ in lightness too."""
ROC_POINTS = 120
HISTOGRAM_BINS = 30
OUTLYING = 0.001
"""Share of the rows with the lowest scores that the axis is not stretched for."""


class Plot(Struct, frozen=True):
    """A picture, and the numbers in it."""

    name: str
    title: str
    description: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Axis(Struct, frozen=True):
    """From numbers to places; logarithmic where they span more than one power of ten or so."""

    low: float
    high: float
    logarithmic: bool
    length: float

    def at(self, value: float) -> float:
        """How far along."""
        low, high, x = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, x = log10(low), log10(high), log10(x)
        return (x - low) / (high - low) * self.length

    def ticks(self) -> list[float]:
        """Round numbers, about five."""
        if self.logarithmic:
            powers = range(floor(log10(self.low)), floor(log10(self.high)) + 1)
            steps = (1, 2, 5) if len(powers) <= 3 else (1,)
            return [m * 10.0**p for p in powers for m in steps if self.low <= m * 10.0**p <= self.high]
        step = 10.0 ** floor(log10((self.high - self.low) / 2))
        step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (step * m) <= 6)
        return [n * step for n in range(round(self.low / step), int(self.high / step + 1e-9) + 1)]


def axis(values: Sequence[float], length: float, *, logarithmic: bool | None = None) -> Axis:
    """One that all the values fit on. Not logarithmic: it begins at 0."""
    above = [value for value in values if value > 0]
    low, high = (min(above), max(above)) if above else (0.1, 1.0)
    if logarithmic or (logarithmic is None and high / low > 20):
        low, high = low / 1.2, high * 1.2
        return Axis(low, high, True, length)
    return Axis(0.0, high * 1.05, False, length)


def reliability_plot(bins: Sequence[Bin]) -> Plot:
    """What was said against what came, with the interval of each bin."""
    inner = WIDTH - LEFT - RIGHT, HEIGHT - BELOW - ABOVE
    values = [value for each in bins for value in (each.score, each.rate, each.low, each.high)]
    least = min(each.score for each in bins) / 20  # an interval may reach down to nought
    values = [max(value, least) for value in values]
    x, y = axis(values, inner[0]), axis(values, inner[1])

    def drawn() -> Iterator[str]:
        low, high = max(x.low, y.low), min(x.high, y.high)
        yield _line(
            ((x.at(low), inner[1] - y.at(low)), (x.at(high), inner[1] - y.at(high))), INK, ' stroke-dasharray="4 3"'
        )
        for each in bins:
            at, top, bottom = x.at(each.score), inner[1] - y.at(each.high), inner[1] - y.at(each.low)
            yield f'<path d="M{at:.1f} {top:.1f}V{bottom:.1f}" stroke="{FIRST}" stroke-width="1.4"/>'
            yield f'<circle cx="{at:.1f}" cy="{inner[1] - y.at(each.rate):.1f}" r="3" fill="{FIRST}"/>'

    inside = sum(each.low <= each.score <= each.high for each in bins)
    description = (
        f"The rate at which it happened against the probability that was said, in {len(bins)} bins of equal mass with "
        f"95 % intervals. {inside} of the intervals hold what was said. The dashed line is perfect calibration."
    )
    return Plot(
        "reliability",
        "Reliability",
        description,
        _svg("reliability", "Reliability", description, x, y, "probability said", "rate that came", drawn()),
        ("rows", "said", "came", "95 % interval"),
        tuple(
            (f"{each.rows:,}", number(each.score), number(each.rate), f"{number(each.low)} to {number(each.high)}")
            for each in bins
        ),
    )


def roc_plot(groups: Groups, area: float) -> Plot:
    """The share of positives among those scored above a threshold, against that of negatives."""
    true = np.concatenate(([0.0], np.cumsum(groups.positive[::-1]) / groups.positive.sum()))
    false = np.concatenate(([0.0], np.cumsum(groups.negative[::-1]) / groups.negative.sum()))
    picked = np.unique(np.searchsorted(false + true, np.linspace(0, 2, ROC_POINTS)).clip(0, len(true) - 1))
    inner = WIDTH - LEFT - RIGHT, HEIGHT - BELOW - ABOVE
    x, y = Axis(0.0, 1.0, False, inner[0]), Axis(0.0, 1.0, False, inner[1])
    points = [(x.at(float(false[n])), inner[1] - y.at(float(true[n]))) for n in picked]
    shapes = [_line(((0, inner[1]), (inner[0], 0)), INK, ' stroke-dasharray="4 3"'), _line(points, FIRST)]
    description = f"The ROC curve; the area under it is {area:.4f}. The dashed line is guessing."
    told = [(share, float(np.interp(share, false, true))) for share in (0.01, 0.05, 0.1, 0.2, 0.5)]
    return Plot(
        "roc",
        "ROC",
        description,
        _svg("roc", "ROC", description, x, y, "share of negatives", "share of positives", shapes),
        ("share of negatives scored higher", "share of positives scored higher"),
        tuple((f"{at:.0%}", f"{share:.1%}") for at, share in told),
    )


def histogram_plot(groups: Groups) -> Plot:
    """How the scores of either label are distributed."""
    inner = WIDTH - LEFT - RIGHT, HEIGHT - BELOW - ABOVE
    mass = np.cumsum(groups.positive + groups.negative)
    least = float(groups.score[np.searchsorted(mass, mass[-1] * OUTLYING)])
    x = axis([max(least, 1e-9), float(groups.score.max())], inner[0])
    place = np.array([x.at(value) for value in groups.score.tolist()]) / inner[0] * HISTOGRAM_BINS
    slot = np.minimum(place.astype(np.int64), HISTOGRAM_BINS - 1)
    shares = [np.bincount(slot, mass, HISTOGRAM_BINS) / mass.sum() for mass in (groups.negative, groups.positive)]
    y = axis([float(max(each.max() for each in shares))], inner[1], logarithmic=False)
    step = inner[0] / HISTOGRAM_BINS

    def drawn() -> Iterator[str]:
        for each, colour in zip(shares, (SECOND, FIRST), strict=True):
            corners: list[tuple[float, float]] = []
            for n, share in enumerate(each.tolist()):
                height = inner[1] - y.at(share)
                corners += [(n * step, height), ((n + 1) * step, height)]
            dashes = ' stroke-dasharray="5 2"' if colour == SECOND else ""
            yield _line(corners, colour, dashes)
        for n, (word, colour) in enumerate((("negatives (dashed)", SECOND), ("positives", FIRST))):
            yield f'<text x="6" y="{12 + n * 14}" fill="{colour}">{word}</text>'

    said = [np.interp((0.1, 0.5, 0.9), *_cumulated(groups.score, mass)) for mass in (groups.positive, groups.negative)]
    description = (
        f"How scores are distributed. Half of the positives are scored above {number(float(said[0][1]))}, half of the "
        f"negatives above {number(float(said[1][1]))}."
    )
    return Plot(
        "scores",
        "Scores",
        description,
        _svg("scores", "Scores", description, x, y, "score", "share of the label's rows", drawn()),
        ("label", "lowest tenth below", "half below", "highest tenth above"),
        tuple(
            (word, *(number(float(each)) for each in points))
            for word, points in zip(("positive", "negative"), said, strict=True)
        ),
    )


def lift_plot(bins: Sequence[Bin], base_rate: float) -> Plot:
    """The rate of each tenth of the rows, from those scored highest down, over that of all."""
    inner = WIDTH - LEFT - RIGHT, HEIGHT - BELOW - ABOVE
    ordered = list(reversed(bins))
    y = axis([each.high / base_rate for each in ordered], inner[1], logarithmic=False)
    step = inner[0] / len(ordered)
    x = Axis(0.0, float(len(ordered)), False, inner[0])

    def drawn() -> Iterator[str]:
        for n, each in enumerate(ordered):
            top, middle = inner[1] - y.at(each.rate / base_rate), (n + 0.5) * step
            ends = inner[1] - y.at(each.high / base_rate), inner[1] - y.at(each.low / base_rate)
            yield (
                f'<rect x="{n * step + 2:.1f}" y="{top:.1f}" width="{step - 4:.1f}" height="{inner[1] - top:.1f}" '
                f'fill="{FIRST}" fill-opacity="0.6"/>'
                f'<path d="M{middle:.1f} {ends[0]:.1f}V{ends[1]:.1f}" stroke="{INK}"/>'
            )
        even = inner[1] - y.at(1.0)
        yield f'<path d="M0 {even:.1f}H{inner[0]}" stroke="{INK}" stroke-dasharray="4 3"/>'

    first = ordered[0].rate / base_rate
    description = (
        f"Lift by tenths of the rows, highest scores first, with 95 % intervals. The first tenth has {first:.2f} times "
        "the rate of all; the dashed line is once."
    )
    return Plot(
        "lift",
        "Lift by decile",
        description,
        _svg(
            "lift", "Lift by decile", description, x, y, "tenths, highest scores first", "times the base rate", drawn()
        ),
        ("tenth", "rows", "mean score", "rate", "lift"),
        tuple(
            (f"{n}", f"{each.rows:,}", number(each.score), number(each.rate), f"{each.rate / base_rate:.2f}")
            for n, each in enumerate(ordered, 1)
        ),
    )


def number(value: float) -> str:
    """Four digits that count."""
    return f"{value:.4g}"


def _cumulated(score: Floats, mass: Floats) -> tuple[Floats, Floats]:
    return np.cumsum(mass) / mass.sum(), score


def _line(points: Sequence[tuple[float, float]], colour: str, more: str = "") -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="1.5"{more}/>'


def _svg(
    name: str,
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    x_name: str,
    y_name: str,
    shapes: Iterator[str] | list[str],
) -> str:
    inner = WIDTH - LEFT - RIGHT, HEIGHT - BELOW - ABOVE
    told = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" font-family="sans-serif" font-size="11">',
        f'<title id="{name}-title">{escape(title)}</title>',
        f'<desc id="{name}-description">{escape(description)}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><g transform="translate({LEFT},{ABOVE})">',
    ]
    for tick in x.ticks():
        at = x.at(tick)
        told.append(f'<path d="M{at:.1f} 0V{inner[1]}" stroke="{FAINT}"/>')
        told.append(f'<text x="{at:.1f}" y="{inner[1] + 14}" text-anchor="middle" fill="{INK}">{tick:g}</text>')
    for tick in y.ticks():
        at = inner[1] - y.at(tick)
        told.append(f'<path d="M0 {at:.1f}H{inner[0]}" stroke="{FAINT}"/>')
        told.append(f'<text x="-6" y="{at + 4:.1f}" text-anchor="end" fill="{INK}">{tick:g}</text>')
    told += [
        f'<rect width="{inner[0]}" height="{inner[1]}" fill="none" stroke="#999"/>',
        *shapes,
        f'<text x="{inner[0] / 2}" y="{inner[1] + 30}" text-anchor="middle" fill="{INK}">{escape(x_name)}</text>',
        f'<text transform="translate(-46,{inner[1] / 2}) rotate(-90)" text-anchor="middle" fill="{INK}">'
        f"{escape(y_name)}</text></g></svg>",
    ]
    return "".join(told)
