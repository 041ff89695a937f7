"""``outbid backtest policy``: what another policy of creatives or bids would have earned, from a log."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prediction.off_policy import Evaluation, Floats, Logged, RewardModel


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    policy = parts.add_parser("policy", help="what another policy would have earned, from a log with propensities")
    policy.add_argument("--log", type=Path, required=True, metavar="FILE", help="actions, rewards, propensities")
    policy.add_argument(
        "--format",
        choices=("obd", "csv"),
        default="csv",
        help="what docs/backtests.md describes (default: %(default)s)",
    )
    policy.add_argument(
        "--policy",
        required=True,
        metavar="POLICY",
        help="uniform, always:ACTION, logged:FILE (what that log's policy did), or target (the log's own columns)",
    )
    policy.add_argument(
        "--truth", type=Path, metavar="FILE", help="a log that the policy wrote itself, to compare with; same format"
    )
    policy.add_argument(
        "--model", choices=("rates", "linear"), default="rates", help="of rewards, for dm and dr (default: %(default)s)"
    )
    policy.add_argument("--clip", type=float, default=float("inf"), metavar="WEIGHT", help="no weight counts more")
    policy.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="draws (default: %(default)s)")
    policy.add_argument(
        "--coverage",
        type=int,
        default=0,
        metavar="N",
        help="with --truth: evaluates N parts of the log, and counts whose interval holds the truth",
    )
    policy.add_argument("--seed", type=int, default=1, help="of folds and draws (default: %(default)s)")
    policy.add_argument("--json", action="store_true", help="one line with all figures")
    policy.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from domain.errors import Problem, Refused
    from prediction.off_policy import evaluate
    from prediction.reward_models import MODELS
    from simulator.policy_log import FORMATS

    for name, least in (("bootstrap", 1), ("coverage", 0), ("seed", 0)):
        if getattr(asked, name) < least:
            raise Refused([Problem(name, getattr(asked, name), f"it must be {least} or above")])
    if not asked.clip > 0:
        raise Refused([Problem("clip", asked.clip, "it must be above 0")])
    if asked.coverage and not asked.truth:
        raise Refused([Problem("coverage", asked.coverage, "it must be 0 where no --truth is given")])
    read = FORMATS[asked.format]
    source = read(asked.log)
    named, _, file = asked.policy.partition(":")
    other = read(Path(file)) if named == "logged" and file else None
    target = source.policy(asked.policy if other is None else named, other)
    model = MODELS[asked.model]
    found = evaluate(source.log, target, model, clip=asked.clip, resamples=asked.bootstrap, seed=asked.seed)
    report: dict[str, object] = {"policy": asked.policy, "logged_value": source.value, **as_json(found)}
    if asked.truth:
        reward = read(asked.truth).log.reward
        report["truth"] = truth = float(reward.mean())
        error = float(reward.std()) / len(reward) ** 0.5
        report["truth_interval"] = [truth - 1.96 * error, truth + 1.96 * error]
        if asked.coverage:
            report["parts"] = asked.coverage
            report["coverage"] = coverage(source.log, target, model, truth, asked)
    print(json.dumps(report) if asked.json else "\n".join(as_text(report, found)))
    return 0


def coverage(
    log: "Logged", target: "Floats", model: "RewardModel", truth: float, asked: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """By estimator and kind of interval: the share of so many parts of the log, drawn without a row in common, whose
    interval holds ``truth``."""
    import numpy as np

    from prediction.off_policy import evaluate

    part = np.random.default_rng(asked.seed).permutation(np.arange(len(log)) % asked.coverage)
    held: dict[str, dict[str, int]] = {}
    for number in range(asked.coverage):
        own = part == number
        found = evaluate(log.take(own), target[own], model, clip=asked.clip, resamples=asked.bootstrap, seed=asked.seed)
        for name, one in found.estimates.items():
            counts = held.setdefault(name, {"normal": 0, "bootstrap": 0})
            counts["normal"] += one.low <= truth <= one.high
            counts["bootstrap"] += one.drawn_low <= truth <= one.drawn_high
    return {name: {kind: n / asked.coverage for kind, n in counts.items()} for name, counts in held.items()}


def as_json(found: "Evaluation") -> dict[str, object]:
    return {
        "rows": found.rows,
        "effective_rows": round(found.effective_rows, 1),
        "mean_weight": found.mean_weight,
        "mean_weight_error": found.mean_weight_error,
        "most_weight": found.most_weight,
        "clipped": found.clipped,
        "estimates": {
            name: {
                "value": one.value,
                "normal": [one.low, one.high],
                "bootstrap": [one.drawn_low, one.drawn_high],
            }
            for name, one in found.estimates.items()
        },
    }


def as_text(report: "dict[str, object]", found: "Evaluation") -> Iterator[str]:
    yield (
        f"{found.rows} decisions that earned {report['logged_value']:.4g} each, which tell of {report['policy']} "
        f"as much as {found.effective_rows:.0f} of its own."
    )
    yield (
        f"Weights: {found.mean_weight:.3f} on the average, where 1 ± {1.96 * found.mean_weight_error:.3f} is right; "
        f"{found.most_weight:.1f} at most; clipped {found.clipped:.2%} of them."
    )
    yield ""
    yield f"{'':8}{'a decision':>12}   {'95 %, normal':24}95 %, bootstrap"
    for name, one in found.estimates.items():
        normal, drawn = f"{one.low:.4g} to {one.high:.4g}", f"{one.drawn_low:.4g} to {one.drawn_high:.4g}"
        yield f"{name:8}{one.value:>12.4g}   {normal:24}{drawn}"
    if isinstance(ends := report.get("truth_interval"), list):
        yield f"{'truth':8}{report['truth']:>12.4g}   {ends[0]:.4g} to {ends[1]:.4g}"
    if isinstance(held := report.get("coverage"), dict):
        yield ""
        yield f"Of the intervals from {report['parts']} parts of the log, so many hold the truth:"
        for name, shares in held.items():
            yield f"{name:8}{shares['normal']:>12.0%} normal {shares['bootstrap']:>7.0%} bootstrap"
