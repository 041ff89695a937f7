"""``outbid secret ADVERTISER``: what an advertiser's server signs its postbacks with."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("secret", help="the secret with which an advertiser signs server postbacks")
    command.add_argument("advertiser", metavar="ADVERTISER", help="its key in the campaign file")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from campaigns import catalogue
    from campaigns.config import database_url
    from campaigns.store import Store
    from domain.keys import load_keys, postback_secret
    from domain.settings import places

    store = Store(database_url())
    try:
        store.migrate()
        with store.read() as conn:
            known = catalogue.load(conn).advertisers
    finally:
        store.close()
    if asked.advertiser not in known:  # the secret of a mistyped key would never be accepted
        some = ", ".join(sorted(known)) or "none is defined yet"
        print(f"outbid: there is no advertiser {asked.advertiser!r}; known: {some}", file=sys.stderr)
        return 2
    print(postback_secret(load_keys(places().data), asked.advertiser))
    return 0
