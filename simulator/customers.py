"""How many became customers, by the exchange's own books: what attribution is compared with."""

import sqlite3
from contextlib import closing
from pathlib import Path

_QUERY = """
    SELECT coalesce(sum(kind = 'conversion'), 0), coalesce(sum(kind = 'return'), 0)
    FROM sales JOIN notices ON notices.sale = sales.id
    WHERE counts AND state = 'acknowledged'
"""


def customers(books: Path) -> tuple[int, int]:
    """Conversions that were told with a click id, and those of people who came back without."""
    if not books.exists():
        return 0, 0
    with closing(sqlite3.connect(f"file:{books}?mode=ro", uri=True, timeout=30)) as database:
        clicked, returned = database.execute(_QUERY).fetchone()
    return int(clicked), int(returned)
