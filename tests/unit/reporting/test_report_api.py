"""Who asks for a long report and does not read it keeps no connection to the store from others."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from domain.keys import Keys
from reporting import report_api
from reporting.admission import Admission
from reporting.config import Reporting
from reporting.report_api import ReportApi


class Endless:
    """Stands for `reporting.reading.Readers`: has an answer that does not end."""

    def __init__(self) -> None:
        self.given_back = asyncio.Event()

    async def pieces(self, request: web.Request, question: object) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1 << 20)
        finally:
            self.given_back.set()


async def test_an_answer_that_nobody_reads_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_api, "PATIENCE_S", 0.05)
    readers: Any = Endless()
    admission = Admission(Keys(b"s" * 16, b"m" * 16, b"p" * 32), Reporting())
    app = web.Application()
    ReportApi(readers, admission, lambda: None, tuple).add_routes(app)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2], limit=1 << 10)
        writer.write(b"GET /v1/report?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        await asyncio.wait_for(readers.given_back.wait(), 20)
        writer.close()
    finally:
        await runner.cleanup()
