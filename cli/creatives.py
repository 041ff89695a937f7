"""``outbid creatives``: what exchanges think of creatives, submitting them now, noting what was told by other ways."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaigns.reviewing import Outcome

STATUSES = ("not_submitted", "pending", "approved", "disapproved")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("creatives", help="approval of creatives by exchanges: submit, status, set")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    submitting = actions.add_parser("submit", help="submit what is new, and ask about the rest, now")
    submitting.add_argument("--exchange", default="", metavar="KEY")
    submitting.set_defaults(run=run_submit)
    showing = actions.add_parser("status", help="what each exchange thinks of each creative")
    showing.add_argument("--exchange", default="", metavar="KEY")
    showing.set_defaults(run=run_status)
    setting = actions.add_parser("set", help="note a verdict that was told by e-mail, in a console …")
    setting.add_argument("--exchange", required=True, metavar="KEY")
    setting.add_argument("--creative", required=True, metavar="KEY")
    setting.add_argument("--status", required=True, choices=STATUSES)
    setting.add_argument("--reason", default="", metavar="TEXT", help="of a disapproval")
    setting.set_defaults(run=run_set)


def run_submit(asked: argparse.Namespace) -> int:
    outcome = submit(asked.exchange)
    print(f"submitted {outcome.submitted}, asked about {outcome.asked}, failed {outcome.failed}")
    return 1 if outcome.failed else 0


def submit(exchange: str) -> "Outcome":
    """One round over everything, in the configured store. Raises `Refused`, SettingsError."""
    import asyncio
    from collections.abc import Callable
    from typing import TypeVar

    import aiohttp
    from sqlalchemy import Connection

    from campaigns.config import database_url
    from campaigns.reviewing import TIMEOUT, Reviewer, creative_settings
    from campaigns.store import Store
    from domain.clock import from_env

    T = TypeVar("T")
    store = Store(database_url())

    async def read(work: Callable[[Connection], T]) -> T:
        with store.read() as conn:
            return work(conn)

    async def write(work: Callable[[Connection], T]) -> T:
        with store.write() as conn:
            return work(conn)

    async def round_() -> "Outcome":
        reviewer = Reviewer(read, write, from_env(), creative_settings())
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            return await reviewer.round(session, exchange, everything=True)

    try:
        store.migrate()
        _check_key(store, exchange)
        return asyncio.run(round_())
    finally:
        store.close()


def run_status(asked: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    table = Table("exchange", "approval", "creative", "status", "reasons", "trouble", box=None, pad_edge=False)
    for row in statuses(asked.exchange):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
    return 0


def statuses(exchange: str) -> list[tuple[str, ...]]:
    """A row for each exchange that asks for approval, or has said something, and each creative. Raises `Refused`."""
    from campaigns import approvals, catalogue
    from campaigns.config import database_url
    from campaigns.store import Store
    from openrtb.adapters.creative_apis import APIS

    store = Store(database_url())
    try:
        store.migrate()
        _check_key(store, exchange)
        with store.read() as conn:
            known, records = catalogue.load(conn), approvals.records(conn)
    finally:
        store.close()
    rows: list[tuple[str, ...]] = []
    for seller in known.exchanges.values():
        if exchange and seller.key != exchange:
            continue
        for creative in known.creatives.values():
            record = records.get((creative.id, seller.id))
            if record is None and seller.approval == "optional" and seller.creative_api == "none":
                continue
            if record is None or record.fingerprint != approvals.fingerprint(creative):
                by_hand = APIS[seller.creative_api].by_hand(creative) if seller.creative_api != "none" else ""
                trouble = f"to be submitted by hand: {by_hand}" if by_hand else ""
                rows.append((seller.key, seller.approval, creative.key, "not_submitted", "", trouble))
            else:
                told = "; ".join(record.reasons)
                rows.append((seller.key, seller.approval, creative.key, record.status, told, record.trouble))
    return rows


def run_set(asked: argparse.Namespace) -> int:
    set_status(asked.exchange, asked.creative, asked.status, asked.reason)
    print(f"{asked.creative} is {asked.status} on {asked.exchange}")
    return 0


def set_status(exchange: str, creative: str, status: str, reason: str) -> None:
    """Notes a verdict. Raises `Refused`."""
    import msgspec

    from campaigns import approvals, catalogue
    from campaigns.config import database_url
    from campaigns.store import Store
    from domain.clock import SECOND, from_env
    from domain.errors import Problem, Refused

    store = Store(database_url())
    try:
        store.migrate()
        _check_key(store, exchange)
        with store.write() as conn:
            known = catalogue.load(conn)
            if creative not in known.creatives:
                raise Refused([Problem("--creative", creative, "it must be the key of a creative")])
            thing, seller = known.creatives[creative], known.exchanges[exchange]
            before = approvals.records(conn).get((thing.id, seller.id))
            now = from_env().now_ns()
            record = {
                "creative": thing.id,
                "exchange": seller.id,
                "status": status,
                "fingerprint": approvals.fingerprint(thing),
                "reasons": (reason,) if reason else (),
                "submitted_ns": before.submitted_ns if before else 0,
                "checked_ns": now,
                "due_ns": now + 86_400 * SECOND,
            }
            approvals.save(conn, msgspec.convert(record, approvals.Record))
    finally:
        store.close()


def _check_key(store: object, exchange: str) -> None:
    from campaigns import catalogue
    from campaigns.store import Store
    from domain.errors import Problem, Refused

    assert isinstance(store, Store)
    with store.read() as conn:
        known = catalogue.load(conn)
    if exchange and exchange not in known.exchanges:
        allowed = f"it must be the key of an exchange: {', '.join(sorted(known.exchanges)) or 'there is none yet'}"
        raise Refused([Problem("--exchange", exchange, allowed)])
