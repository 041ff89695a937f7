"""The REST API of the control plane: its parts put together, and its application."""

from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from sqlalchemy.exc import OperationalError

from api.application import application
from api.keys import Keys
from api.operations import Operation
from campaigns.api.batch_operations import Editing
from campaigns.api.clerk import Clerk
from campaigns.api.history_operations import Remembering
from campaigns.api.kinds import KINDS
from campaigns.api.money_operations import Money
from campaigns.api.reading_operations import READ, WRITE, Reading
from campaigns.api.schema import resource_type
from campaigns.api.shelf import Shelf
from campaigns.api.writing_operations import Changing
from campaigns.databases import Unreachable
from campaigns.seat import Unseated
from campaigns.store import Store
from domain.clock import Clock
from domain.errors import Unavailable
from monitoring.process import LoopLag
from monitoring.web import Requests, Told

TITLE = "Outbid"
VERSION = "1"
DESCRIPTION = "What marketers define, and the money of those who pay. See docs/api.md."
SCOPES = (READ, WRITE, "money")


def key_file(data: Path) -> Path:
    """The keys of the API, of the host that keeps its data there."""
    return data / "control-keys.json"


@web.middleware
async def _store_away(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (Unreachable, OperationalError, Unseated):
        raise Unavailable("the control store does not answer") from None


class Service:
    """The application closes it in its end."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.shelf = Shelf(store)
        self.clerk = Clerk(store, self.shelf, clock)

    def operations(self) -> tuple[Operation, ...]:
        """All that the API does."""
        found: list[Operation] = []
        for kind in KINDS.values():
            shown = resource_type(kind)
            found += Reading(kind, self.shelf, shown).operations()
            found += Changing(kind, self.clerk, shown).operations()
            found += Remembering(kind, self._store, self.shelf, self.clerk, shown).operations()
            found += Editing(kind, self.clerk, shown).operations()
        found += Money(self._store, self.shelf, self.clerk).operations()
        return tuple(found)

    def application(self, keys: Keys, told: Told, requests: Requests, lag: LoopLag) -> web.Application:
        app = application(
            TITLE, VERSION, self.operations(), keys, told=told, requests=requests, lag=lag, description=DESCRIPTION
        )
        app.middlewares.append(_store_away)
        app.on_cleanup.append(self._ended)
        return app

    async def _ended(self, app: web.Application) -> None:
        self.close()

    def close(self) -> None:
        self.clerk.close()
