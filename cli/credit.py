"""``outbid credit``: models of default, people scored for the bid, outcomes, and the credit service."""

import argparse

from cli import credit_evaluate, credit_train

PARTS = (credit_train, credit_evaluate)
"""Modules whose ``add`` puts subcommands under ``outbid credit``."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("credit", help="credit scores: train, evaluate, score people, outcomes, the service")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for part in PARTS:
        part.add(actions)
