"""``outbid backtest offers``: what the matching policy of the credit service would have earned, from logs of others."""

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credit.offer_backtest import Direction
    from prediction.off_policy import Estimate

ITEMS = "items.csv"
GROUP = "item_feature_1"


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    offers = parts.add_parser("offers", help="the matching policy, learnt from one log and evaluated on another")
    offers.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help="logs of the Open Bandit form, *.csv, of different policies over the same actions; if it is there, "
        f"{ITEMS} says which group ({GROUP}) an action is of",
    )
    offers.add_argument(
        "--policy", choices=("thompson", "greedy", "both"), default="both", help="which to learn (default: %(default)s)"
    )
    offers.add_argument("--even-share", type=float, default=0.02, metavar="SHARE", help="default: %(default)s")
    offers.add_argument(
        "--model", choices=("rates", "linear"), default="rates", help="of rewards, for dm and dr (default: %(default)s)"
    )
    offers.add_argument("--clip", type=float, default=float("inf"), metavar="WEIGHT", help="no weight counts more")
    offers.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="draws (default: %(default)s)")
    offers.add_argument("--seed", type=int, default=1, help="of folds and draws (default: %(default)s)")
    offers.add_argument("--json", action="store_true", help="one line with all figures")
    offers.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from credit.offer_backtest import both_ways, groups
    from credit.policy import EXPLORATIONS, Policy
    from domain.errors import Problem, Refused
    from prediction.reward_models import MODELS
    from simulator.policy_log import read_obd

    for name, least in (("bootstrap", 1), ("seed", 0)):
        if getattr(asked, name) < least:
            raise Refused([Problem(name, getattr(asked, name), f"it must be {least} or above")])
    if not asked.clip > 0:
        raise Refused([Problem("clip", asked.clip, "it must be above 0")])
    files = sorted(path for path in asked.directory.glob("*.csv") if path.name != ITEMS)
    if len(files) < 2:
        allowed = "there must be at least 2 logs, *.csv: one to learn from and one to evaluate on"
        raise Refused([Problem(str(asked.directory), [path.name for path in files], allowed)])
    codes: dict[tuple[str, str], int] = {}
    read = {path.stem: read_obd(path, codes) for path in files}
    actions = max(log.log.actions for log in read.values())
    slots = {log.slots for log in read.values()}
    if len(slots) > 1:
        raise Refused([Problem("position", sorted(map(list, slots)), "all logs must have the same positions")])
    logs = {name: replace(log.log, actions=actions) for name, log in read.items()}
    for name, log in logs.items():
        if ((log.reward != 0) & (log.reward != 1)).any():
            raise Refused([Problem(f"{name}.csv, click", "a number between", "it must be 0 or 1")])
    of = groups([str(action) for action in range(actions)], _groups(asked.directory / ITEMS))
    policies: dict[str, Policy] = {
        label: Policy(label, asked.even_share) for label in EXPLORATIONS if asked.policy in (label, "both")
    }
    found = both_ways(
        logs,
        of,
        policies,
        MODELS[asked.model],
        clip=asked.clip,
        resamples=asked.bootstrap,
        seed=asked.seed,
    )
    print(json.dumps({"directions": list(map(as_json, found))}) if asked.json else "\n".join(as_text(found)))
    return 0


def _groups(path: Path) -> dict[str, str]:
    """By action: its group. Raises Refused for a file that has no such columns."""
    from domain.errors import Problem, Refused

    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not {"item_id", GROUP} <= set(reader.fieldnames or ()):
            raise Refused([Problem(f"{path}, columns", reader.fieldnames, f"there must be item_id and {GROUP}")])
        return {row["item_id"]: row[GROUP] for row in reader}


def as_json(one: "Direction") -> dict[str, object]:
    from cli.backtest_policy import as_json as evaluation

    def told(estimate: "Estimate") -> dict[str, object]:
        return {
            "value": estimate.value,
            "normal": [estimate.low, estimate.high],
            "bootstrap": [estimate.drawn_low, estimate.drawn_high],
        }

    return {
        "learnt_from": one.learnt_from,
        "evaluated_on": one.evaluated_on,
        "policy": one.policy,
        "learnt_rows": one.learnt_rows,
        "learnt_rewards": one.learnt_rewards,
        "logging": told(one.logging),
        "gain": told(one.gain),
        **evaluation(one.evaluation),
    }


def as_text(found: "Sequence[Direction]") -> Iterator[str]:
    def line(name: str, one: "Estimate") -> str:
        drawn = f"{one.drawn_low:.4g} to {one.drawn_high:.4g}"
        return f"  {name:10}{one.value:>12.4g}   {f'{one.low:.4g} to {one.high:.4g}':24}{drawn}"

    for one in found:
        weights = one.evaluation
        yield (
            f"{one.policy}, learnt from {one.learnt_from} ({one.learnt_rows} decisions, {one.learnt_rewards:.0f} "
            f"rewards), evaluated on {one.evaluated_on} ({weights.rows} decisions, worth {weights.effective_rows:.0f} "
            f"of its own; weights {weights.mean_weight:.3f} on the average, {weights.most_weight:.1f} at most, "
            f"{weights.clipped:.1%} clipped)"
        )
        yield f"  {'':10}{'a decision':>12}   {'95 %, normal':24}95 %, bootstrap"
        yield line("logging", one.logging)
        for name, estimate in weights.estimates.items():
            yield line(name, estimate)
        yield line("gain, dr", one.gain)
        yield ""
