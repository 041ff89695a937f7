"""Reporters that share a server: while one makes rollups anew out of the facts, the others' batches wait.

The word for it is a table, because the server makes a table once and not twice. Who made it, and until when it is to be
minded, stands in the defaults of its columns, so that it is never there without.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from reporting.escape import literal
from reporting.store import Parameter, Row, StoreError

log = logging.getLogger(__name__)

TABLE = "alone"
HOLDS_S = 900
"""By the server's clock: longer than a day is made anew in. Who died meanwhile is waited for no longer."""
_LOOK_S = 0.2
_EXISTS_ALREADY = 57
_TEXT, _NUMBER = re.compile(r"'([^']*)'"), re.compile(r"\d{9,}")

Query = Callable[[str, Mapping[str, Parameter] | None], list[Row]]


class Turns:
    def __init__(self, command: Callable[[str], None], query: Query, owner: str) -> None:
        self._command, self._query, self._owner = command, query, owner

    def wait(self) -> bool:
        """Returns when nobody else wants to be alone; whether there is a word nevertheless, which counts no longer:
        one's own from before a crash, or of somebody given up. Raises StoreError.
        """
        told = False
        while int(self._query(f"EXISTS TABLE {TABLE}", None)[0][0]):
            if not (other := self._minded()):
                return True
            if not told:
                log.info("batches wait: %s makes rollups anew", other)
            told = True
            time.sleep(_LOOK_S)
        return False

    @contextmanager
    def alone(self, await_others: Callable[[], None]) -> Iterator[None]:
        """``await_others`` returns when what others had begun to send has arrived."""
        while True:
            if self.wait():
                self._command(f"DROP TABLE IF EXISTS {TABLE}")
            until = int(self._query("SELECT toUInt32(now())", None)[0][0]) + HOLDS_S
            try:
                self._command(
                    f"CREATE TABLE {TABLE} (owner String DEFAULT {literal(self._owner)}, until UInt32 DEFAULT {until})"
                    " ENGINE = Memory"
                )
                break
            except StoreError as error:
                if error.code != _EXISTS_ALREADY:
                    raise
        try:
            await_others()
            yield
        finally:
            self._command(f"DROP TABLE IF EXISTS {TABLE}")

    def _minded(self) -> str:
        """Who says so; empty: oneself, or nobody that is to be minded."""
        sql = (
            "SELECT name, default_expression FROM system.columns"
            f" WHERE database = currentDatabase() AND table = {literal(TABLE)}"
        )
        told = {str(name): str(value) for name, value in self._query(sql, None)}  # 18.16 tells CAST(… AS …)
        owner, until = _TEXT.search(told.get("owner", "")), _NUMBER.search(told.get("until", ""))
        if owner is None or until is None or owner[1] == self._owner:
            return ""
        now = int(self._query("SELECT toUInt32(now())", None)[0][0])
        return f"the reporter of {owner[1]}" if int(until[0]) > now else ""
