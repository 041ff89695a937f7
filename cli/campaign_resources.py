"""``outbid campaigns get|pause|resume|key``: through the REST API, and its keys."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli import api_keys

if TYPE_CHECKING:
    from campaigns.client import Client

PAUSED = ("agencies", "advertisers", "campaigns", "line_items", "creatives", "block_lists")


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    getting = actions.add_parser("get", help="print one thing as the REST API has it")
    getting.add_argument("kind", metavar="KIND", help="campaigns, line_items, creatives, …")
    getting.add_argument("key", metavar="KEY")
    getting.set_defaults(run=run_get)
    for word, status in (("pause", "paused"), ("resume", "active")):
        action = actions.add_parser(word, help=f"{word} a campaign, or something else that can be paused")
        action.add_argument("key", metavar="KEY")
        action.add_argument("--kind", choices=PAUSED, default="campaigns", help="what KEY is of (default: %(default)s)")
        action.set_defaults(run=run_status, status=status)
    api_keys.add(actions, _scopes, _file, "advertiser")


def run_get(asked: argparse.Namespace) -> int:
    found = _client().get(asked.kind, asked.key)
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return 0


def run_status(asked: argparse.Namespace) -> int:
    found = _client().update(asked.kind, asked.key, {"status": asked.status})
    print(f"{found['key']} is {found['status']}, version {found['version']}")
    return 0


def _client() -> "Client":
    """With the deployment's own secret, which may everything."""
    from campaigns.client import Client
    from domain.keys import internal_secret, load_keys
    from domain.settings import places

    here = places()
    return Client(here.api_base, internal_secret(load_keys(here.data)))


def _file() -> Path:
    from campaigns.api.service import key_file
    from domain.settings import places

    return key_file(places().data)


def _scopes() -> Sequence[str]:
    from campaigns.api.service import SCOPES

    return SCOPES
