"""What bidding strategies bought, as an SVG: clicks by budget beside the clairvoyant's, and spend over the auctions."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.backtest_bids import Found
    from simulator.bids_backtest import Trial

WIDTH, HEIGHT, GAP, TOP = 260, 170, 46, 60
POINTS = 100
COLOURS = ("#8a8d91", "#c8553d", "#3d5a80", "#8f5fa8", "#c99700", "#0b6e4f")
BOUND = "#bbb"


def draw(found: "Found") -> str:
    """A panel of clicks (above: the strategies' share of what the clairvoyant would have), then one of spend for each
    budget, from the first auction to the last; dashed is an even spend."""
    names = list(found.results)
    panels = 2 + len(found.test.budgets)
    columns = min(panels, 4)
    rows = -(-panels // columns)
    size = (GAP + columns * (WIDTH + GAP), TOP + rows * (HEIGHT + GAP))
    spend = [
        (f"spend of 1/{number}", _spend([of_it[at] for of_it in found.trials.values()]))
        for at, number in enumerate(found.test.budgets)
    ]
    drawn = [("clicks by budget", _clicks(found)), ("share of the clairvoyant's pCTR", _shares(found)), *spend]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>',
        *_legend(names),
    ]
    for number, (title, inside) in enumerate(drawn):
        x, y = GAP + number % columns * (WIDTH + GAP), TOP + number // columns * (HEIGHT + GAP)
        lines.append(f'<g transform="translate({x},{y})"><text y="-6">{escape(title)}</text>')
        lines.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>')
        lines += [*inside, "</g>"]
    return "\n".join([*lines, "</svg>\n"])


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, (name, colour) in enumerate(zip(names, COLOURS, strict=True)):
        x = GAP + number * 90
        yield f'<rect x="{x}" y="14" width="18" height="4" fill="{colour}"/>'
        yield f'<text x="{x + 24}" y="20">{escape(name)}</text>'


def _clicks(found: "Found") -> Iterator[str]:
    most = max([1.0, *found.most_clicks])
    yield from _axis(found.test.budgets, most, ".0f")
    yield _line([clicks / most for clicks in found.most_clicks], BOUND, ' stroke-dasharray="4 3"')
    for of_it, colour in zip(found.results.values(), COLOURS, strict=True):
        yield _line([one.clicks / most for one in of_it], colour)


def _shares(found: "Found") -> Iterator[str]:
    yield from _axis(found.test.budgets, 1.0, ".0%")
    for of_it, colour in zip(found.results.values(), COLOURS, strict=True):
        shares = [one.pctr / most if most else 0.0 for one, most in zip(of_it, found.most_pctr, strict=True)]
        yield _line(shares, colour)


def _axis(budgets: Sequence[float], most: float, form: str) -> Iterator[str]:
    for at, number in enumerate(budgets):
        x = _across(at, len(budgets))
        yield f'<text x="{x:.1f}" y="{HEIGHT + 13}" text-anchor="middle">1/{number}</text>'
    for share in (0.5, 1.0):
        y = (1 - share) * HEIGHT
        yield f'<path d="M0 {y:.1f}H{WIDTH}" stroke="#eee"/>'
        yield f'<text x="-4" y="{y + 4:.1f}" text-anchor="end">{most * share:{form}}</text>'


def _spend(trials: "Sequence[Trial]") -> Iterator[str]:
    yield _line([0.0, 1.0], BOUND, ' stroke-dasharray="4 3"')
    for trial, colour in zip(trials, COLOURS, strict=True):
        total = trial.spent.cost.cumsum()
        at = [round(point * (len(total) - 1) / POINTS) for point in range(POINTS + 1)]
        yield _line([float(total[place]) / trial.budget if trial.budget else 0.0 for place in at], colour)


def _across(at: int, count: int) -> float:
    return at / (count - 1) * WIDTH if count > 1 else WIDTH / 2


def _line(shares: Sequence[float], colour: str, dashes: str = "") -> str:
    points = [f"{_across(at, len(shares)):.1f},{(1 - share) * HEIGHT:.1f}" for at, share in enumerate(shares)]
    if len(points) == 1:
        x, y = points[0].split(",")
        return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.3"{dashes}/>'
