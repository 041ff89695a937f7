"""``outbid risk key``: keys of the risk service."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cli import api_keys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    api_keys.add(commands, _file, _scopes)


def _file() -> Path:
    from risk.config import key_file

    return key_file()


def _scopes() -> Sequence[str]:
    from risk.api import SCOPES

    return SCOPES
