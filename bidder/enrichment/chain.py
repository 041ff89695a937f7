"""The enrichment chain: what is added to a request before targeting, in this order.

A module is a callable that takes the request, and says in its docstring what it needs, what it yields and what happens
without it. All of these are local: plain calls, no waiting. What risk and credit modules know comes into the auction
later, if a line item that is left asks (`bidder.worth`), and where they are remote before (`bidder.waiting_room`).
"""

from collections.abc import Callable, Sequence

from bidder.enrichment.profile import ProfileModule
from openrtb.request import Request

Module = Callable[[Request], None]


class Chain:
    """Runs every module on a request."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self.modules = tuple(modules)

    def enrich(self, request: Request) -> None:
        """Adds what the modules know."""
        for module in self.modules:
            module(request)

    def forget(self, request: Request, *, here: bool) -> None:
        """Of who was forgotten, or (where the records are ``here``) opted out, the request knows nothing afterwards:
        for who asks others about the person before the request is decided.
        """
        for module in self.modules:
            if isinstance(module, ProfileModule):
                if here:
                    module(request)
                else:
                    module.forget(request)
