"""Outcomes in a file: CSV or Parquet, a row each."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from credit.columns import require
from credit.numbers import Decimal, decimal_of, number_of
from credit.outcomes import KINDS, Outcome
from credit.sums import nanos_of
from credit.table import Table, read
from domain.errors import Problem, Refused

TEXTS = ("match_id", "reference", "product", "id")


def read_outcomes(path: Path, institution: str, now_s: int) -> tuple[list[Outcome], list[Problem]]:
    """The outcomes, and what is wrong with rows that are left out; a row is named by its line, the header is line 1.

    Raises Refused for a file that cannot be read or has not the columns.
    """
    table = read(path)
    require(table, ("kind",), str(path))
    if not {"match_id", "reference"} & table.columns.keys():
        raise Refused([Problem(str(path), ", ".join(table.columns), "a column match_id or reference must be there")])
    amounts = table.columns["amount"].levels if "amount" in table.columns else ()
    decimal = decimal_of(amounts, table.decimal_comma)
    found: list[Outcome] = []
    problems: list[Problem] = []
    for row in range(table.rows):
        at = f"line {row + 2}"
        try:
            outcome = _outcome(table, row, institution, now_s, at, decimal)
        except Refused as error:
            problems += error.problems
            continue
        if wrong := outcome.problems(now_s, at):
            problems += wrong
        else:
            found.append(outcome)
    return found, problems


def _outcome(table: Table, row: int, institution: str, now_s: int, at: str, decimal: Decimal) -> Outcome:
    def text(name: str) -> str:
        return (table.columns[name].text(row) or "") if name in table.columns else ""

    kind: Any = text("kind").lower()
    if kind not in KINDS:
        raise Refused([Problem(f"{at}.kind", kind, f"it must be of {', '.join(KINDS)}")])
    amount = number_of(text("amount"), decimal) if text("amount") else None
    if text("amount") and (amount is None or amount < 0):
        raise Refused([Problem(f"{at}.amount", text("amount"), "a number, 0 or more")])
    told = {name: text(name) for name in TEXTS}
    return Outcome(
        kind=kind,
        at=_time(text("at"), now_s, at),
        amount=0 if amount is None else nanos_of(amount, f"{at}.amount"),
        institution=institution,
        **told,
    )


def _time(text: str, now_s: int, at: str) -> int:
    """Seconds since 1970, or ISO 8601 (UTC where it says nothing else); missing is now."""
    if not text:
        return now_s
    if (number := number_of(text)) is not None and number >= 1e8:
        return int(number)
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Refused([Problem(f"{at}.at", text, "seconds since 1970, or a date as ISO 8601 has it")]) from None
    return int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp())
