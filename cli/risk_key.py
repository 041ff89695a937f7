"""``outbid risk key``: keys of the risk service."""

import argparse
from collections.abc import Sequence

from cli import api_keys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    api_keys.add(commands, _scopes)


def _scopes() -> Sequence[str]:
    from risk.api import SCOPES

    return SCOPES
