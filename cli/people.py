"""``outbid people``: what is known of one person, shown, forgotten, or not to be used any more.

A person is written as in an audience file (docs/identity.md): ``ifa:6d92078a-8246-4ba4-ae5b-76104861e7dc``.
"""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("people", help="show what is known of a person; forget them; their opt-out")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for name, run, text in (
        ("show", run_show, "everything that is known of a person, as JSON"),
        ("forget", run_forget, "remove a person from every place, and prove it; exit status 1 if something is left"),
        ("remember", run_remember, "end a person's tombstone: from here on they may become known again"),
        ("opt-out", run_opt_out, "use nothing of a person any more: bids are by context"),
        ("opt-in", run_opt_in, "end a person's opt-out"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("person", metavar="KEY", help="as in an audience file: ifa:…, buyeruid:EXCHANGE:… ")
        action.set_defaults(run=run)


def run_show(asked: argparse.Namespace) -> int:
    from cli.ask import NoAnswer
    from cli.person_export import export
    from domain.settings import places

    try:
        sys.stdout.buffer.write(export(places(), _key(asked.person)))
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 1
    return 0


def run_forget(asked: argparse.Namespace) -> int:
    from cli.forgetting import forget
    from domain.settings import places

    return 0 if forget(places(), _key(asked.person), print) else 1


def run_remember(asked: argparse.Namespace) -> int:
    from cli.forgetting import let_be
    from domain.settings import places
    from targeting.forgotten import Forgotten

    data, key = places().data, _key(asked.person)
    let_be(data, key)
    removed = Forgotten(data).remove([key])
    print(f"{removed} tombstones ended")
    return 0


def run_opt_out(asked: argparse.Namespace) -> int:
    from cli.forgetting import keys_of
    from domain.settings import places
    from targeting.forgotten import Forgotten
    from targeting.opt_outs import opt_out
    from targeting.stores import open_store

    data, key = places().data, _key(asked.person)
    if key in Forgotten(data):
        print("the person is forgotten: bids are by context already, and nothing is kept of them")
        return 0
    with open_store(data) as store:
        keys = keys_of(store, key)
        print(f"{opt_out(store, data, keys)} of {len(keys)} keys opted out")
    return 0


def run_opt_in(asked: argparse.Namespace) -> int:
    from cli.forgetting import keys_of
    from domain.settings import places
    from targeting.opt_outs import opt_in
    from targeting.stores import open_store

    data = places().data
    with open_store(data) as store:
        keys = keys_of(store, _key(asked.person))
        print(f"{opt_in(store, data, keys)} of {len(keys)} keys opted in")
    return 0


def _key(person: str) -> int:
    """Raises `domain.errors.Refused`."""
    from domain.errors import Problem, Refused
    from targeting.identity_keys import parse_person, shown

    try:
        return parse_person(person)
    except ValueError as error:
        raise Refused([Problem("KEY", shown(person), str(error))]) from None
