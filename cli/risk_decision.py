"""``outbid risk decision``: a decision as it was recorded on this host."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("decision", help="a recorded decision, with what it was made of and why")
    command.add_argument("id", metavar="ID")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import msgspec

    from risk import decisions
    from risk.config import directory
    from risk.decide_api import told_decision

    found = decisions.find(directory(), asked.id)
    if found is None:
        print(f"outbid: no decision {asked.id!r} is kept on this host", file=sys.stderr)
        return 1
    print(msgspec.json.format(msgspec.json.encode(told_decision(asked.id, found)), indent=2).decode())
    return 0
