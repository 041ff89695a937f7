"""SIGKILL at any instant: what was acknowledged is kept, and nothing is counted twice."""

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from domain.events import NOT_COUNTED, Conversion, Kind, Mark, Notice
from targeting.profiles import ProfileStore
from targeting.unpacked import unpack

BIDS, KILLS, SENDERS = 120, 4, 16
KINDS = [Kind.WIN, Kind.BILLING, Kind.IMPRESSION, Kind.CLICK]


class Process:
    """The tracker as ``outbid up`` runs it, in a process of its own."""

    def __init__(self, deployment) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.deployment = deployment
        deployment.base = f"http://127.0.0.1:{port}"
        self.environment = os.environ | {
            "OUTBID_OUTBID_DATA_DIR": deployment.place.data_dir,
            "OUTBID_OUTBID_HOLDS": "10000",
            "OUTBID_OUTBID_TRACKER_PORT": str(port),
            "OUTBID_OUTBID_CONTROL_URL": deployment.place.control_url,
        }

    async def start(self) -> None:
        """Returns when it is ready."""
        command = (sys.executable, "-c", "from trackers.app import run; run()")
        self.process = await asyncio.create_subprocess_exec(*command, env=self.environment)
        while self.process.returncode is None:
            try:
                if (await self.deployment.get("/health"))[0] == 200:
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
        raise AssertionError(f"the tracker ended with {self.process.returncode}")

    async def end(self, how: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.process.wait()


@pytest.fixture
async def process(deployment) -> AsyncIterator[Process]:
    process = Process(deployment)
    deployment.clock.time_ns = time.time_ns()
    await process.start()
    yield process
    await process.end(signal.SIGKILL)


async def deliver(deployment, path: str) -> tuple[int, str]:
    """Sends until there is an answer, as exchanges do."""
    while True:
        try:
            status, _, headers = await deployment.get(path)
            return status, headers.get("Location", "")
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)


async def test_every_event_counts_once_whenever_the_process_is_killed(deployment, process: Process) -> None:
    rng = random.Random(7)
    tokens = {token.bid: token for token in (deployment.token(person=1 + i % 10) for i in range(BIDS))}
    work = [(bid, kind) for bid in tokens for kind in KINDS]
    work += rng.sample(work, len(work) // 3)  # some are sent twice though they were acknowledged
    rng.shuffle(work)
    acknowledged: Counter[tuple[int, int]] = Counter()
    orders: set[str] = set()
    news = asyncio.Event()

    async def send() -> None:
        while work:
            bid, kind = work.pop()
            path = deployment.path(tokens[bid], kind, "p=1") if kind != Kind.CLICK else deployment.click(tokens[bid])
            status, location = await deliver(deployment, path)
            assert status in (200, 204, 302)
            acknowledged[bid, kind] += 1
            if kind == Kind.CLICK:
                obclid = parse_qs(urlsplit(location).query)["obclid"][0]
                query = f"advertiser=acme&event=lead&order={bid}&obclid={obclid}"
                assert (await deliver(deployment, f"/conversion?{query}"))[0] == 200
                orders.add(str(bid))
            news.set()

    async def kill() -> None:
        for round in range(1, KILLS + 1):
            while acknowledged.total() < round * BIDS * len(KINDS) // (KILLS + 1):
                news.clear()
                await news.wait()
            await process.end(signal.SIGKILL)
            await process.start()

    await asyncio.gather(kill(), *(send() for _ in range(SENDERS)))
    assert await process.end(signal.SIGTERM) == 0

    notices = deployment.notices()
    counted = [notice for notice in notices if not notice.marks & NOT_COUNTED]
    assert Counter((n.bid, n.kind) for n in counted) == dict.fromkeys(acknowledged, 1)
    assert set(acknowledged) == {(bid, kind) for bid in tokens for kind in KINDS}
    assert len(notices) >= acknowledged.total()
    assert Counter(n.bid for n in counted if n.marks & Mark.FIRST) == dict.fromkeys(tokens, 1)

    conversions = [c for c in deployment.conversions() if not c.marks & NOT_COUNTED]
    assert Counter(c.order for c in conversions) == dict.fromkeys(orders, 1)
    assert {c.order: c.bid for c in conversions} == {str(bid): bid for bid in tokens}

    shown = Counter({n.person: 0 for n in counted})
    shown.update(n.person for n in counted if n.kind == Kind.IMPRESSION)
    with ProfileStore(deployment.place.data / "profiles.lmdb") as profiles:
        reader = profiles.reader()
        for person, impressions in shown.items():
            record = unpack(reader.get(person) or b"")
            assert [len(times) for times in record.shown.values()] == [
                impressions
            ] * 4  # of campaign, line item, advertiser, creative


async def test_killed_between_the_log_and_the_memory(deployment, process: Process) -> None:
    """The store is locked while notices arrive, so at the kill they are in the log only."""
    token = deployment.token(person=9)
    paths = [deployment.path(token, kind, "p=1") for kind in KINDS[:3]] + [deployment.click(token)]
    with ProfileStore(deployment.place.data / "profiles.lmdb") as profiles:
        with profiles.env.begin(write=True):
            for path in paths * 2:
                await deliver(deployment, path)
            await process.end(signal.SIGKILL)
            assert profiles.reader().get(9) is None
        await process.start()
        for path in paths:
            await deliver(deployment, path)
        await process.end(signal.SIGTERM)
        record = unpack(profiles.reader().get(9) or b"")
    marks = [Mark(notice.marks) for notice in deployment.notices()]
    assert marks == [Mark.FIRST, *[Mark(0)] * 3, *[Mark.DUPLICATE] * 8]
    assert [len(times) for times in record.shown.values()] == [1] * 4


async def test_a_lost_store_is_rebuilt_from_the_log(deployment, process: Process) -> None:
    token = deployment.token(person=9)
    path = deployment.path(token, Kind.IMPRESSION, "p=1")
    await deliver(deployment, path)
    await process.end(signal.SIGKILL)
    for file in (deployment.place.data / "profiles.lmdb").iterdir():
        file.unlink()
    await process.start()
    await deliver(deployment, path)
    await process.end(signal.SIGTERM)
    events: list[Notice | Conversion] = deployment.logged()
    assert [Mark(event.marks) for event in events] == [Mark.FIRST, Mark.DUPLICATE]
    with ProfileStore(deployment.place.data / "profiles.lmdb") as profiles:
        assert len(unpack(profiles.reader().get(9) or b"").shown) == 4


async def test_a_second_tracker_on_the_same_data_is_refused(deployment, process: Process) -> None:
    other = Process(deployment)
    with pytest.raises(AssertionError, match="ended with 1"):
        await other.start()
