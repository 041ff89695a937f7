"""``outbid risk``: the risk service, its keys, and what each of its parts adds."""

import argparse

from cli import (
    risk_decision,
    risk_flow,
    risk_graph,
    risk_key,
    risk_lists,
    risk_rings,
    risk_scores,
    risk_serve,
)

PARTS = (
    risk_serve,
    risk_key,
    risk_flow,
    risk_decision,
    risk_lists,
    risk_graph,
    risk_rings,
    risk_scores,
)
"""Modules whose ``add`` puts subcommands under ``outbid risk``."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("risk", help="the risk service: lists, graph, scores, decisions")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for part in PARTS:
        part.add(actions)
