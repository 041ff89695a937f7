"""Child processes: started in order, each when those before it are healthy; kept alive; stopped the other way round."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from cli.process import SUPERVISOR

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
LONG_LIFE_S = 30.0
"""A process that lived so long is started again at once; one that keeps dying waits ever longer."""

START_S = 60.0
"""A process that is not healthy by then has failed to start."""

PATIENCE_S = 30.0
"""So long the start waits for one that the others can do without."""

STOP_S = 20.0
"""A process that has not ended so long after SIGTERM is killed."""

LONGEST_LINE = 1 << 20
"""Bytes of output that one line may have."""

Say = Callable[[str], None]


class StartError(Exception):
    """A process ended or stayed silent before it was healthy; the text names it."""


@dataclass(frozen=True)
class Service:
    """One process to keep: its command line, and the URL that answers 200 when it is ready; whether the others need
    it at their start; whether it stands aside, so that they start even if it ends (and is tried again).
    """

    name: str
    command: tuple[str, ...]
    health: str
    needed: bool = True
    aside: bool = False


class Supervisor:
    """Keeps ``stages`` of services alive. ``say`` is told everything a person should see, line by line."""

    def __init__(self, stages: Sequence[Sequence[Service]], say: Say) -> None:
        self._stages = [[_Kept(service, say) for service in stage] for stage in stages]

    async def start(self) -> None:
        """Returns when all are healthy; raises `StartError` (call `stop` then as well)."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            for kept in (kept for stage in self._stages for kept in stage):
                await kept.refuse_another(http)
            for stage in self._stages:
                await asyncio.gather(*(kept.start(http) for kept in stage))

    async def stop(self) -> None:
        """Asks every process to end, later stages first, and waits for them."""
        for stage in reversed(self._stages):
            await asyncio.gather(*(kept.stop() for kept in stage))


class _Kept:
    """One service and the process that is it at present."""

    def __init__(self, service: Service, say: Say) -> None:
        self._service, self._say = service, say
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def refuse_another(self, http: aiohttp.ClientSession) -> None:
        """Whoever answers in our place before we start would be taken for us ever after."""
        if await _healthy(http, self._service.health):
            raise StartError(f"{self._service.health} is answered already: is another `outbid up` running?")

    async def start(self, http: aiohttp.ClientSession) -> None:
        process = await self._spawn()
        service, deadline = self._service, time.monotonic() + (START_S if self._service.needed else PATIENCE_S)
        while not await _healthy(http, service.health):
            if process.returncode is not None:
                if not service.aside:
                    raise StartError(f"{service.name} {_ending(process.returncode)} before it was ready")
                self._say(f"{service.name} is not ready; the others go on without it")
                break
            if time.monotonic() > deadline:
                if service.needed:
                    raise StartError(f"{service.name} did not answer {service.health} in {START_S:.0f} s")
                self._say(f"{service.name} is not ready yet ({service.health}); the others go on without it")
                break
            await asyncio.sleep(0.05)
        self._keeping = asyncio.create_task(self._keep(process))

    async def stop(self) -> None:
        self._stopping.set()
        if self._process is None:
            return
        _signal(self._process, signal.SIGTERM)
        ended = self._keeping or asyncio.create_task(_end(self._process))
        done, _ = await asyncio.wait([ended], timeout=STOP_S)
        if not done:
            self._say(f"{self._service.name} did not end in {STOP_S:.0f} s and is killed")
            _signal(self._process, signal.SIGKILL)
            await ended
        await asyncio.gather(*self._relays)  # its last lines

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        delay, born = FIRST_DELAY_S, time.monotonic()
        while True:
            status = await process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - born > LONG_LIFE_S:
                delay = FIRST_DELAY_S
            self._say(f"{self._service.name} {_ending(status)}; starting it again in {delay:.1f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
                return
            delay, born = min(2 * delay, LONGEST_DELAY_S), time.monotonic()
            process = await self._spawn()
            if self._stopping.is_set():  # asked to stop while it was being started
                _signal(process, signal.SIGTERM)

    async def _spawn(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *self._service.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, SUPERVISOR: str(os.getpid()), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C in a terminal is for us; we stop them in order
            limit=LONGEST_LINE,
        )
        self._process = process
        self._say(f"{self._service.name} started (pid {process.pid})")
        relay = asyncio.create_task(self._pass_on(process))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        return process

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        """What the process prints, under its name; what it logs as JSON has that in it."""
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than LONGEST_LINE: that line is lost, the next ones are not
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self._say(text if text.startswith('{"time":') else f"{self._service.name} | {text}")


async def _end(process: asyncio.subprocess.Process) -> None:
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


async def _healthy(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
