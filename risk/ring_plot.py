"""Installs of rings over those expected, by rank, as SVG: now, and on later clicks beside it."""

from collections.abc import Iterator
from html import escape

from prediction.plots import FAINT, FIRST, INK, SECOND, Plot
from risk.ring_evidence import Evidence

WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 420, 220, 58, 44, 24
MOST = 3.0
"""Ratios above it are drawn at the edge."""


def ratio_plot(name: str, title: str, now: Evidence, later: Evidence) -> Plot | None:
    """The ratio for the apps clicked, with its interval, of the first rings to ever more; None: there are no rings."""
    if not now.depths:
        return None
    description = (
        "Installs over those expected for the same apps, with 95 % intervals, of the rings from the top down to ever "
        "lower ranks: on the clicks in which they were found, and of those found in the first part of the clicks on "
        f"those that came after. The line is 1: as all others. What is above {MOST:g} is drawn at the edge."
    )
    inner = WIDTH - LEFT - 12, HEIGHT - BELOW - ABOVE
    told = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" font-family="sans-serif" font-size="11">',
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-description">{escape(description)}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><g transform="translate({LEFT},{ABOVE})">',
        f'<rect width="{inner[0]}" height="{inner[1]}" fill="none" stroke="#999"/>',
        *(
            f'<path d="M0 {_y(at, inner[1]):.1f}H{inner[0]}" stroke="{INK if at == 1 else FAINT}"/>'
            f'<text x="-6" y="{_y(at, inner[1]) + 4:.1f}" text-anchor="end" fill="{INK}">{at:g}</text>'
            for at in (0, 0.5, 1, 2, 3)
        ),
        *_series(now, -4, FIRST, inner),
        *_series(later, 4, SECOND, inner),
        *(
            f'<text x="{(number + 0.5) * inner[0] / len(now.depths):.1f}" y="{inner[1] + 14}" text-anchor="middle" '
            f'fill="{INK}">{depth.rings / now.depths[-1].rings:.0%}</text>'
            for number, depth in enumerate(now.depths)
        ),
        f'<text x="{inner[0] / 2}" y="{inner[1] + 32}" text-anchor="middle" fill="{INK}">first of the rings</text>',
        f'<text y="-8" fill="{FIRST}">where they were found</text>',
        f'<text x="{inner[0]}" y="-8" text-anchor="end" fill="{SECOND}">later clicks</text></g></svg>',
    ]
    return Plot(name, title, description, "".join(told), (), ())


def _series(evidence: Evidence, shift: int, colour: str, inner: tuple[int, int]) -> Iterator[str]:
    for number, depth in enumerate(evidence.depths):
        found = depth.by_app
        if not found.expected:
            continue
        x = (number + 0.5) * inner[0] / len(evidence.depths) + shift
        low, value, high = (_y(ratio, inner[1]) for ratio in (found.low, found.value, found.high))
        yield f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="1.4"/>'
        yield f'<circle cx="{x:.1f}" cy="{value:.1f}" r="3" fill="{colour}"/>'


def _y(ratio: float, height: int) -> float:
    return height * (1 - min(ratio, MOST) / MOST)
