"""``outbid ledger balance``, ``show`` and ``verify``: what the books say, and whether they are sound."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaigns.catalogue import Catalogue
    from campaigns.store import Store
    from pacing.funds import Balance
    from pacing.journal import Transaction

KINDS = ("agency", "advertiser", "campaign", "line-item", "exchange")


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    balance = actions.add_parser("balance", help="what each payer paid in, spent, and may still spend")
    whose = balance.add_mutually_exclusive_group()
    whose.add_argument("--advertiser", metavar="KEY")
    whose.add_argument("--agency", metavar="KEY", help="the agency and its advertisers")
    balance.add_argument("--format", choices=("text", "json"), default="text")
    balance.set_defaults(run=run_balance)
    show = actions.add_parser("show", help="transactions with their postings, the newest first")
    where = show.add_mutually_exclusive_group()
    for kind in KINDS:
        where.add_argument(f"--{kind}", metavar="KEY", help="that touch it, or what hangs below it")
    show.add_argument("--from", dest="since", metavar="DAY", help="booked on this day or later, YYYY-MM-DD, UTC")
    show.add_argument("--to", dest="until", metavar="DAY", help="booked on this day or before, YYYY-MM-DD, UTC")
    show.add_argument("--by-hand", action="store_true", help="only what people entered")
    show.add_argument("--limit", type=int, default=100, metavar="N", help="how many at most (default: %(default)s)")
    show.add_argument("--format", choices=("text", "json"), default="text")
    show.set_defaults(run=run_show)
    verify = actions.add_parser("verify", help="check every sum and every hash; 1 if anything is wrong")
    verify.add_argument("--hash", default="", help="a last hash that was noted earlier: it must still be there")
    verify.set_defaults(run=run_verify)


@contextmanager
def opened() -> Iterator[tuple["Store", "Catalogue"]]:
    """The configured store, made or brought up to date first, and what is defined in it."""
    from campaigns import catalogue
    from campaigns.config import database_url
    from campaigns.store import Store

    store = Store(database_url())
    try:
        store.migrate()
        with store.read() as conn:
            known = catalogue.load(conn)
        yield store, known
    finally:
        store.close()


def run_balance(asked: argparse.Namespace) -> int:
    from campaigns.owners import owner, payers
    from pacing.funds import balances

    with opened() as (store, known):
        wanted = None
        if asked.advertiser or asked.agency:
            kind = "agency" if asked.agency else "advertiser"
            wanted = owner(known, kind, asked.agency or asked.advertiser)
        with store.read() as conn:
            found = balances(conn, payers(known))
    if wanted is not None:
        found = [
            one
            for one in found
            if one.payer.owner == wanted or (wanted.kind == "agency" and one.payer.owner.agency == wanted.id)
        ]
    if asked.format == "json":
        print(json.dumps([_balance_record(one) for one in found], indent=1))
    else:
        _print_balances(found)
    return 0


def _balance_record(one: "Balance") -> dict[str, Any]:
    """Amounts are exact decimals."""
    from domain.money import format_nanos

    payer = one.payer
    limit = format_nanos(payer.credit_limit) if payer.funding == "credit" else None
    return {
        "kind": payer.owner.kind,
        "key": payer.owner.key,
        "currency": payer.owner.currency,
        "funding": payer.funding,
        "paid_in": format_nanos(one.paid_in),
        "spent": format_nanos(one.spent),
        "adjustments": format_nanos(one.adjustments),
        "owed": format_nanos(one.owed),
        "credit_limit": limit,
        "available": None if one.available is None else format_nanos(one.available),
    }


def _print_balances(found: list["Balance"]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("account", "funding", box=None, pad_edge=False)
    for name in ("paid in", "spent", "adjustments", "owed", "credit limit", "available"):
        table.add_column(name, justify="right")
    table.add_column("cur")
    for one in found:
        record = _balance_record(one)
        indent = "  " if one.payer.owner.agency else ""
        figures = [record[name] for name in ("paid_in", "spent", "adjustments", "owed")]
        limits = [record["credit_limit"] or "-", record["available"] or "no limit"]
        table.add_row(f"{indent}{one.payer.owner}", record["funding"], *figures, *limits, record["currency"])
    Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False).print(table)


def run_show(asked: argparse.Namespace) -> int:
    from campaigns.owners import exchange, owner
    from pacing.journal import read

    since, until = (_day_ns(name, text) for name, text in (("from", asked.since), ("to", asked.until)))
    with opened() as (store, known):
        below = []
        for kind in ("agency", "advertiser", "campaign", "line_item"):
            if key := getattr(asked, kind):
                below.append((kind, owner(known, kind, key).id))
        if asked.exchange:
            below.append(("payable", exchange(known, asked.exchange).id))
        with store.read() as conn:
            found = read(
                conn,
                below=below,
                since_ns=since,
                until_ns=None if until is None else until + 86_400 * 10**9,
                by_hand=asked.by_hand,
                limit=max(1, asked.limit),
            )
    records = [_transaction_record(one, _keys(known)) for one in found]
    if asked.format == "json":
        print(json.dumps(records, indent=1))
    else:
        for record in records:
            _print_transaction(record)
    return 0


def _day_ns(name: str, text: str | None) -> int | None:
    from datetime import UTC, datetime

    from domain.errors import Problem, Refused

    if text is None:
        return None
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 10**9
    except ValueError:
        raise Refused([Problem(name, text, "it must be a day, YYYY-MM-DD")]) from None


def _keys(known: "Catalogue") -> dict[tuple[str, int], str]:
    of: dict[tuple[str, int], str] = {}
    kinds: dict[str, dict[str, Any]] = {
        "agency": known.agencies,
        "advertiser": known.advertisers,
        "campaign": known.campaigns,
        "line_item": known.line_items,
        "payable": known.exchanges,
        "fee": known.fees,
        "data": known.audiences,
    }
    for kind, things in kinds.items():
        for key, thing in things.items():
            of[kind, thing.id] = key
    return of


def _transaction_record(one: "Transaction", keys: dict[tuple[str, int], str]) -> dict[str, Any]:
    """Amounts are exact decimals; debits are positive."""
    from domain.clock import utc
    from domain.money import format_nanos

    return {
        "transaction": one.id,
        "kind": one.kind,
        "booked": f"{utc(one.booked_ns):%Y-%m-%dT%H:%M:%SZ}",
        "by": one.by,
        "reason": one.reason,
        "reference": one.reference,
        "reverses": one.reverses,
        "day": one.day,
        "hash": one.hash,
        "postings": [
            {
                "account": posting.kind,
                "of": keys.get((posting.kind, posting.owner), f"#{posting.owner}" if posting.owner else ""),
                "amount": format_nanos(posting.amount),
                "currency": posting.currency,
            }
            for posting in one.postings
        ],
    }


def _print_transaction(record: dict[str, Any]) -> None:
    head = f"#{record['transaction']}  {record['booked']}  {record['kind']}"
    if record["day"]:
        head += f" of {record['day']}"
    if record["reverses"]:
        head += f" of #{record['reverses']}"
    if record["by"]:
        head += f"  by {record['by']}: {record['reason']}"
    if record["reference"]:
        head += f"  [{record['reference']}]"
    print("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in head))
    for posting in record["postings"]:
        account = f"{posting['account'].replace('_', ' ')} {posting['of']}"
        print(f"    {account:<44}{posting['amount']:>26} {posting['currency']}")


def run_verify(asked: argparse.Namespace) -> int:
    from domain.clock import from_env
    from pacing.verification import verify

    with opened() as (store, _), store.read() as conn:
        verdict = verify(conn, from_env().now_ns(), asked.hash)
    print(f"{verdict.transactions} transactions, {verdict.postings} postings, {verdict.settlements} settlements")
    if verdict.unsealed:
        print(f"{verdict.unsealed} transactions are older than the chain of hashes")
    print(f"last hash: {verdict.last_hash or 'none'}")
    for fault in verdict.faults:
        print(f"WRONG  {fault}")
    print("The books are sound." if not verdict.faults else f"{len(verdict.faults)} things are wrong.")
    return 1 if verdict.faults else 0
