"""Connections that reports are read with: several at a time, within a budget, and ended when nobody waits any more."""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from typing import TypeVar

from aiohttp import web

from reporting.config import Reporting
from reporting.store import Store, StoreError

T = TypeVar("T")
Timed = Callable[[str], AbstractContextManager[None]]
log = logging.getLogger(__name__)
_LOOK_S = 0.25
"""Between two looks whether the client is still there."""
_CODE = re.compile(r"Code: (\d+)")
_MARK = "outbid-report-"
_NARROW = (
    "narrow it: fewer days or dimensions, fewer metrics, a filter (one advertiser, one campaign), day instead of hour, "
    "no site beside creative"
)


class Gone(Exception):
    """Whoever asked has gone, and the query was ended."""


class OverBudget(Exception):
    """A query took more than it may; the text says of what, and what can be done."""


class Readers:
    """``open_`` makes a connection; at most `Reporting.queries` are in use at a time, each by one report. ``timed`` is
    entered, with the kind of a query, while one is worked on: of streams, until the first piece is there.
    """

    def __init__(
        self, open_: Callable[[], Store], settings: Reporting, timed: Timed = lambda kind: nullcontext()
    ) -> None:
        self._open, self._settings, self._timed = open_, settings, timed
        self._free: list[Store] = []
        self._turn = asyncio.Semaphore(settings.queries)
        self._threads = ThreadPoolExecutor(settings.queries, thread_name_prefix="report")
        self._ending = ThreadPoolExecutor(1, thread_name_prefix="ending")
        self._ender: Store | None = None

    def _opened(self) -> Store:
        of, store = self._settings, self._open()
        store.limit(
            {
                "max_execution_time": max(1, round(of.query_seconds)),
                "max_memory_usage": of.query_memory_mb << 20,
                "max_bytes_before_external_group_by": of.query_memory_mb << 19,  # many groups go through the disk then
                "max_rows_to_read": of.query_rows,
            }
        )
        return store

    async def ask(self, request: web.Request, question: Callable[[Store, str], T], kind: str = "report") -> T:
        """The answer to ``question(connection, mark)``, whose queries have the mark in a comment at their begin.
        Raises Gone, OverBudget, StoreError, and what the question raises.
        """
        async with self._reader() as store:
            mark = f"{_MARK}{secrets.token_hex(8)}"

            def answer() -> T:
                with self._timed(kind):
                    return question(store, mark)

            return await self._watched(request, mark, answer)

    async def pieces(
        self, request: web.Request, question: Callable[[Store, str], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """As `ask`, of answers that come piece by piece; the connection is taken until the last one."""
        async with self._reader() as store:
            mark = f"{_MARK}{secrets.token_hex(8)}"
            made = question(store, mark)
            loop = asyncio.get_running_loop()

            def first() -> bytes | None:
                with self._timed("report"):
                    return next(made, None)

            try:
                if (piece := await self._watched(request, mark, first)) is not None:
                    yield piece
                while (piece := await self._watched(request, mark, lambda: next(made, None))) is not None:
                    if piece:
                        yield piece
            finally:
                with suppress(StoreError):
                    await loop.run_in_executor(self._threads, made.close)  # type: ignore[attr-defined]

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Store]:
        async with self._turn:
            if self._free:
                store = self._free.pop()
            else:
                store = await asyncio.get_running_loop().run_in_executor(self._threads, self._opened)
            try:
                yield store
            finally:
                self._free.append(store)

    async def _watched(self, request: web.Request, mark: str, work: Callable[[], T]) -> T:
        working = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            while not (await asyncio.wait({working}, timeout=_LOOK_S))[0]:
                if request.transport is None or request.transport.is_closing():
                    await self._end(mark)
                    with suppress(Exception):
                        await working
                    raise Gone
        except asyncio.CancelledError:
            await self._end(mark)
            await asyncio.wait({working})
            raise
        try:
            return working.result()
        except StoreError as error:
            raise self._explained(error) from None

    async def _end(self, mark: str) -> None:
        def end() -> None:
            if self._ender is None:
                self._ender = self._open()
            self._ender.command(f"KILL QUERY WHERE query LIKE '/* {mark}%' ASYNC")

        try:
            await asyncio.get_running_loop().run_in_executor(self._ending, end)
        except StoreError as error:
            log.warning("a report that nobody waits for could not be ended: %s", error)

    def _explained(self, error: StoreError) -> Exception:
        code, of = _CODE.search(str(error)), self._settings
        over = {
            "159": f"it took longer than {of.query_seconds:g} s ([reporting] query_seconds)",
            "160": f"it would take longer than {of.query_seconds:g} s ([reporting] query_seconds)",
            "241": f"it needed more than {of.query_memory_mb} MB of memory ([reporting] query_memory_mb)",
            "158": f"it would read more than {of.query_rows:,} rows ([reporting] query_rows)",
        }.get(code[1] if code else "")
        return OverBudget(f"the report was ended: {over}; {_NARROW}") if over else error

    def close(self) -> None:
        for threads in (self._threads, self._ending):
            threads.shutdown()
        for store in [*self._free, *([self._ender] if self._ender else [])]:
            store.close()
