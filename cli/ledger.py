"""``outbid ledger``: money in and out, what is put right by hand, and what the books say.

Entries are written into the control store directly, each in one transaction; a running control notices.
"""

import argparse
import getpass
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli import ledger_reading

if TYPE_CHECKING:
    from campaigns.catalogue import Catalogue
    from pacing.accounts import Accounts, Owner
    from pacing.adjustments import Credit
    from pacing.by_hand import Booked, Note


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("ledger", help="pay in, refund, credit, reverse; balances, transactions, and a check")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    _entry(actions, "top-up", "a payment of an advertiser or agency came in", run_top_up, ("advertiser", "agency"))
    _entry(actions, "refund", "money is given back to an advertiser or agency", run_refund, ("advertiser", "agency"))
    kinds = ("line-item", "campaign", "advertiser")
    adjusting = _entry(actions, "adjust", "debit or credit an advertiser, or a part of it", run_adjust, kinds)
    side = adjusting.add_mutually_exclusive_group(required=True)
    side.add_argument("--debit", action="store_true", help="the advertiser owes more")
    side.add_argument("--credit", action="store_true", help="the advertiser owes less")
    side.add_argument("--invalid-traffic", action="store_true", help="a credit for traffic that was not people")
    adjusting.add_argument("--exchange", metavar="KEY", help="this exchange pays for the invalid traffic")
    crediting = actions.add_parser("credit-invalid-traffic", help="give back what each bid of a file cost, once")
    crediting.add_argument("file", type=Path, metavar="FILE", help="CSV with a column `bid`, as exchanges were sent it")
    crediting.add_argument("--exchange", metavar="KEY", help="this exchange refunds us; else the media is written off")
    _note(crediting)
    crediting.set_defaults(run=run_credit)
    reversing = actions.add_parser("reverse", help="book the exact opposite of an entry, once")
    reversing.add_argument("transaction", type=int, metavar="TRANSACTION", help="its number, as `show` has it")
    _note(reversing)
    reversing.set_defaults(run=run_reverse)
    ledger_reading.add(actions)


def _entry(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    what: str,
    run: Callable[[argparse.Namespace], int],
    kinds: tuple[str, ...],
) -> argparse.ArgumentParser:
    entry = actions.add_parser(name, help=what)
    whose = entry.add_mutually_exclusive_group(required=True)
    for kind in kinds:
        whose.add_argument(f"--{kind}", metavar="KEY")
    entry.add_argument("amount", metavar="AMOUNT", help="a decimal of up to nine places, such as 1250.00")
    entry.add_argument("currency", metavar="CUR", help="the account's currency")
    _note(entry)
    entry.set_defaults(run=run)
    return entry


def _note(entry: argparse.ArgumentParser) -> None:
    entry.add_argument("--reason", required=True, help="why, for whoever reads the statement")
    entry.add_argument("--by", metavar="NAME", help="who books it (default: the login name)")
    entry.add_argument(
        "--reference", metavar="TEXT", help="what the outside calls it; booked once, however often asked"
    )


def run_top_up(asked: argparse.Namespace) -> int:
    from pacing.funds import top_up

    with ledger_reading.opened() as (store, known):
        whose, amount = _whose(known, asked), _amount(asked)
        with store.write() as conn:
            done = top_up(conn, _book(known), whose, amount, _noted(asked), _now())
    return _say(done, f"{_sum(asked)} paid in by {whose}")


def run_refund(asked: argparse.Namespace) -> int:
    from pacing.funds import refund

    with ledger_reading.opened() as (store, known):
        whose, amount = _whose(known, asked), _amount(asked)
        with store.write() as conn:
            done = refund(conn, _book(known), whose, amount, _noted(asked), _now())
    return _say(done, f"{_sum(asked)} given back to {whose}")


def run_adjust(asked: argparse.Namespace) -> int:
    from campaigns.owners import exchange
    from domain.errors import Problem, Refused
    from pacing.adjustments import adjust

    if asked.exchange and not asked.invalid_traffic:
        raise Refused([Problem("exchange", asked.exchange, "an exchange pays for invalid traffic only")])
    with ledger_reading.opened() as (store, known):
        whose, amount = _whose(known, asked), _amount(asked)
        payer = exchange(known, asked.exchange) if asked.exchange else None
        debit = amount if asked.debit else -amount
        with store.write() as conn:
            done = adjust(
                conn, _book(known), whose, debit, _noted(asked), _now(),
                invalid_traffic=asked.invalid_traffic, exchange=payer,
            )  # fmt: skip
    return _say(done, f"{_sum(asked)} {'debited' if asked.debit else 'credited'} to {whose}")


def run_credit(asked: argparse.Namespace) -> int:
    from campaigns.owners import exchange
    from pacing.adjustments import credit_bids

    bids = read_bids(asked.file)
    with ledger_reading.opened() as (store, known):
        payer = exchange(known, asked.exchange) if asked.exchange else None
        with store.write() as conn:
            credit = credit_bids(conn, _book(known), bids, _noted(asked), _now(), payer)
    return _say_credit(credit)


def run_reverse(asked: argparse.Namespace) -> int:
    from pacing.adjustments import reverse

    with ledger_reading.opened() as (store, _), store.write() as conn:
        done = reverse(conn, asked.transaction, _noted(asked), _now())
    return _say(done, f"transaction {asked.transaction} is reversed")


def read_bids(file: Path) -> dict[int, str]:
    """Bids of a CSV file, with the line that names each. Raises Refused with every line that is wrong."""
    import csv

    from domain.errors import Problem, Refused

    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            if "bid" not in (reader.fieldnames or ()):
                raise Refused([Problem("line 1", reader.fieldnames or [], "it must name a column `bid`")])
            return _bids(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused([Problem("file", str(file), f"it must be a CSV file in UTF-8: {error}")]) from None


def _bids(reader: "Iterator[dict[str, str | None]]") -> dict[int, str]:
    from domain.errors import Problem, Refused

    bids: dict[int, str] = {}
    problems = []
    for line, row in enumerate(reader, 2):
        text = (row["bid"] or "").strip()
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and -(2**63) <= int(text) < 2**64:
            bids.setdefault(int(text) & (2**64 - 1), f"line {line}, bid")
        else:
            problems.append(Problem(f"line {line}, bid", text, "it must be a bid's id as it was sent: a whole number"))
    if not bids and not problems:
        problems.append(Problem("bid", "", "the file must name at least one bid"))
    if problems:
        raise Refused(problems)
    return bids


def _whose(known: "Catalogue", asked: argparse.Namespace) -> "Owner":
    from campaigns.owners import owner

    kind, key = next(
        (kind, key) for kind in ("agency", "advertiser", "campaign", "line_item") if (key := getattr(asked, kind, None))
    )
    whose = owner(known, kind, key)
    if asked.currency != whose.currency:
        from domain.errors import Problem, Refused

        raise Refused([Problem("currency", asked.currency, f"{whose} has its account in {whose.currency}")])
    return whose


def _amount(asked: argparse.Namespace) -> int:
    from domain.errors import Problem, Refused
    from domain.money import MoneyError, parse_nanos

    try:
        nanos = parse_nanos(asked.amount)
    except MoneyError as error:
        raise Refused(
            [Problem("amount", asked.amount, f"it must be a decimal of up to nine places: {error}")]
        ) from None
    if nanos <= 0:
        raise Refused([Problem("amount", asked.amount, "it must be above zero")])
    return nanos


def _sum(asked: argparse.Namespace) -> str:
    return f"{asked.amount} {asked.currency}"


def _noted(asked: argparse.Namespace) -> "Note":
    from pacing.by_hand import Note

    return Note(asked.by if asked.by is not None else getpass.getuser(), asked.reason, asked.reference)


def _book(known: "Catalogue") -> "Accounts":
    from campaigns.owners import agencies
    from pacing.accounts import Accounts

    return Accounts(agencies(known))


def _now() -> int:
    from domain.clock import from_env

    return from_env().now_ns()


def _say(done: "Booked", what: str) -> int:
    from domain.clock import utc

    if done.again:
        print(
            f"already booked: transaction {done.id} of {utc(done.booked_ns):%Y-%m-%d %H:%M:%S} UTC; nothing is changed"
        )
    else:
        print(f"transaction {done.id}: {what}")
    return 0


def _say_credit(credit: "Credit") -> int:
    from domain.money import format_nanos

    if credit.before:
        of = ", ".join(map(str, sorted(set(credit.before.values()))))
        print(f"{len(credit.before)} of the bids were credited before, by transaction {of}")
    if credit.booked is None:
        print("nothing is left to credit; nothing is changed")
        return 0
    sums = ", ".join(f"{format_nanos(amount)} {currency}" for currency, amount in sorted(credit.amounts.items()))
    return _say(credit.booked, f"{credit.bids} bids credited: {sums}")
