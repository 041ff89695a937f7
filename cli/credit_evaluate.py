"""``outbid credit evaluate``: what a credit model is worth on rows whose outcome is known."""

import argparse
import sys
from pathlib import Path


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = actions.add_parser("evaluate", help="measure a credit model on a file of applicants")
    command.add_argument("--model", type=Path, required=True, metavar="DIR", help="as `outbid credit train` wrote it")
    command.add_argument("--data", type=Path, required=True, metavar="FILE", help="with the target and the columns")
    command.add_argument("--json", action="store_true")
    command.add_argument(
        "--in-sample",
        action="store_true",
        help="score rows of training as any others (default: by what the folds without them said)",
    )
    command.add_argument("--no-header", action="store_true", help="columns are column_1, column_2 …")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import msgspec

    from credit.evaluation import evaluate
    from credit.model import CreditModel
    from credit.stability import verdict
    from credit.table import read

    model = CreditModel.load(asked.model)
    table = read(asked.data, header=not asked.no_header)
    if table.bad_lines:
        print(f"outbid: left out: {table.bad_lines} lines with another number of columns", file=sys.stderr)
    found = evaluate(model, table, in_sample=asked.in_sample)
    if found.missing_columns:
        print(f"outbid: taken as missing: {', '.join(found.missing_columns)}", file=sys.stderr)
    if found.left_out:
        print(f"outbid: {found.left_out} rows have no outcome, and are left out", file=sys.stderr)
    if found.out_of_fold:
        print(
            f"outbid: {found.out_of_fold} rows are among those of training: judged by the folds that do not have them",
            file=sys.stderr,
        )
    if asked.json:
        print(msgspec.json.encode(found).decode())
        return 0
    print(f"{found.rows:,} rows, {found.base_rate:.2%} default, mean PD {found.mean_pd:.2%}, {found.model} in service")
    low, high = found.intervals["auc"]
    print(f"AUC {found.auc:.4f} ({low:.4f} to {high:.4f}), KS {found.ks:.4f}, Brier {found.brier:.4f}")
    print(f"calibration error {found.ece:.4f} (chance alone: up to {found.ece_null:.4f})")
    print(f"boosted AUC {found.boosted.auc:.4f}, scorecard AUC {found.scorecard.auc:.4f}")
    print(f"stability index of the scores {found.psi:.4f}: {verdict(found.psi)}")
    return 0
