"""The tables and lists of modules that are ``in_process``: opened when they are there, and anew when they change."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from bidder.config import CreditModuleSettings, RiskModuleSettings
from bidder.enrichment.risk import BlackLists
from bidder.worth import IN_PROCESS, Worth
from cython_ext.key_table import KeyTable
from domain.errors import Unavailable
from domain.in_service import InService
from domain.naming import name_id
from risk.lists import Lists

LOOK_S = 1.0
"""How soon another table, or a change of a list, is in use."""
PEOPLE = "people.table"

log = logging.getLogger(__name__)


class Tables:
    """Keeps what `Worth` looks into."""

    def __init__(self, worth: Worth, risk: RiskModuleSettings, credit: CreditModuleSettings, data: Path) -> None:
        self.worth, self._institution = worth, name_id(risk.institution)
        self._risk = _table("scored people of risk", risk.table or data / "risk" / PEOPLE)
        self._credit = _table("scored people of credit", credit.table or data / "credit" / PEOPLE)
        self._directory = Path(risk.lists) if risk.lists else data / "risk" / "lists"
        self._lists: BlackLists | None = None
        self.trouble: dict[str, str] = {}
        """Why what is known of a part is not renewed, or not known at all."""

    @property
    def wanted(self) -> bool:
        return IN_PROCESS in (self.worth.risk, self.worth.credit)

    def look(self) -> None:
        """Takes what is new. What cannot be read changes nothing, and is said once."""
        if self.worth.risk == IN_PROCESS:
            self._look_at_lists()
            self._look_at("risk", self._risk, self.worth.use_risk)
        if self.worth.credit == IN_PROCESS:
            self._look_at("credit", self._credit, self.worth.use_credit)

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.look)  # lists may be large

    def _look_at_lists(self) -> None:
        try:
            self._take_lists()
            self.trouble.pop("lists", None)
        except (OSError, ValueError, Unavailable) as error:
            if self.trouble.get("lists") != str(error):
                log.error("what is known of people's lists is not renewed: %s", error)
            self.trouble["lists"] = str(error)

    def _take_lists(self) -> None:
        if self._lists is None:
            if not self._directory.is_dir():
                return
            self._lists = BlackLists(Lists.open(self._directory), self._institution)
            self.worth.use_lists(self._lists)
        elif self._lists.reload():
            self._lists.take()
            self.worth.use_lists(self._lists)

    def _look_at(self, what: str, table: InService[KeyTable], use: Callable[[KeyTable | None], None]) -> None:
        if table.look():
            use(table.value)
        if table.trouble:
            self.trouble[what] = table.trouble
        else:
            self.trouble.pop(what, None)


def _table(name: str, path: str | Path) -> InService[KeyTable]:
    """One that its writer replaces whole. Without it, nobody is known."""
    return InService(name, Path(path), lambda found: KeyTable(found))
