"""``outbid evaluate``: what a saved model is worth on a file of rows."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.bars import Bar
from cli.training_source import add_files, mapping_asked

if TYPE_CHECKING:
    from prediction.datasets.dataset import Dataset


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("evaluate", help="measure a saved model on a file of rows")
    command.add_argument("--model", type=Path, required=True, metavar="DIR", help="the artefact")
    add_files(command)
    command.add_argument(
        "--fresh", action="store_true", help="rows do not go on from those of training: running counts begin at nothing"
    )
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import time

    import msgspec

    from domain.errors import Problem, Refused
    from prediction.artefact import load
    from prediction.evaluation import evaluate

    if not asked.data:
        raise Refused([Problem("--data", None, "it must be given")])
    try:
        model = load(asked.model)
        readings = _readings(asked)
    except (ValueError, OSError) as error:
        raise Refused([Problem("--model", str(asked.model), f"it must be an artefact ({error})")]) from None
    with Bar("scored") as shown:
        found = evaluate(model, readings, time.perf_counter, shown)
    for reading in readings:
        for told in reading.bad.first:
            print(f"outbid: left out: {told}", file=sys.stderr)
    if found is None:
        raise Refused([Problem("--data", ", ".join(map(str, asked.data)), "there must be rows of the format")])
    if asked.json:
        print(msgspec.json.encode(found).decode())
        return 0
    print(
        f"{found.rows:,} rows, {found.base_rate:.3%} positive, {found.bad_lines} lines left out, {found.seconds:.1f} s"
    )
    if found.auc is not None and found.auc_interval is not None:
        print(f"AUC {found.auc:.4f} ({found.auc_interval[0]:.4f} to {found.auc_interval[1]:.4f})")
    print(f"log loss {found.logloss:.5f}" + ("" if found.ne is None else f", normalised entropy {found.ne:.4f}"))
    chance = "" if found.ece_null is None else f" (chance alone: up to {found.ece_null:.4f})"
    print(f"calibration error {found.ece:.4f}{chance}")
    return 0


def _readings(asked: argparse.Namespace) -> "list[Dataset]":
    """The files, read as those of the model's training were; the first goes on where these ended."""
    from domain.errors import Problem, Refused
    from prediction.artefact import describe
    from prediction.datasets.formats import dataset
    from prediction.datasets.loading import Source, history_of, source_of

    kept = source_of(asked.model)
    mapping = mapping_asked(asked)
    if mapping is None and kept is not None and asked.format in (None, kept.format):
        mapping = kept.mapping
    name = asked.format or (kept.format if kept is not None else None)
    if name is None:
        raise Refused([Problem("--format", None, "it must be given: the model was not trained on files")])
    source = Source(name, mapping)
    readings = [dataset(source.format, path, source.mapping) for path in asked.data]
    features = describe(asked.model).feature_set
    if features != readings[0].features:
        told = "none" if features is None else f"{features.name} version {features.version}"
        raise Refused([Problem("--format", name, f"the model's features must be those of the format; they are {told}")])
    if not asked.fresh and kept is not None and kept.format == name:
        history = history_of(asked.model)
        if history:
            readings[0].resume(history)
    return readings
