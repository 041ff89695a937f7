"""A deployment as an operator has it: the installed command, its processes, a data folder, free ports."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp

EXAMPLES = Path(__file__).parents[1] / "examples" / "consumer-finance"
OUTBID = (sys.executable, "-P", "-m", "cli.main")

STARTED = re.compile(r"([\w-]+) started \(pid (\d+)\)")
ENDED = re.compile(r"([\w-]+) (?:was ended by|ended with status) ")
"""What the supervisor says of its processes."""


class Deployment:
    """``outbid up`` in a folder of its own, and other commands beside it."""

    def __init__(self, folder: Path, environment: dict[str, str], http: aiohttp.ClientSession) -> None:
        self.folder, self.http = folder, http
        self.data = folder / "var"
        bidder, tracker, control, reporter, watcher, risk, api = free_ports(7)
        self.bidder, self.tracker = f"http://127.0.0.1:{bidder}", f"http://127.0.0.1:{tracker}"
        self.control, self.reporter = f"http://127.0.0.1:{control}", f"http://127.0.0.1:{reporter}"
        self.watcher, self.risk = f"http://127.0.0.1:{watcher}", f"http://127.0.0.1:{risk}"
        self.api = f"http://127.0.0.1:{api}"
        self.environment = {
            **os.environ,
            "OUTBID_OUTBID_DATA_DIR": str(self.data),
            "OUTBID_OUTBID_HOLDS": "100000",
            "OUTBID_OUTBID_BIDDER_PORT": str(bidder),
            "OUTBID_OUTBID_TRACKER_PORT": str(tracker),
            "OUTBID_OUTBID_CONTROL_PORT": str(control),
            "OUTBID_OUTBID_REPORTER_PORT": str(reporter),
            "OUTBID_OUTBID_WATCHER_PORT": str(watcher),
            "OUTBID_OUTBID_RISK_PORT": str(risk),
            "OUTBID_OUTBID_API_PORT": str(api),
            "OUTBID_OUTBID_SERVICES": "",  # but where they are what is tested
            "OUTBID_ALERTS_ENABLED": "false",  # but where they are what is tested
            "OUTBID_TRAINING_ENABLED": "false",
            **environment,
        }
        self.said: list[str] = []
        self._more = asyncio.Condition()

    async def outbid(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Runs a command to its end: exit status, and what it printed."""
        process = await self.begin(*arguments, **environment)
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()

    async def begin(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """Starts a command."""
        return await asyncio.create_subprocess_exec(
            *OUTBID,
            *arguments,
            cwd=self.folder,
            env=self.environment | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    @contextlib.asynccontextmanager
    async def up(self, workers: int) -> AsyncIterator[None]:
        """``outbid up``, from ready to its clean end."""
        process = await self.begin("up", "--workers", str(workers))
        listening = asyncio.create_task(self._listen(process))
        try:
            await self.hear(lambda line: line.startswith("bid port "))
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await listening
            status = await process.wait()
        assert status == 0, "\n".join(self.said)

    @contextlib.asynccontextmanager
    async def reporter_on(self, store: str) -> AsyncIterator[str]:
        """Another reporter, which has shipped all logs into ``store``; yields its address."""
        (port,) = free_ports(1)
        base = f"http://127.0.0.1:{port}"
        process = await self.begin("reporter", OUTBID_REPORTING_STORE=store, OUTBID_OUTBID_REPORTER_PORT=str(port))
        try:
            await self.until(f"{base}/v1/lag", lambda lag: lag["behind"] == 0)
            yield base
        finally:
            process.terminate()
            printed, _ = await process.communicate()
        assert process.returncode == 0, printed.decode()

    async def hear(self, wanted: Callable[[str], object], after: int = 0) -> str:
        """The first line that ``outbid up`` printed, after so many others, that is wanted."""
        async with self._more:
            await self._more.wait_for(lambda: self._ended or any(map(wanted, self.said[after:])))
        found = [line for line in self.said[after:] if wanted(line)]
        assert found, "\n".join(["outbid up ended; it said:", *self.said])
        return found[0]

    def running(self) -> dict[str, int]:
        """Process ids, by name, of what the supervisor has started and not seen end."""
        found: dict[str, int] = {}
        for line in self.said:
            if started := STARTED.fullmatch(line):
                found[started[1]] = int(started[2])
            elif ended := ENDED.match(line):
                found.pop(ended[1], None)
        return found

    async def strike(self, name: str) -> None:
        """SIGKILL for a process of that name, as soon as there is one, ready or not; does not wait for what follows."""
        while name not in self.running():
            await self.hear(lambda line: line.startswith(f"{name} started "), len(self.said))
        before = len(self.said)
        os.kill(self.running()[name], signal.SIGKILL)
        await self.hear(lambda line: line.startswith(f"{name} was ended by SIGKILL"), before)

    async def kill(self, name: str) -> None:
        """SIGKILL for a process of that name; returns when the supervisor has started it again."""
        await self.strike(name)
        while name not in self.running():
            await self.hear(lambda line: line.startswith(f"{name} started "), len(self.said))

    async def get(self, url: str) -> Any:
        """JSON from a process that may just be coming back."""
        while True:
            try:
                async with self.http.get(url) as answer:
                    assert answer.status == 200, await answer.text()
                    return await answer.json(content_type=None)
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)

    async def answers(self, url: str) -> None:
        """Returns when the URL answers 200."""
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with self.http.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)

    async def until(self, url: str, wanted: Callable[[Any], bool]) -> Any:
        """The first answer that is wanted, asked for again and again."""
        while True:
            answer = await self.get(url)
            if wanted(answer):
                return answer
            await asyncio.sleep(0.1)

    async def billed_more(self, bids: int) -> None:
        """Returns when the ledger has booked so many more."""

        def booked(books: Any) -> int:
            return sum(exchange["billed"] for exchange in books["exchanges"])

        url = f"{self.control}/v1/books"
        before = booked(await self.get(url))
        await self.until(url, lambda books: booked(books) >= before + bids)

    _ended = False

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            async with self._more:
                self.said.append(line.decode().rstrip())
                self._more.notify_all()
        async with self._more:
            self._ended = True
            self._more.notify_all()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
