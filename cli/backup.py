"""``outbid backup FILE``: everything that control keeps (campaigns, ledger, leases) in one file, while it works; and
``outbid restore FILE``, a new store made of such a file.
"""

import argparse
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    saving = commands.add_parser("backup", help="copy the control store (campaigns, ledger) into one file")
    restoring = commands.add_parser("restore", help="make the control store of such a copy; it must be empty")
    for command, run in ((saving, run_backup), (restoring, run_restore)):
        command.add_argument("file", type=Path, metavar="FILE")
        command.set_defaults(run=run)


def run_backup(asked: argparse.Namespace) -> int:
    from contextlib import closing

    from campaigns.backup import back_up
    from campaigns.config import database_url
    from campaigns.store import Store
    from domain.errors import Problem, Refused

    with closing(Store(database_url())) as store:
        try:
            rows = back_up(store, asked.file)
        except OSError as error:
            allowed = f"it must be a file that can be written ({error.strerror})"
            raise Refused([Problem("FILE", str(asked.file), allowed)]) from None
    print(f"{rows:,} rows of the control store are in {asked.file} ({asked.file.stat().st_size:,} bytes)")
    return 0


def run_restore(asked: argparse.Namespace) -> int:
    from contextlib import closing

    from campaigns.backup import restore
    from campaigns.config import database_url
    from campaigns.store import Store

    with closing(Store(database_url())) as store:
        print(f"{restore(store, asked.file):,} rows are restored; outbid control goes on from there")
    return 0
