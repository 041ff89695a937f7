"""The supervisor with real child processes: small HTTP servers that end when they are told to."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import aiohttp
import pytest

from cli.supervisor import Service, StartError, Supervisor

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die": os._exit(3)
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *_): pass
print("listening on", sys.argv[1], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SERVER


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server(name: str, source: str = SERVER) -> Service:
    port = free_port()
    return Service(name, (sys.executable, "-c", source, str(port)), f"http://127.0.0.1:{port}/health")


class Lines(list[str]):
    """What the supervisor said; can be waited for."""

    def __init__(self) -> None:
        self.more = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.append(line)
        self.more.set()

    async def wait_for(self, wanted: Callable[[str], object]) -> str:
        async with asyncio.timeout(30):
            while not (found := [line for line in self if wanted(line)]):
                self.more.clear()
                await self.more.wait()
        return found[0]

    def pid(self, name: str) -> int:
        return [int(m[1]) for line in self if (m := re.fullmatch(rf"{name} started \(pid (\d+)\)", line))][-1]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def pid_at(http: aiohttp.ClientSession, service: Service) -> int:
    """Process id that the service's server answers with, as soon as it answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                async with http.get(service.health) as answer:
                    return int(await answer.text())
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_stages_start_in_order_and_end_together() -> None:
    said = Lines()
    supervisor = Supervisor([[server("first")], [server("second"), server("third")]], said)
    await supervisor.start()
    await said.wait_for(lambda line: line.startswith("third | listening on"))
    first_speaks = next(i for i, line in enumerate(said) if line.startswith("first | listening"))
    assert first_speaks < said.index(f"second started (pid {said.pid('second')})")
    pids = [said.pid(name) for name in ("first", "second", "third")]
    assert all(alive(pid) for pid in pids)
    await supervisor.stop()
    assert not any(alive(pid) for pid in pids)


@pytest.mark.parametrize("end", ["killed", "ends by itself"])
async def test_a_dead_process_is_started_again(http: aiohttp.ClientSession, end: str) -> None:
    service, said = server("one"), Lines()
    supervisor = Supervisor([[service]], said)
    await supervisor.start()
    before = said.pid("one")
    if end == "killed":
        os.kill(before, signal.SIGKILL)
        await said.wait_for(lambda line: line.startswith("one was ended by SIGKILL; starting it again"))
    else:
        with pytest.raises(aiohttp.ClientError):
            await http.get(service.health.replace("/health", "/die"))
        await said.wait_for(lambda line: line.startswith("one ended with status 3; starting it again"))
    after = await pid_at(http, service)
    assert after == said.pid("one") != before
    await supervisor.stop()
    assert not alive(after)


async def test_a_process_that_cannot_start_is_named() -> None:
    said = Lines()
    broken = Service("broken", (sys.executable, "-c", "raise SystemExit('no such setting')"), "http://127.0.0.1:1/")
    supervisor = Supervisor([[server("fine")], [broken], [server("never")]], said)
    with pytest.raises(StartError, match="broken ended with status 1 before it was ready"):
        await supervisor.start()
    await supervisor.stop()
    assert "broken | no such setting" in said
    assert not alive(said.pid("fine"))
    assert not any(line.startswith("never") for line in said)


async def test_the_others_go_on_without_one_that_stands_aside_and_it_is_tried_again() -> None:
    said = Lines()
    command = (sys.executable, "-c", "raise SystemExit('its data is damaged')")
    broken = Service("broken", command, "http://127.0.0.1:1/", needed=False, aside=True)
    supervisor = Supervisor([[broken], [server("fine")]], said)
    await supervisor.start()
    await said.wait_for(lambda line: line.startswith("broken ended with status 1; starting it again"))
    await said.wait_for(lambda line: line == "broken | its data is damaged")
    assert "broken is not ready; the others go on without it" in said and alive(said.pid("fine"))
    await supervisor.stop()
    assert not alive(said.pid("fine"))


async def test_a_second_supervisor_of_the_same_services_does_not_start() -> None:
    service, said, second = server("one"), Lines(), Lines()
    first = Supervisor([[service]], said)
    await first.start()
    other = Supervisor([[server("zero")], [service]], second)
    with pytest.raises(StartError, match=r"is answered already"):
        await other.start()
    await other.stop()
    assert not second
    assert alive(said.pid("one"))
    await first.stop()


async def test_a_process_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.supervisor.STOP_S", 0.2)
    said = Lines()
    supervisor = Supervisor([[server("stubborn", STUBBORN)]], said)
    await supervisor.start()
    await supervisor.stop()
    assert any("is killed" in line for line in said)
    assert not alive(said.pid("stubborn"))


async def test_who_is_not_needed_at_the_start_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reporter whose store is away, say: bids are made meanwhile. One that ends is still an error."""
    monkeypatch.setattr("cli.supervisor.PATIENCE_S", 0.0)
    said, late = Lines(), replace(server("late"), health="http://127.0.0.1:1/health", needed=False)
    supervisor = Supervisor([[late], [server("next")]], said)
    await supervisor.start()
    assert "late is not ready yet (http://127.0.0.1:1/health); the others go on without it" in said
    pids = [said.pid(name) for name in ("late", "next")]
    assert all(alive(pid) for pid in pids)
    os.kill(pids[0], signal.SIGKILL)
    await said.wait_for(lambda line: line.startswith("late was ended by SIGKILL; starting it again"))
    await supervisor.stop()
    assert not any(alive(pid) for pid in pids)
    monkeypatch.undo()
    broken = Service("broken", (sys.executable, "-c", "raise SystemExit(2)"), "http://127.0.0.1:1/", needed=False)
    with pytest.raises(StartError, match="broken ended with status 2"):
        await (ending := Supervisor([[broken]], said)).start()
    await ending.stop()
