"""The enrichment chain: what is added to a request before targeting, in this order.

A module is a callable that takes the request, and says in its docstring what it needs, what it yields and what happens
without it. All of today's are local (plain calls, no waiting); a remote one will get its share of ``tmax`` here.
"""

from collections.abc import Callable, Sequence

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
