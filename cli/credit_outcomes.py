"""``outbid credit outcomes``: what became of applications, out of a file."""

import argparse
import sys
from collections import Counter
from pathlib import Path

MOST_TOLD = 10


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = actions.add_parser("outcomes", help="take in what became of applications, from a file; twice is once")
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="CSV or Parquet with kind, match_id or reference, and, as they are known, at, amount, product, id",
    )
    command.add_argument(
        "--institution", default="", metavar="NAME", help="whose applications they are, as the key's that scored them"
    )
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import time

    from credit import outcomes
    from credit.outcome_file import read_outcomes
    from domain.settings import places

    found, problems = read_outcomes(asked.file, asked.institution, int(time.time()))
    for problem in problems[:MOST_TOLD]:
        print(f"outbid: left out: {problem}", file=sys.stderr)
    if len(problems) > MOST_TOLD:
        print(f"outbid: left out: {len(problems)} in all", file=sys.stderr)
    book = outcomes.OutcomeBook(outcomes.directory(places().data), outcomes.FILES)
    counts: Counter[str] = Counter()
    try:
        for outcome in found:
            taken = book.take(outcome)
            counts[taken.status] += 1
            if taken.status == "contradiction":
                about = outcome.id or outcome.match_id or outcome.reference
                print(f"outbid: left out: {about}: another outcome has this id already", file=sys.stderr)
        book.wait(book.end)
    finally:
        book.close()
    print(f"{counts['recorded']} recorded, {counts['duplicate']} known before, {len(problems)} left out")
    return 1 if problems or counts["contradiction"] else 0
