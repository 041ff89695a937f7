"""``outbid train``: a model of clicks or conversions from rows, judged on rows that it has not seen."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import train_from_store
from cli.bars import Bar
from cli.training_source import add_files, mapping_asked

if TYPE_CHECKING:
    from prediction.artefact import Description
    from prediction.datasets.loading import Loaded
    from prediction.training import Trained

KINDS = ("lr", "ffm", "trees", "blend")
MOST_ROWS = 20_000_000


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("train", help="learn a model of clicks or conversions, and write it as an artefact")
    add_files(command)
    train_from_store.add_options(command)
    command.add_argument("--model", choices=KINDS, help="default: blend, of all the others; of the store the setting")
    command.add_argument("--target", default="ctr", help="what is predicted: ctr (default), cvr …")
    command.add_argument("--out", type=Path, metavar="DIR", help="the artefact; must not be there yet")
    command.add_argument(
        "--test-share",
        type=float,
        default=0.3,
        metavar="SHARE",
        help="of the rows, the newest: they judge (default: 0.3)",
    )
    command.add_argument(
        "--keep-judged", action="store_true", help="write the very model that was judged, not one learnt from all rows"
    )
    command.add_argument("--seed", type=int, default=1, metavar="N", help="what chance begins with (default: 1)")
    command.add_argument("--most-rows", type=int, default=MOST_ROWS, metavar="N", help="that are held in memory")
    command.add_argument("--json", action="store_true", help="print what was measured as JSON")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    if train_from_store.wanted(asked):
        return train_from_store.run(asked)
    from domain.errors import Problem, Refused
    from prediction.datasets.loading import Source, load
    from prediction.training import TrainSettings, train

    if asked.out is None:
        raise Refused([Problem("--out", None, "it must name the directory to write")])
    if asked.out.exists():
        raise Refused([Problem("--out", str(asked.out), "it is there already, and an artefact is never changed")])
    if not asked.format or not asked.data:
        raise Refused([Problem("--format and --data", asked.format, "both must be given")])
    if not 0 < asked.test_share < 1:
        raise Refused([Problem("--test-share", asked.test_share, "it must be between 0 and 1")])
    with Bar("read", "learnt") as shown:
        loaded = load(
            Source(asked.format, mapping_asked(asked)), asked.data, asked.most_rows, lambda share: shown(share, 0.0)
        )
        settings = TrainSettings(
            asked.model or "blend",
            asked.test_share,
            levels=_levels(loaded),
            refit=not asked.keep_judged,
            seed=asked.seed,
        )
        trained = train(loaded.features, loaded.rows, settings, lambda share: shown(1.0, share))
    _write(asked, loaded, trained)
    _tell(asked, loaded, trained)
    return 0


def _levels(loaded: "Loaded") -> tuple[tuple[str, ...], ...]:
    """Advertisers are calibrated each for itself, as far as their rows say, where the features tell them apart."""
    return (("advertiser",),) if "advertiser" in {feature.name for feature in loaded.features.features} else ()


def _write(asked: argparse.Namespace, loaded: "Loaded", trained: "Trained") -> None:
    from prediction import card
    from prediction.artefact import save

    judged = trained.judgement
    try:
        description = _description(asked, loaded, trained)
        shown = card.files(
            description,
            judged.rows.label,
            judged.scores,
            judged.rows.weight,
            segments=judged.rows.segment,
            calibration=trained.calibrated_by,
            seed=asked.seed,
        )
        save(asked.out, trained.model, description, {**shown, **loaded.files()})
    except ValueError as error:
        from domain.errors import Problem, Refused

        raise Refused([Problem("--target", asked.target, str(error))]) from None


def _description(asked: argparse.Namespace, loaded: "Loaded", trained: "Trained") -> "Description":
    from domain.clock import SECOND, from_env
    from prediction.artefact import Description, TrainedOn
    from prediction.training import described

    rows, metrics = trained.learnt_from, trained.judgement.metrics
    now = from_env().now_ns()
    figures = {name: float(getattr(metrics, name)) for name in METRICS}
    figures |= {
        f"{name}_{end}": at for name, ends in metrics.intervals.items() for end, at in zip(ENDS, ends, strict=True)
    }
    return Description(
        asked.target,
        now // SECOND % 2**32,
        now,
        loaded.features,
        TrainedOn(
            f"{asked.format}: {', '.join(path.name for path in asked.data)}",
            len(rows),
            float(rows.label @ rows.weight),
            int(rows.time_ns.min()) if rows.timed else 0,
            int(rows.time_ns.max()) if rows.timed else 0,
        ),
        metrics=figures,
        priors={"": rows.base_rate()},
        notes={
            "model": asked.model or "blend",
            "members": described(trained.settings, trained.weights),
            "calibration": trained.calibration,
            "bad_lines": loaded.bad.count,
            "judged": {"rows": len(trained.judgement.rows), "kept_model_has_learnt_from_them": not asked.keep_judged},
        },
    )


METRICS = ("rows", "base_rate", "auc", "logloss", "normalised_entropy", "ece", "ece_null", "bias", "ks")
ENDS = ("low", "high")


def _tell(asked: argparse.Namespace, loaded: "Loaded", trained: "Trained") -> None:
    metrics = trained.judgement.metrics
    for told in loaded.bad.first:
        print(f"outbid: left out: {told}", file=sys.stderr)
    if loaded.bad.count > len(loaded.bad.first):
        print(f"outbid: left out: {loaded.bad.count} lines in all", file=sys.stderr)
    if asked.json:
        told_json: dict[str, Any] = {name: getattr(metrics, name) for name in METRICS}
        print(json.dumps({"artefact": str(asked.out), "rows_learnt": len(trained.learnt_from), **told_json}))
        return
    low, high = metrics.intervals["auc"]
    print(f"{asked.out}: {asked.model or 'blend'} for {asked.target}, learnt from {len(trained.learnt_from):,} rows")
    print(f"on {metrics.rows:,} held-out rows, {metrics.base_rate:.2%} positive:")
    print(f"  AUC {metrics.auc:.4f} ({low:.4f} to {high:.4f})")
    print(f"  log loss {metrics.logloss:.5f}, {metrics.normalised_entropy:.4f} of knowing the base rate only")
    within = "within" if metrics.calibrated else "beyond"
    print(
        f"  calibration error {metrics.ece:.4f}, {within} the {metrics.ece_null:.4f} of chance; bias {metrics.bias:.3f}"
    )
