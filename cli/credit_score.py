"""``outbid credit score``: a file of people into a table of their scores, for the bid and for the service."""

import argparse
import sys
from pathlib import Path

from cli.bars import Bar


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = actions.add_parser("score", help="score people of a file, into the table that bidders look in")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="CSV or Parquet with the model's columns and the person"
    )
    command.add_argument(
        "--out", type=Path, metavar="TABLE", help="replaced whole (default: where bidders and the service look)"
    )
    command.add_argument("--model", type=Path, metavar="DIR", help="default: the model in service")
    command.add_argument(
        "--person", default="person", metavar="COLUMN", help="who it is: ifa:…, email:…, key:… (default: person)"
    )
    command.add_argument(
        "--profiles", type=Path, metavar="FILE", help="write the scores as Parquet for `outbid profiles load`, too"
    )
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import numpy as np

    from credit.config import credit_settings, directory
    from credit.evaluation import renamed
    from credit.model import CreditModel
    from credit.people import score_people, write_people, write_profiles
    from credit.table import read
    from domain.clock import SECOND, from_env
    from domain.errors import Problem, Refused
    from domain.settings import places
    from targeting.forgotten import Forgotten

    settings, root = credit_settings(), directory()
    model = CreditModel.load(asked.model or settings.model_path(root))
    out = asked.out or settings.people_path(root)
    table = renamed(model, read(asked.file))
    with Bar("scored") as shown:
        found = score_people(model, table, asked.person, shown)
    for told in found.told:
        print(f"outbid: left out: {told}", file=sys.stderr)
    if found.wrong:
        print(f"outbid: {found.wrong} rows name no person, and are left out", file=sys.stderr)
    forgotten = Forgotten(places().data)
    kept = np.array([key not in forgotten for key in found.keys.tolist()], np.bool_)
    if not kept.all():
        print(f"outbid: {(~kept).sum()} rows are of people who are forgotten, and are left out", file=sys.stderr)
    keys = found.keys[kept]
    score, pd, p_approved = (column[kept] for column in (found.score, found.pd, found.p_approved))
    if not len(keys):
        raise Refused([Problem(f"{asked.file}, {asked.person}", 0, "some row must name a person")])
    if missing := model.facts.schema.missing_columns(table):
        print(f"outbid: taken as missing: {', '.join(missing)}", file=sys.stderr)
    out.parent.mkdir(parents=True, exist_ok=True)
    now = from_env().now_ns() // SECOND
    write_people(out, keys, score, pd, p_approved, now)
    if asked.profiles:
        write_profiles(asked.profiles, keys, score, pd, p_approved, now)
    people = len(set(keys.tolist()))
    print(f"{out}: {people:,} people, mean score {score.mean():.0f}, mean PD {pd.mean():.2%}")
    return 0
