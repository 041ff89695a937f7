"""Forgetting a person in the tables of people scored for the bid: those that the services write, and those that the
bidders of this host were told to look into instead.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from bidder.config import credit_module_settings, risk_module_settings
from credit.config import credit_settings
from credit.people import table_file
from cython_ext.key_table import remove_keys
from risk.people import FILE


def forget_scores(data: Path, keys: Collection[int], say: Callable[[str], None]) -> list[str]:
    """Takes the keys out of all tables; returns what is left and why."""
    risk = (data / "risk" / FILE, risk_module_settings().table)
    credit = (table_file(data), credit_settings().people_path(data / "credit"), credit_module_settings().table)
    left: list[str] = []
    say(f"people scored for the bid: {_removed(risk, keys, left)} rows removed")
    say(f"credit scores: {_removed(credit, keys, left)} taken out of the table of people")
    return left


def _removed(tables: Iterable[str | Path], keys: Collection[int], left: list[str]) -> int:
    count = 0
    for path in dict.fromkeys(Path(table).resolve() for table in tables if table):
        try:
            count += remove_keys(path, keys)
        except (OSError, ValueError) as error:  # no table, or one that cannot be written
            left.append(f"people scored for the bid: {error}")
    return count
