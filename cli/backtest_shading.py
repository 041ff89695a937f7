"""``outbid backtest shading``: what first-price shading earns on recorded auctions, from won and lost bids alone."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.shading_backtest import Trial


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    shading = parts.add_parser("shading", help="surplus of shaded first-price bids, on recorded market prices")
    shading.add_argument(
        "--replay", type=Path, required=True, metavar="FILE", help="lines of click, market price, predicted click rate"
    )
    shading.add_argument(
        "--values", type=_values, required=True, metavar="V,V,…", help="what a click is worth, in units of the price"
    )
    shading.add_argument(
        "--test-from",
        type=float,
        default=0.6,
        metavar="SHARE",
        help="what is counted is the recording after this share of it (default: %(default)s)",
    )
    shading.add_argument(
        "--explore",
        type=float,
        default=0.03,
        metavar="SHARE",
        help="share of auctions in which another price is tried out (default: %(default)s)",
    )
    shading.add_argument(
        "--runs",
        type=int,
        default=8,
        metavar="N",
        help="with other random numbers; means are told (default: %(default)s)",
    )
    shading.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    shading.add_argument("--plot", type=Path, metavar="FILE", help="draws bids and shares into an SVG file")
    shading.add_argument("--json", action="store_true", help="one line for programs")
    shading.set_defaults(run=run)


def _values(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 < value < 1e12 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; numbers above 0 with commas between them are")
    return values


def run(asked: argparse.Namespace) -> int:
    from cli.shading_curves import draw
    from domain.errors import Problem, Refused
    from simulator.auction_replay import read_auctions
    from simulator.shading_backtest import checked, conduct

    for name, value, fits, allowed in (
        ("test-from", asked.test_from, 0 < asked.test_from < 1, "it must be between 0 and 1"),
        ("explore", asked.explore, 0 <= asked.explore <= 0.15, "it must be from 0 to 0.15"),
        ("runs", asked.runs, 1 <= asked.runs <= 100, "it must be from 1 to 100"),
    ):
        if not fits:
            raise Refused([Problem(name, value, allowed)])
    recording = checked(read_auctions(asked.replay), str(asked.replay))
    trials = [
        conduct(recording, value, asked.test_from, asked.explore, range(asked.seed, asked.seed + asked.runs))
        for value in asked.values
    ]
    if asked.plot:
        try:
            asked.plot.write_text(draw(trials), encoding="utf-8")
        except OSError as error:
            raise Refused([Problem(str(asked.plot), error.strerror, "it must be a file to write")]) from None
    print(as_json(trials) if asked.json else "\n".join(as_text(trials, asked)))
    return 0


def as_json(trials: "Sequence[Trial]") -> str:
    return json.dumps(
        {
            "values": [trial.value for trial in trials],
            "share": [round(trial.share, 4) for trial in trials],
            "full_information_share": [round(trial.full_share, 4) for trial in trials],
            "share_interval": [[round(end, 4) for end in trial.interval] for trial in trials],
            "of_full_information": [round(trial.share / trial.full_share, 4) for trial in trials],
            "win_rate": [round(trial.win_rate, 4) for trial in trials],
            "mean_bid": [round(trial.mean_bid, 2) for trial in trials],
            "truthful_win_rate": [round(trial.truthful_win_rate, 4) for trial in trials],
        }
    )


def as_text(trials: "Sequence[Trial]", asked: argparse.Namespace) -> Iterator[str]:
    yield (
        f"{len(trials[0].runs[0].surplus)} auctions are counted, those after {asked.test_from:.0%} of the recording; "
        f"in {asked.explore:.1%} of them a price is tried out. Means of {asked.runs} runs."
    )
    yield "Share: of the surplus of a bidder who knows each price. Full information: the same method, told all prices."
    yield ""
    heads = (("a click is worth", 16), ("share", 9), ("95 % interval", 19), ("full information", 19), ("of it", 9))
    yield "".join(f"{head:>{width}}" for head, width in (*heads, ("won", 8), ("bid", 9)))
    for trial in trials:
        low, high = trial.interval
        yield (
            f"{trial.value:16,.0f}{trial.share:9.4f}{f'{low:.4f} to {high:.4f}':>19}{trial.full_share:19.4f}"
            f"{trial.share / trial.full_share:9.2%}{trial.win_rate:8.1%}{trial.mean_bid:9.1f}"
        )
