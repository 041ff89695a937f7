"""An exchange's own figures, from its log file or invoice, against what was booked.

A CSV file whose first line names its columns: ``bid`` and ``currency``, and ``cpm`` or ``price`` (of one impression);
other columns are skipped. One line is one billed impression.
"""

import csv
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from domain.errors import Problem, Refused
from domain.exchange import Exchange
from domain.money import MoneyError, parse_cpm, parse_nanos
from pacing import lease_store
from pacing.accounts import Accounts
from pacing.corrections import Standing, Told, correct, standing

PRICES = {"cpm": parse_cpm, "price": parse_nanos}
MOST_PROBLEMS = 20
"""So many are told at once: a file of another kind has one in every line."""


class Line(NamedTuple):
    number: int
    bid: int
    price: int
    """Nanos of the exchange's currency, for one impression."""


class Discrepancy(NamedTuple):
    line: Line
    booked: int
    why: Literal["another price", "above the bid"]


@dataclass
class Findings:
    """What a file says beside the ledger. Prices are nanos of ``currency``; ``booked`` is before any correction."""

    currency: str
    agreed: int = 0
    corrected: int = 0
    booked: int = 0
    told: int = 0
    """By the exchange, for the bids that we know."""
    discrepancies: list[Discrepancy] = field(default_factory=list)
    unknown: list[Line] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return not self.discrepancies and not self.unknown


def read_invoice(path: Path, exchange: Exchange) -> list[Line]:
    """The file's lines. Raises Refused with what is wrong, and where: nothing of such a file may be booked."""
    problems: list[Problem] = []
    lines: dict[int, Line] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            unit = _unit(path, rows.fieldnames or [])
            for row in rows:
                line = _line(rows.line_num, row, unit, exchange, problems)
                if line and line.bid in lines:
                    allowed = f"each bid may be in the file once, and line {lines[line.bid].number} has this one"
                    problems.append(Problem(f"line {line.number}, bid", row["bid"], allowed))
                elif line:
                    lines[line.bid] = line
                if len(problems) >= MOST_PROBLEMS:
                    break
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused([Problem(str(path), str(error), "it must be a CSV file in UTF-8")]) from None
    if problems:
        raise Refused(problems)
    return list(lines.values())


def _unit(path: Path, names: Sequence[str]) -> str:
    units = [name for name in PRICES if name in names]
    if len(units) != 1 or not {"bid", "currency"} <= set(names):
        allowed = "the first line must name the columns bid, currency, and either cpm or price"
        raise Refused([Problem(f"{path}, line 1", ",".join(names), allowed)])
    return units[0]


def _line(
    number: int, row: dict[str, str | None], unit: str, exchange: Exchange, problems: list[Problem]
) -> Line | None:
    before = len(problems)

    def word(name: str) -> str:
        return (row[name] or "").strip()

    def wrong(name: str, allowed: str) -> None:
        problems.append(Problem(f"line {number}, {name}", row[name], allowed))

    bid, price = -1, -1
    if re.fullmatch(r"-?[0-9]{1,20}", word("bid")) and -(2**63) <= int(word("bid")) < 2**64:
        bid = int(word("bid")) & 0xFFFF_FFFF_FFFF_FFFF  # it is sent as a signed number
    else:
        wrong("bid", "it must be the id of a bid as we sent it, a whole number of 64 bits")
    if word("currency").upper() != exchange.currency:
        wrong("currency", f"{exchange.key} bills in {exchange.currency}")
    with suppress(MoneyError):
        price = PRICES[unit](word(unit))
    if price < 0:
        wrong(
            unit, "it must be a decimal number such as 1.25, not below 0, of an impression with at most nine decimals"
        )
    return Line(number, bid, price) if len(problems) == before else None


def reconcile(
    conn: Connection,
    exchange: Exchange,
    lines: list[Line],
    *,
    zone: Callable[[int], str],
    source: str,
    everything: bool,
    now_ns: int,
) -> Findings:
    """Compares, and corrects estimates that were not too low; with ``everything`` all that differs.

    ``zone`` is the time zone of an advertiser, by its id; ``source`` says in the ledger who told the prices.
    """
    findings = Findings(exchange.currency)
    known = {
        bid: found
        for bid, found in standing(conn, [line.bid for line in lines]).items()
        if (found.settlement.exchange, found.settlement.currency) == (exchange.id, exchange.currency)
    }
    changes: list[tuple[Standing, Told]] = []
    for line in lines:
        found = known.get(line.bid)
        if found is None:
            findings.unknown.append(line)
            continue
        s = found.settlement
        findings.booked += s.price
        findings.told += line.price
        if s.price == line.price and not s.estimated:
            findings.agreed += 1
        elif everything or (s.estimated and line.price <= s.price):
            changes.append((found, Told(line.bid, line.price, source)))
        else:
            findings.discrepancies.append(
                Discrepancy(line, s.price, "above the bid" if s.estimated else "another price")
            )
    corrected = correct(conn, Accounts(), changes, zone, now_ns)
    lease_store.spend(conn, corrected)
    findings.corrected = len(corrected)
    return findings
