"""``outbid credit``: models of default, people scored for the bid, offers, outcomes, and the credit service."""

import argparse

from cli import (
    credit_evaluate,
    credit_key,
    credit_match,
    credit_matches,
    credit_outcomes,
    credit_products,
    credit_retrain,
    credit_score,
    credit_serve,
    credit_train,
    credit_use,
)

PARTS = (
    credit_train,
    credit_evaluate,
    credit_use,
    credit_score,
    credit_outcomes,
    credit_retrain,
    credit_products,
    credit_match,
    credit_matches,
    credit_serve,
    credit_key,
)
"""Modules whose ``add`` puts subcommands under ``outbid credit``."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "credit", help="credit scores: train, evaluate, people, offers, outcomes, the service"
    )
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for part in PARTS:
        part.add(actions)
