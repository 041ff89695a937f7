"""Operations on money: what payers have, and what is paid in, given back and put right by hand."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from aiohttp import web
from msgspec import Meta, Struct
from sqlalchemy import Connection

from api.operations import Call, Operation
from api.problem import Failure
from campaigns.api.answers import Answer, answer, once
from campaigns.api.clerk import MONEY, Clerk, caller
from campaigns.api.kinds import moment
from campaigns.api.reading_operations import READ, told
from campaigns.api.schema import Decimal, Key, Moment
from campaigns.api.shelf import Shelf, State, deleted_of
from campaigns.api.writing_operations import REPEATABLE
from campaigns.catalogue import Catalogue
from campaigns.owners import agencies, exchange, owner, payers
from campaigns.store import Store
from domain.errors import Problem, Refused
from domain.money import MoneyError, format_nanos, parse_nanos
from pacing.accounts import Accounts, Owner
from pacing.adjustments import adjust
from pacing.by_hand import Booked, Note
from pacing.funds import Balance, balances, refund, top_up

Exactly = Annotated[Any, Meta(description="an exact decimal, as text or a number")]
Named = Annotated[str, Meta(max_length=64)]
"""The key of a thing; empty: it is not meant."""

KINDS = {"advertisers": "advertiser", "agencies": "agency"}


class Payment(Struct, frozen=True, forbid_unknown_fields=True):
    """Money that came in, or goes back. Of an advertiser or an agency, one of the two."""

    amount: Exactly
    currency: str
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    advertiser: Named = ""
    agency: Named = ""
    reference: Annotated[str, Meta(max_length=255)] = ""
    """What the outside calls it (a bank's booking): booked once, however often asked."""


class Adjustment(Struct, frozen=True, forbid_unknown_fields=True):
    """What an advertiser, or a part of it, owes more (``debit``) or less (``credit``, ``invalid_traffic``). Of an
    advertiser, a campaign or a line item, one of the three.
    """

    amount: Exactly
    currency: str
    side: Literal["debit", "credit", "invalid_traffic"]
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    advertiser: Named = ""
    campaign: Named = ""
    line_item: Named = ""
    exchange: Named = ""
    """Who pays for invalid traffic; without it the media is written off."""
    reference: Annotated[str, Meta(max_length=255)] = ""


class Entered(Struct, frozen=True):
    """An entry in the ledger. ``again``: it had been made before, and nothing was booked now."""

    transaction: int
    booked: Moment
    again: bool


class BalanceOut(Struct, frozen=True):
    """Of an advertiser, or an agency with all of its advertisers. ``available``: what may still be spent, null: no
    limit; what bids in flight hold is not taken off.
    """

    kind: Literal["advertisers", "agencies"]
    key: Key
    currency: str
    funding: Literal["open", "prepaid", "credit"]
    paid_in: Decimal
    spent: Decimal
    adjustments: Decimal
    owed: Decimal
    credit_limit: Decimal | None
    available: Decimal | None


class BalanceList(Struct, frozen=True):
    """Agencies with their advertisers, then the advertisers without one."""

    items: tuple[BalanceOut, ...]


class Money:
    """Entries are made by the house's keys only; an advertiser's own key sees its own balance."""

    def __init__(self, store: Store, shelf: Shelf, clerk: Clerk) -> None:
        self._store, self._shelf, self._clerk = store, shelf, clerk

    def operations(self) -> tuple[Operation, ...]:
        def entry(path: str, summary: str, kind: type[Struct], handler: Any) -> Operation:
            return Operation(
                "POST", path, summary, kind, Entered, MONEY, handler, status=201, exact=True, headers=(REPEATABLE,)
            )

        return (
            Operation("GET", "/v1/balances", "what all payers have", None, BalanceList, READ, self._list),
            Operation(
                "GET", "/v1/balances/{kind}/{key}", "what one payer has: of `advertisers` or `agencies`", None,
                BalanceOut, READ, self._get,
            ),
            entry("/v1/payments", "a payment came in", Payment, self._pay),
            entry("/v1/refunds", "money is given back", Payment, self._refund),
            entry("/v1/adjustments", "something is put right by hand", Adjustment, self._adjust),
        )  # fmt: skip

    async def _list(self, call: Call) -> web.Response:
        return await asyncio.to_thread(lambda: told({"items": self._balances(call.key.institution)}))

    async def _get(self, call: Call) -> web.Response:
        kind, key = call.path["kind"], call.path["key"]

        def read() -> web.Response:
            for one in self._balances(call.key.institution):
                if (one.kind, one.key) == (kind, key):
                    return told(one)
            raise Failure(404, f"there is no payer {key!r} among the {kind}; kinds are {' and '.join(KINDS)}")

        return await asyncio.to_thread(read)

    def _balances(self, tenant: str) -> list[BalanceOut]:
        state = self._shelf.current()
        only = state.tenant_id(tenant)
        gone = deleted_of(state.marks)
        with self._store.read() as conn:
            found = balances(conn, payers(state.whole))
        plural = {one: many for many, one in KINDS.items()}
        return [
            _shown(plural[one.payer.owner.kind], one)
            for one in found
            if (one.payer.owner.kind, one.payer.owner.id) == ("advertiser", only)
            or (not only and one.payer.owner.id not in gone.get(plural[one.payer.owner.kind], ()))
        ]

    async def _pay(self, call: Call) -> web.Response:
        return await self._paid(call, top_up)

    async def _refund(self, call: Call) -> web.Response:
        return await self._paid(call, refund)

    async def _paid(self, call: Call, book: Callable[..., Booked]) -> web.Response:
        asked: Payment = call.body

        def work(conn: Connection, known: Catalogue, now_ns: int) -> Booked:
            whose = _whose(known, asked, ("advertiser", "agency"))
            amount = _amount(asked, whose)
            return book(conn, Accounts(agencies(known)), whose, amount, _note(call, asked), now_ns)

        return await self._entered(call, work)

    async def _adjust(self, call: Call) -> web.Response:
        asked: Adjustment = call.body

        def work(conn: Connection, known: Catalogue, now_ns: int) -> Booked:
            invalid = asked.side == "invalid_traffic"
            if asked.exchange and not invalid:
                raise Refused([Problem("exchange", asked.exchange, "an exchange pays for invalid traffic only")])
            whose = _whose(known, asked, ("advertiser", "campaign", "line_item"))
            amount = _amount(asked, whose)
            return adjust(
                conn, Accounts(agencies(known)), whose, amount if asked.side == "debit" else -amount,
                _note(call, asked), now_ns, invalid_traffic=invalid,
                exchange=exchange(known, asked.exchange) if asked.exchange else None,
            )  # fmt: skip

        return await self._entered(call, work)

    async def _entered(self, call: Call, work: Callable[[Connection, Catalogue, int], Booked]) -> web.Response:
        if call.key.institution:
            raise Failure(403, "this key is bound to an advertiser, and the ledger is the house's to write")

        def done(conn: Connection, state: State, now_ns: int) -> Answer:
            booked = work(conn, state.whole, now_ns)
            when = moment(booked.booked_ns)
            return answer({"transaction": booked.id, "booked": when, "again": booked.again}, 201)

        made = await self._clerk.book(done, once(caller(call.key), call.request, call.body))
        return made.response()


def _whose(known: Catalogue, asked: Any, kinds: tuple[str, ...]) -> Owner:
    named = [kind for kind in kinds if getattr(asked, kind)]
    if len(named) != 1:
        found = getattr(asked, named[1]) if named else None
        raise Refused([Problem(named[1] if named else kinds[0], found, f"one of {', '.join(kinds)} must be given")])
    return owner(known, named[0], getattr(asked, named[0]))


def _amount(asked: Any, whose: Owner) -> int:
    problems = []
    nanos = 0
    try:
        nanos = parse_nanos(asked.amount)
        if nanos <= 0:
            problems.append(Problem("amount", asked.amount, "it must be above 0"))
    except MoneyError as error:
        problems.append(Problem("amount", asked.amount, f"it must be an amount such as 1250.00: {error}"))
    if asked.currency != whose.currency:
        problems.append(Problem("currency", asked.currency, f"the account of {whose} is in {whose.currency}"))
    if problems:
        raise Refused(problems)
    return nanos


def _note(call: Call, asked: Any) -> Note:
    return Note(caller(call.key), asked.reason, asked.reference or None)


def _shown(kind: Any, one: Balance) -> BalanceOut:
    payer = one.payer
    return BalanceOut(
        kind, payer.owner.key, payer.owner.currency, payer.funding, format_nanos(one.paid_in), format_nanos(one.spent),
        format_nanos(one.adjustments), format_nanos(one.owed),
        format_nanos(payer.credit_limit) if payer.funding == "credit" else None,
        None if one.available is None else format_nanos(one.available),
    )  # fmt: skip
