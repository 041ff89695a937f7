"""``outbid backtest bids``: bidding strategies with one budget each, on recorded auctions, side by side."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.auction_replay import Floats
    from simulator.bids_backtest import BidsBackTest, Result, Trial

CLICKS = "clicks [95 %]"


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    bids = parts.add_parser("bids", help="clicks a budget buys by strategy, on a recording of auctions")
    bids.add_argument(
        "--replay", type=Path, required=True, metavar="FILE", help="a line an auction: click, market price, pCTR"
    )
    bids.add_argument(
        "--train-fraction",
        type=float,
        default=0.6,
        metavar="SHARE",
        help="what the strategies learn from, the oldest part; the rest is bid on (default: %(default)s)",
    )
    bids.add_argument(
        "--budgets",
        default="2,4,8,16,32,64",
        metavar="N,…",
        help="each budget is 1/N of what all auctions bid on cost together (default: %(default)s)",
    )
    bids.add_argument(
        "--auction",
        choices=("first", "second"),
        default="second",
        help="whether a won auction costs what was bid or the market price (default: %(default)s)",
    )
    bids.add_argument(
        "--fit",
        choices=("clicks", "expected"),
        default="clicks",
        help="baselines are fitted to past clicks, as published, or to those expected by pCTR (default: %(default)s)",
    )
    bids.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="draws (default: %(default)s)")
    bids.add_argument("--seed", type=int, default=1, help="of the draws (default: %(default)s)")
    bids.add_argument("--plot", type=Path, metavar="FILE", help="draws clicks and spend into an SVG file")
    bids.add_argument("--json", action="store_true", help="one line with all figures")
    bids.set_defaults(run=run)


@dataclass(frozen=True)
class Found:
    """All that was measured. ``results`` and ``trials``: by strategy, in the order of the budgets."""

    test: "BidsBackTest"
    trials: "dict[str, list[Trial]]"
    results: "dict[str, list[Result]]"
    most_clicks: list[float]
    most_pctr: list[float]
    gain: dict[str, tuple[float, float]]
    """Our clicks over all budgets less those of each baseline, the middle 95 % over draws."""
    controller: "list[Result]"
    """With `pacing.controller` in the place of `pacing.dual`."""

    def total(self, strategy: str) -> int:
        return sum(result.clicks for result in self.results[strategy])

    @property
    def best_single(self) -> str:
        """The baseline with most clicks over all budgets."""
        return max((name for name in self.results if name in self.gain), key=self.total)


def run(asked: argparse.Namespace) -> int:
    from cli.bid_curves import draw
    from domain.errors import Problem, Refused
    from simulator.auction_replay import read_auctions
    from simulator.bids_backtest import BidsBackTest

    if asked.bootstrap < 1:
        raise Refused([Problem("bootstrap", asked.bootstrap, "it must be 1 or above")])
    if asked.seed < 0:
        raise Refused([Problem("seed", asked.seed, "it must be 0 or above")])
    budgets = numbers(asked.budgets, "budgets")
    test = BidsBackTest(
        read_auctions(asked.replay), asked.train_fraction, budgets, asked.auction, asked.fit == "expected"
    )
    found = measured(test, asked.bootstrap, asked.seed)
    if asked.plot:
        try:
            asked.plot.write_text(draw(found), encoding="utf-8")
        except OSError as error:
            raise Refused([Problem(str(asked.plot), error.strerror, "it must be a file to write")]) from None
    print(json.dumps(as_json(found)) if asked.json else "\n".join(as_text(found)))
    return 0


def numbers(text: str, name: str) -> list[float]:
    """A list like ``2,4,8``; whole numbers stay whole."""
    from domain.errors import Problem, Refused

    found: list[float] = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            raise Refused([Problem(name, text, "it must be numbers parted by commas")]) from None
        found.append(int(value) if value.is_integer() else value)
    return found


def measured(test: "BidsBackTest", bootstrap: int, seed: int) -> Found:
    from cli.budgeted_bids import strategies
    from simulator.bids_backtest import CONTROLLER, OURS, block_sums, draws, interval, result

    drawn = draws(bootstrap, seed)
    trials: dict[str, list[Trial]] = {}
    for trial in test.trials(strategies):
        trials.setdefault(trial.strategy, []).append(trial)
    controller = trials.pop(CONTROLLER)
    results = {name: [result(trial, test.rest, drawn) for trial in of_it] for name, of_it in trials.items()}
    sums = {name: block_sums(test.rest.click * _wins(of_it)) for name, of_it in trials.items()}
    gain = {name: interval(sums[OURS] - sums[name], drawn) for name in sums if name != OURS}
    budgets = [test.budget(number) for number in test.budgets]
    return Found(
        test,
        trials,
        results,
        [test.most_clicks(budget) for budget in budgets],
        [test.most_pctr(budget) for budget in budgets],
        gain,
        [result(trial, test.rest, drawn) for trial in controller],
    )


def _wins(trials: "Sequence[Trial]") -> "Floats":
    """By auction: with how many of the budgets it was won."""
    import numpy as np

    return np.asarray(np.sum([trial.spent.won for trial in trials], axis=0), dtype=np.float64)


def as_json(found: Found) -> dict[str, object]:
    """Lists are in the order of ``budgets``; a cost of a click is null where there was none."""
    test, results = found.test, found.results

    def each(what: str, digits: int) -> dict[str, list[object]]:
        return {name: [_rounded(getattr(one, what), digits) for one in of_it] for name, of_it in results.items()}

    return {
        "budgets": list(test.budgets),
        "clicks": each("clicks", 0),
        "spend": each("spend", 6),
        "budget": [round(test.budget(number), 6) for number in test.budgets],
        "auction": test.kind,
        "past": len(test.past),
        "auctions": len(test.rest),
        "all_clicks": int(test.rest.click.sum()),
        "cost_of_all": test.cost_of_all,
        "wins": each("wins", 0),
        "ecpc": each("ecpc", 4),
        "pctr": each("pctr", 4),
        "clicks_interval": each("clicks_interval", 1),
        "clairvoyant": {"clicks": _all(found.most_clicks, 3), "pctr": _all(found.most_pctr, 4)},
        "share_of_clairvoyant": {
            "clicks": _shares(found, "clicks", found.most_clicks),
            "pctr": _shares(found, "pctr", found.most_pctr),
        },
        "total_clicks": {name: found.total(name) for name in results},
        "best_single": found.best_single,
        "gain_interval": {name: _all(ends, 1) for name, ends in found.gain.items()},
        "controller": {
            "clicks": [one.clicks for one in found.controller],
            "spend": _all([one.spend for one in found.controller], 6),
            "pctr": _all([one.pctr for one in found.controller], 4),
        },
        "parameters": {
            name: [{key: float(f"{value:.6g}") for key, value in t.parameters.items()} for t in of_it]
            for name, of_it in found.trials.items()
            if any(t.parameters for t in of_it)
        },
    }


def _rounded(value: object, digits: int) -> object:
    if isinstance(value, tuple):
        return _all(value, digits)
    return round(value, digits) if isinstance(value, float) else value


def _all(values: Sequence[float], digits: int) -> list[float]:
    return [round(value, digits) for value in values]


def _shares(found: Found, what: str, bound: Sequence[float]) -> dict[str, list[float]]:
    return {
        name: [round(getattr(one, what) / most, 4) if most else 0.0 for one, most in zip(of_it, bound, strict=True)]
        for name, of_it in found.results.items()
    }


def as_text(found: Found) -> Iterator[str]:
    test = found.test
    yield (
        f"Learned from {len(test.past)} auctions with {int(test.past.click.sum())} clicks; bid on {len(test.rest)} "
        f"with {int(test.rest.click.sum())}, which cost {test.cost_of_all:.0f} together. "
        f"{test.kind.capitalize()}-price."
    )
    heads = "".join(f"{f'1/{number}':>13}" for number in test.budgets)
    for title, cells in _tables(found):
        yield ""
        yield f"{title}"
        yield f"{'':10}{heads}"
        for name, of_it in cells.items():
            total = f"{found.total(name):>8} in all" if title == CLICKS else ""
            yield f"  {name:8}" + "".join(f"{cell:>13}" for cell in of_it) + total
    yield ""
    low, high = found.gain[found.best_single]
    ours = found.total("outbid") - found.total(found.best_single)
    yield (
        f"Outbid's clicks over all budgets less those of {found.best_single}, the best baseline: {ours:+d} "
        f"[{low:+.0f} to {high:+.0f}]."
    )
    clicks, pctr = [one.clicks for one in found.controller], sum(one.pctr for one in found.controller)
    yield (
        f"Paced by the controller instead: {' + '.join(map(str, clicks))} = {sum(clicks)} clicks, "
        f"{_share(pctr, sum(found.most_pctr))} of the clairvoyant's pCTR to "
        f"{_share(sum(one.pctr for one in found.results['outbid']), sum(found.most_pctr))}."
    )


def _tables(found: Found) -> Iterator[tuple[str, dict[str, list[str]]]]:
    results = found.results
    budgets = [found.test.budget(number) for number in found.test.budgets]
    yield CLICKS, {name: [_clicks(one) for one in of_it] for name, of_it in results.items()}
    yield "cost of a click", {name: [_ecpc(one) for one in of_it] for name, of_it in results.items()}
    for title, what, bound in (
        ("spend, share of the budget", "spend", budgets),
        ("clicks, share of what a clairvoyant could have", "clicks", found.most_clicks),
        ("pCTR, share of what a clairvoyant could have", "pctr", found.most_pctr),
    ):
        yield (
            title,
            {
                name: [_share(getattr(one, what), most) for one, most in zip(of_it, bound, strict=True)]
                for name, of_it in results.items()
            },
        )


def _clicks(one: "Result") -> str:
    return f"{one.clicks} [{one.clicks_interval[0]:.0f}–{one.clicks_interval[1]:.0f}]"


def _ecpc(one: "Result") -> str:
    return "-" if one.ecpc is None else f"{one.ecpc:.0f}"


def _share(got: float, most: float) -> str:
    return f"{got / most:.1%}" if most else "-"
