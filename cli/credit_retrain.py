"""``outbid credit retrain``: a model from what became of applications, beside the rows of the one before."""

import argparse
import sys
from pathlib import Path

from cli.bars import Bar


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = actions.add_parser("retrain", help="learn a new model from outcomes that came back")
    command.add_argument("--model", type=Path, metavar="DIR", help="the one before (default: the model in service)")
    command.add_argument(
        "--data", type=Path, action="append", default=[], metavar="FILE", help="rows to learn from, too; several times"
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model; must not be there yet")
    command.add_argument(
        "--rejects",
        choices=("fuzzy", "none"),
        default="fuzzy",
        help="what is assumed of rejected ones (docs/credit.md)",
    )
    command.add_argument(
        "--reject-factor",
        type=float,
        default=1.5,
        metavar="F",
        help="odds of default of rejected ones over approved ones of the same score (default: 1.5)",
    )
    command.add_argument("--seed", type=int, default=1, metavar="N")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from cli.credit_train import tell
    from credit import card
    from credit.artefact import save
    from credit.config import credit_settings, directory
    from credit.evaluation import renamed
    from credit.model import CreditModel
    from credit.retraining import endings, lessons, settings_of, stated
    from credit.table import read
    from credit.training import train
    from domain.clock import from_env
    from domain.errors import Problem, Refused

    if asked.out.exists():
        raise Refused([Problem("--out", str(asked.out), "it is there already, and a model is never changed")])
    root = directory()
    model = CreditModel.load(asked.model or credit_settings().model_path(root))
    files = [renamed(model, read(path)) for path in asked.data]
    found = lessons(model, endings(root), files, inference=asked.rejects, factor=asked.reject_factor)
    notes = stated(found, asked.rejects, asked.reject_factor)
    source = ", ".join([*(path.name for path in asked.data), "outcomes"])
    with Bar("learnt") as shown:
        trained = train(
            found.table,
            settings_of(model, asked.seed),
            source=source,
            now_ns=from_env().now_ns(),
            weight=found.weight,
            inferred=found.inferred,
            known_approval=None if found.approval.assumed else found.approval,
            progress=shown,
        )
    save(asked.out, trained.model, card.files(trained, notes))
    for note in notes:
        print(f"outbid: {note}", file=sys.stderr)
    tell(trained, asked.out, as_json=asked.json)
    return 0
