"""``outbid credit train``: a scorecard and boosted trees from a file of applicants whose outcome is known."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.bars import Bar

if TYPE_CHECKING:
    from credit.training import Settings, Trained


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = actions.add_parser("train", help="learn a credit model from applicants whose outcome is known")
    command.add_argument("file", type=Path, metavar="FILE", help="CSV of any separator, or Parquet, with a header")
    command.add_argument("--target", required=True, metavar="COLUMN", help="the outcome: 0/1, good/bad, yes/no …")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model; must not be there yet")
    command.add_argument("--json", action="store_true", help="print what was measured as JSON")
    add_options(command)
    command.set_defaults(run=run)


def add_options(command: argparse.ArgumentParser) -> None:
    """What is said of a file, and how it is learnt from."""
    command.add_argument(
        "--bad", type=names, default=(), metavar="VALUES", help="of the target that mean default, where it is not plain"
    )
    command.add_argument("--drop", type=names, default=(), metavar="COLUMNS", help="to leave out: a, b, c")
    command.add_argument(
        "--protected", type=names, default=(), metavar="COLUMNS", help="to leave out and judge by, beside those found"
    )
    command.add_argument(
        "--not-protected", type=names, default=(), metavar="COLUMNS", help="that only look as if they were protected"
    )
    command.add_argument(
        "--categories", type=names, default=(), metavar="COLUMNS", help="of numbers that are codes of categories"
    )
    command.add_argument(
        "--serve", choices=("best", "boosted", "scorecard"), default="best", help="which makes scores (default: best)"
    )
    command.add_argument("--base-points", type=float, default=600, metavar="N", help="at --base-odds (default: 600)")
    command.add_argument("--base-odds", type=float, default=20, metavar="N", help="good to bad (default: 20)")
    command.add_argument("--pdo", type=float, default=40, metavar="N", help="points that double them (default: 40)")
    command.add_argument("--seed", type=int, default=1, metavar="N", help="what chance begins with (default: 1)")
    command.add_argument("--no-header", action="store_true", help="columns are column_1, column_2 …")


def names(text: str) -> tuple[str, ...]:
    """``a, b`` as a list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def settings(asked: argparse.Namespace) -> "Settings":
    """Of the options. Raises Refused."""
    from credit.columns import Asked
    from credit.points import scale
    from credit.training import Settings

    return Settings(
        asked.target,
        asked.bad,
        Asked(asked.drop, asked.protected, asked.not_protected, asked.categories),
        scale(asked.base_points, asked.base_odds, asked.pdo),
        asked.serve,
        asked.seed,
    )


def run(asked: argparse.Namespace) -> int:
    from credit import card
    from credit.artefact import save
    from credit.table import read
    from credit.training import train
    from domain.clock import from_env
    from domain.errors import Problem, Refused

    if asked.out.exists():
        raise Refused([Problem("--out", str(asked.out), "it is there already, and a model is never changed")])
    how = settings(asked)
    table = read(asked.file, header=not asked.no_header)
    if table.bad_lines:
        print(f"outbid: left out: {table.bad_lines} lines with another number of columns", file=sys.stderr)
    with Bar("learnt") as shown:
        trained = train(table, how, source=asked.file.name, now_ns=from_env().now_ns(), progress=shown)
    save(asked.out, trained.model, card.files(trained))
    tell(trained, asked.out, as_json=asked.json)
    return 0


def tell(trained: "Trained", out: Path, *, as_json: bool) -> None:
    """What was found and measured: to standard error what a person should check, to standard output the figures."""
    facts = trained.model.facts
    say = sys.stderr
    print(f"outbid: {facts.schema.target}: {facts.outcome.how}", file=say)
    for each in facts.schema.left:
        print(f"outbid: left out: {each.name}: {each.reason}", file=say)
    for name, attribute in facts.schema.protected.items():
        print(f"outbid: protected, left out: {name}: {attribute}", file=say)
    for name, area in trained.suspects:
        print(
            f"outbid: {name} all but tells the outcome (AUC {area:.3f}): if it was written afterwards, --drop it",
            file=say,
        )
    if trained.left_rows:
        print(f"outbid: {trained.left_rows} rows have no outcome, and are left out", file=say)
    if as_json:
        told = {
            "rows": facts.rows,
            "base_rate": facts.bad / facts.rows,
            **{name: facts.metrics[facts.served][name] for name in ("auc", "ks", "ece", "logloss")},
            "model": facts.served,
            "version": facts.version,
            **facts.metrics,
            "columns": [plan.name for plan in facts.schema.plans],
            "protected": facts.schema.protected,
            "left_out": {each.name: each.reason for each in facts.schema.left},
            "outcome": {"bad": facts.outcome.bad, "good": facts.outcome.good, "how": facts.outcome.how},
        }
        print(json.dumps(told))
        return
    print(f"{facts.rows:,} rows, {facts.bad / facts.rows:.2%} default; out of fold:")
    for name, found in facts.metrics.items():
        mark = "  <- makes scores" if name == facts.served else ""
        print(f"{name:<10} AUC {found['auc']:.4f}  KS {found['ks']:.4f}  calibration error {found['ece']:.4f}{mark}")
    print(f"{out}: model, card.md, card.html")
