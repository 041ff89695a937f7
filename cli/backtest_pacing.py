"""``outbid backtest pacing``: the pacing controller and two simple ones on recorded supply, side by side."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pacing.forecast import Forecast
    from simulator.pacing_backtest import BackTest, Pacing, Terms, Trial

OURS = "adaptive"


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    pacing = parts.add_parser("pacing", help="spend against plan, on recorded supply in slots of five minutes")
    pacing.add_argument("--slots", type=Path, required=True, metavar="FILE", help="CSV: what docs/pacing.md describes")
    pacing.add_argument("--campaign", required=True, metavar="ID", help="whose rows of the file are meant")
    pacing.add_argument(
        "--learn", type=int, default=2, metavar="DAYS", help="first days, not run (default: %(default)s)"
    )
    pacing.add_argument(
        "--budget",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="a day's budget, as a share of what all impressions of a learned day cost (default: %(default)s)",
    )
    pacing.add_argument(
        "--pacing",
        choices=("even", "ahead", "asap"),
        default="even",
        help="the plan: in step with the supply, a fifth ahead of it, or as fast as possible (default: %(default)s)",
    )
    pacing.add_argument("--seed", type=int, default=1, help="of the auctions' chance (default: %(default)s)")
    pacing.add_argument(
        "--shock-hour",
        type=int,
        default=12,
        metavar="H",
        help="hour of the day when shocks begin (default: %(default)s)",
    )
    pacing.add_argument(
        "--until-midnight", action="store_true", help="do not tell the pacings at what time a day's recording ends"
    )
    pacing.add_argument("--plot", type=Path, metavar="FILE", help="draws all curves of spend into an SVG file")
    pacing.add_argument("--json", action="store_true", help="one line a trial; the last one sums up")
    pacing.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from cli.curves import draw
    from domain.errors import Problem, Refused
    from simulator.pacing_backtest import BackTest
    from simulator.pacing_shocks import SHOCKS
    from simulator.slots import read_slots

    days = read_slots(asked.slots, asked.campaign)
    if not 0 <= asked.shock_hour <= 23:
        raise Refused([Problem("shock-hour", asked.shock_hour, "it must be an hour of the day, 0 to 23")])
    shocks = [replace(shock, hour=asked.shock_hour) for shock in SHOCKS]
    test = BackTest(days, asked.learn, asked.budget, asked.seed, not asked.until_midnight, shocks, asked.pacing)
    trials = list(conduct(test))
    if not trials:
        raise Refused([Problem("slots", str(asked.slots), "it must have a day of 12 hours after those learned from")])
    if asked.plot:
        try:
            asked.plot.write_text(draw(trials), encoding="utf-8")
        except OSError as error:
            raise Refused([Problem(str(asked.plot), error.strerror, "it must be a file to write")]) from None
    lines = as_json(asked.campaign, trials) if asked.json else as_text(asked.campaign, test, trials)
    print("\n".join(lines))
    return 0


def conduct(test: "BackTest") -> "Iterator[Trial]":
    """All trials. The pacings share one forecast, which has learned of the days before. As fast as possible is the full
    price on everything, whoever paces."""
    from pacing.forecast import Forecast
    from simulator.pacing_baselines import FullPrice, Linear, Pid
    from simulator.slots import RecordedDay

    forecast = Forecast()

    def learn(day: RecordedDay) -> None:
        forecast.learn(day.start_s, day.end_s, [(slot.at_s, slot.impressions) for slot in day.slots])

    if test.mode == "asap":
        return test.trials({OURS: FullPrice}, learn)
    pacings = {
        OURS: lambda terms: _adaptive(terms, forecast),
        "PID": lambda terms: Pid(terms, forecast.expected),
        "linear": Linear,
    }
    return test.trials(pacings, learn)


def _adaptive(terms: "Terms", forecast: "Forecast") -> "Pacing":
    from pacing.controller import Pacer
    from pacing.forecast import Supply

    pacer = Pacer(Supply(forecast, terms.start_s), terms.budget, terms.end_s, terms.ahead)

    class Adaptive:
        def decide(self, at_s: int, impressions: int, spent: int) -> tuple[float, float]:
            pace = pacer.look(at_s, impressions, spent)
            return terms.price * pace.multiplier, pace.share

    return Adaptive()


def as_json(campaign: str, trials: "Sequence[Trial]") -> Iterator[str]:
    """The last line has our worst day: what was spent least, and the largest mean deviation."""
    for trial in trials:
        found = {
            "day": trial.day,
            "pacing": trial.pacing,
            "spent": round(trial.calm.spent[-1], 5),
            "plan_deviation": round(trial.calm.deviation, 5),
            "back_after_minutes": trial.back_after,
            "soonest": trial.soonest,
        }
        yield json.dumps(found, ensure_ascii=False)
    ours = [trial.calm for trial in trials if trial.pacing == OURS]
    spent, deviation = min(day.spent[-1] for day in ours), max(day.deviation for day in ours)
    yield json.dumps({"campaign": campaign, "spent": round(spent, 5), "plan_deviation": round(deviation, 5)})


def as_text(campaign: str, test: "BackTest", trials: "Sequence[Trial]") -> Iterator[str]:
    shocks = [shock.name for shock in test.shocks]
    learned = ", ".join(day.name for day in test.days[: test.learned])
    yield f"Campaign {campaign}, learned from {learned}."
    yield (
        f"Budget {test.budget / 1e9:.2f} a day, {test.budget_share:.0%} of the supply's price; "
        f"bids up to {test.price / 1e6:.2f} CPM."
    )
    for day in test.too_short:
        yield f"{day.name} is not run: it was recorded for {(day.end_s - day.start_s) / 3600:.1f} h only."
    yield ""
    yield f"{'':22}{'':8}{'share of budget':>17}   minutes from the beginning of a shock until within 5 % of plan"
    yield f"{'day':12}{'pacing':10}{'spent':>8}{'off plan':>9}   " + "".join(f"{name:>24}" for name in shocks)
    for day, of_day in groupby(trials, lambda trial: trial.day):
        for trial in of_day:
            spend = f"{trial.calm.spent[-1]:8.2%}{trial.calm.deviation:9.2%}"
            yield f"{day:12}{trial.pacing:10}{spend}   {_minutes(trial.back_after, shocks)}"
        yield f"{day:12}{'soonest':10}{'-':>8}{'-':>9}   {_minutes(trial.soonest, shocks)}"
    yield ""
    yield "soonest: when a pacing that knows the future could be back, at no more than the full price on everything."


def _minutes(found: Mapping[str, int | None], shocks: Sequence[str]) -> str:
    return "".join(f"{'never' if found[name] is None else found[name]:>24}" for name in shocks)
