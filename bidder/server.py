"""One bidder worker: it wires the parts together, listens on the shared port, and stops in order.

Any number of workers share the port (``SO_REUSEPORT``); each is a process with its own slot (log directory).
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

import uvloop

from bidder.answer import Answer
from bidder.auction import Auction
from bidder.config import (
    BidderSettings,
    bidder_settings,
    credit_module_settings,
    of_deployment,
    risk_module_settings,
)
from bidder.control_link import ControlLink
from bidder.enrichment.chain import Chain
from bidder.enrichment.credit import CreditService
from bidder.enrichment.device import DeviceModule
from bidder.enrichment.geo import GeoModule
from bidder.enrichment.profile import ProfileModule
from bidder.enrichment.risk import RiskService
from bidder.enrichment.supply import SupplyModule
from bidder.enrichment.tables import Tables
from bidder.frequency import History
from bidder.http import BidConnection
from bidder.journal import Journal
from bidder.leases import Leases
from bidder.metrics import Worker, page
from bidder.model_watch import ModelWatch
from bidder.models import Models
from bidder.neighbouring_workers import Neighbours
from bidder.request_sample import RequestSample
from bidder.request_sample_files import SampleFiles
from bidder.service import Service
from bidder.state import State
from bidder.waiting_room import Module, WaitingRoom
from bidder.worth import REMOTE, Worth
from domain.clock import from_env
from domain.keys import internal_secret, load_keys
from domain.settings import Places, places
from domain.token import Sealer
from eventlog.config import log_settings
from eventlog.consumers import OF_BIDS, expect
from eventlog.retention import Sweeper
from eventlog.writer import LogWriter
from targeting import opt_outs
from targeting.config import profile_settings
from targeting.forgotten import Forgotten
from targeting.holds import Holds
from targeting.profile_reader import Reader
from targeting.profiles import ProfileStore
from targeting.redis_lookup import RedisLookup
from targeting.seller_files import Reader as SellerReader
from targeting.seller_files import SellerFiles

if TYPE_CHECKING:
    from bidder.frequency import Records

log = logging.getLogger(__name__)

LOG_SYNC_S = 0.5
NAMES_AGAIN_S = 6 * 3600
RENEW_S = 0.05
"""How old the profiles may be that a request sees."""


async def serve(slot: int, where: Places, settings: BidderSettings) -> None:
    """Runs the worker until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    keys = load_keys(where.data)
    writer = LogWriter(where.data / "log" / "bids" / str(slot), sync_s=LOG_SYNC_S)
    expect(writer.directory, OF_BIDS)
    people = open_people(where, loop)
    forgotten = Forgotten(where.data)
    files = SellerFiles(where.data / "supply.lmdb", readonly=True)
    sellers = files.reader()
    leases = Leases()
    fleet, scores = people.lookup, open_scores(where)
    holds = Holds(where.data, where.holds) if fleet is None else None
    answer = Answer(Sealer(keys.seal, keys.mac), writer.append, where.tracker_base)
    chain = Chain([ProfileModule(people.source, forgotten), GeoModule(settings.geo_database), DeviceModule()])
    journal = Journal(writer.append, settings.no_bid_sample)
    supply, history = SupplyModule(sellers), History(people.source, holds, fleet=fleet)
    clock, sample = from_env(), RequestSample(on=settings.request_sample > 0)
    kept = SampleFiles(where.data / "requests", slot, sample, clock, settings.request_sample)
    models = Models(settings.prior_ctr, settings.prior_cvr)
    auction = Auction(
        chain,
        leases,
        answer,
        journal,
        clock,
        settings.tcf_vendor(),
        supply,
        history,
        sample,
        models,
        worth=scores.worth,
    )
    watch = ModelWatch(where.data, auction.models, auction.shading)
    await watch.look()  # before anybody asks
    state = State(leases, where.tracker_base)
    link = ControlLink(where.control_base, state, auction.paces, leases, answer, auction.beliefs)
    worker = Worker(slot, where.data, writer, link, watch, scores.tables)
    room = None
    if fleet is not None or scores.modules:
        room = WaitingRoom(fleet, profile_settings().timeout_ms / 1000, scores.modules)
    service = Service(auction, state, settings, room, worker)
    service.neighbours = Neighbours(worker, lambda: page(service))
    renewing = (people.keep, renew(sellers, loop), remind(forgotten), *scores.keep)
    sweeper = Sweeper(where.data / "log", log_settings())
    jobs = (
        *(link.run(), service.watch(), watch.run(), service.neighbours.run()),
        *(*renewing, kept.keep(), sweeper.run(), name_again(answer), listen(service, where, stop)),
    )
    tasks: list[asyncio.Task[None]] = [asyncio.create_task(job) for job in jobs]
    stopping = asyncio.create_task(until(stop))
    try:
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # a part of the worker failed: say why, and let the supervisor start it again
    finally:
        await service.drain()
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
        await link.stop()
        kept.write()
        writer.close()
        people.close()
        sellers.close()
        files.close()
        if holds is not None:
            holds.close()
    log.info("stopped: %d requests, %d bids", service.requests, auction.bids)


class People(NamedTuple):
    """Where the records of persons come from."""

    source: "Records"
    keep: Coroutine[Any, Any, None]
    """What has to run meanwhile."""
    close: Callable[[], None]
    lookup: RedisLookup | None = None
    """Where they are on another host."""


class Scores(NamedTuple):
    """Where what is known of people's risk and credit comes from."""

    worth: Worth
    modules: tuple[Module, ...]
    """Services that are asked over HTTP."""
    tables: Tables
    keep: tuple[Coroutine[Any, Any, None], ...]
    """What has to run meanwhile."""


def open_scores(where: Places) -> Scores:
    """As the settings say, each of the two modules by itself."""
    risk, credit = risk_module_settings(), credit_module_settings()
    worth = Worth(risk.mode, credit.mode)
    tables = Tables(worth, risk, credit, where.data)
    tables.look()  # before anybody asks
    modules: list[Module] = []
    secret = internal_secret(load_keys(where.data))
    if risk.mode == REMOTE:
        modules.append(RiskService(of_deployment(risk, where.risk_base, secret)))
    if credit.mode == REMOTE:
        modules.append(CreditService(of_deployment(credit, where.credit_base, secret)))
    running = [module.service.run() for module in modules]
    return Scores(worth, tuple(modules), tables, (*running, *((tables.run(),) if tables.wanted else ())))


def open_people(where: Places, loop: asyncio.AbstractEventLoop) -> People:
    """LMDB on this host, or Redis if the settings say so."""
    settings = profile_settings()
    if address := settings.redis():
        lookup = RedisLookup(address, failures=settings.breaker_failures, rest_s=settings.breaker_rest_s)
        return People(lookup, lookup.run(), lambda: None, lookup)
    profiles = ProfileStore(path := where.data / "profiles.lmdb", readonly=True)
    if opt_outs.missing(profiles, where.data):  # it was lost, or put back; this cannot wait for the tracker
        profiles.close()
        with ProfileStore(path) as open_for_writing:
            opt_outs.restore(open_for_writing, where.data)
        profiles = ProfileStore(path, readonly=True)
    reader = profiles.reader()

    def close() -> None:
        reader.close()
        profiles.close()

    return People(reader, renew(reader, loop), close)


async def listen(service: Service, where: Places, stop: asyncio.Event) -> None:
    """Opens the port as soon as there is a snapshot to bid on."""
    await service.state.ready.wait()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: BidConnection(service), where.host, where.bidder_port, reuse_port=True, backlog=1024
    )
    for listening in server.sockets:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    log.info("bidding on %s:%d", where.host, where.bidder_port)
    try:
        await stop.wait()
    finally:
        server.close()


async def until(event: asyncio.Event) -> None:
    """Returns when the event is set."""
    await event.wait()


async def renew(reader: Reader | SellerReader, loop: asyncio.AbstractEventLoop) -> None:
    """Lets requests see what the tracker, the importer or the fetching job have written since."""
    while True:
        await asyncio.sleep(RENEW_S)
        reader.renew(loop.time())


async def name_again(answer: Answer) -> None:
    """Has sites named several times a day, so that their names are in whatever stretch of the log is kept."""
    while True:
        await asyncio.sleep(NAMES_AGAIN_S)
        answer.name_again()


async def remind(forgotten: Forgotten) -> None:
    """Lets requests see who was forgotten since. A file that cannot be read changes nothing, and is said once."""
    trouble = ""
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            forgotten.refresh()
            trouble = ""
        except (ValueError, OSError) as error:
            if trouble != str(error):
                log.error("who was forgotten since is not known: %s", error)
            trouble = str(error)


def run(slot: int = 0) -> None:
    """Runs one bidder worker in this process."""
    sys.setswitchinterval(0.001)  # a snapshot that compiles in another thread must not hold requests for 5 ms
    gc.set_threshold(50_000, 20, 100)
    uvloop.run(serve(slot, places(), bidder_settings()))
