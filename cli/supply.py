"""``outbid supply``: who may sell what. ads.txt, app-ads.txt and sellers.json, fetched into this host's store."""

import argparse
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from targeting.seller_files import File
    from targeting.supply_refresh import Summary, Wanted

STORE = "supply.lmdb"
HOUR_S = 3_600
SHOWN = 20

log = logging.getLogger(__name__)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("supply", help="fetch and show ads.txt, app-ads.txt and sellers.json")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    fetch = actions.add_parser("fetch", help="fetch what is due into this host's store, for its bidders")
    fetch.add_argument(
        "file", type=Path, nargs="?", metavar="FILE",
        help="what to fetch beside the sites in the bidders' logs, one a line: DOMAIN, app BUNDLE DOMAIN, system NAME",
    )  # fmt: skip
    fetch.add_argument("--no-log", action="store_true", help="only what FILE says, not the sites in the bidders' logs")
    fetch.add_argument("--every", type=float, metavar="HOURS", help="go on for ever, with a run every so many hours")
    fetch.add_argument("--force", action="store_true", help="also what is not due yet")
    fetch.add_argument("--keep-days", type=float, default=7.0, help="how long a good copy counts (default 7)")
    fetch.add_argument("--again-hours", type=float, default=24.0, help="when a file is looked at again (default 24)")
    fetch.add_argument("--concurrency", type=int, default=32, help="files at once, each of another host (default 32)")
    fetch.set_defaults(run=run_fetch)
    show = actions.add_parser("show", help="what is known about a domain's files")
    show.add_argument("name", metavar="DOMAIN")
    show.add_argument("--seller", metavar="SYSTEM:ACCOUNT", help="what they say of this seller")
    show.set_defaults(run=run_show)
    status = actions.add_parser("status", help="how many files there are, and which fail")
    status.set_defaults(run=run_status)


def run_fetch(asked: argparse.Namespace) -> int:
    import asyncio

    from cli import process
    from domain.settings import places
    from targeting.supply_wanted import LoggedSites, read_wanted

    if asked.file is None and asked.no_log:
        print("outbid: --no-log leaves nothing to fetch without a FILE", file=sys.stderr)
        return 2
    if asked.concurrency < 1 or asked.keep_days <= 0 or asked.again_hours <= 0 or (asked.every or 1) <= 0:
        print("outbid: --concurrency, --keep-days, --again-hours and --every must be above 0", file=sys.stderr)
        return 2
    where = places()
    logged = None if asked.no_log else LoggedSites(where.data / "log" / "bids")
    if asked.every is not None:
        process.begin("supply")
    while True:
        begun = time.monotonic()
        wanted = _systems(where.control_base)
        if asked.file is not None:
            wanted |= read_wanted(asked.file)
        if logged is not None:
            wanted |= logged.read()
        summary = asyncio.run(_run(where.data / STORE, wanted, asked))
        told = _told(summary)
        if asked.every is None:
            print(told)
            return 0
        log.info("%s", told)
        time.sleep(max(1.0, begun + asked.every * HOUR_S - time.monotonic()))


async def _run(path: Path, wanted: "Wanted", asked: argparse.Namespace) -> "Summary":
    from targeting.seller_files import SellerFiles
    from targeting.supply_refresh import Policy, Refresh
    from targeting.web_files import Fetcher, Limits

    policy = Policy(int(asked.keep_days * 86_400), int(asked.again_hours * HOUR_S))
    with SellerFiles(path) as store:
        async with Fetcher(Limits(concurrency=asked.concurrency)) as fetcher:
            return await Refresh(store, fetcher, policy, lambda: int(time.time())).run(wanted, force=asked.force)


def _systems(control: str) -> "Wanted":
    """The exchanges' own names in ads.txt, as published; none where control does not answer."""
    import msgspec

    from cli.ask import NoAnswer, ask
    from domain.campaign import Snapshot
    from targeting.supply_refresh import Wanted

    try:
        snapshot = msgspec.msgpack.decode(ask(f"{control}/v1/snapshots/current"), type=Snapshot)
    except NoAnswer as error:
        log.warning("which exchanges there are is not known: %s", error)
        return Wanted()
    return Wanted(systems=frozenset(exchange.ads_domain for exchange in snapshot.exchanges if exchange.ads_domain))


def _told(summary: "Summary") -> str:
    return (
        f"{summary.read} read, {summary.unchanged} unchanged, {summary.absent} not there, {summary.failed} failed, "
        f"{summary.not_due} not due; {summary.aliases} names stand for other domains"
    )


def run_show(asked: argparse.Namespace) -> int:
    from domain.settings import places
    from targeting.seller_files import KINDS, SellerFiles

    with SellerFiles(places().data / STORE, readonly=True) as store:
        found = False
        for kind in KINDS:
            file = store.file(kind, asked.name)
            if file is not None and file.alias:
                print(_line(file))
                file = store.file(kind, file.alias)
            if file is None:
                continue
            found = True
            print(_line(file))
            if asked.seller and (record := store.record(file.kind, file.name)):
                print(f"  {asked.seller}: {_seller(file, record, asked.seller)}")
    if not found:
        print(f"outbid: nothing is known about {asked.name}", file=sys.stderr)
    return 0 if found else 1


def _seller(file: "File", record: bytes, seller: str) -> str:
    from targeting.sellers import look_up, seller_id

    system, _, account = seller.partition(":")
    said = look_up(record, seller_id(system, account), int(time.time()))
    listed = ("publisher", "intermediary", "both") if file.kind == "sellers.json" else ("reseller", "direct")
    words: tuple[str, ...] = ("not known", "there is no file", "not listed", *listed)
    return words[said]


def run_status(asked: argparse.Namespace) -> int:
    from collections import Counter

    from domain.settings import places
    from targeting.seller_files import SellerFiles

    with SellerFiles(places().data / STORE, readonly=True) as store:
        files = list(store.files())
    counts = Counter((file.kind, file.state) for file in files)
    for (kind, state), count in sorted(counts.items()):
        print(f"{kind:14} {state:8} {count}")
    failing = [file for file in files if file.state == "failed"]
    for file in sorted(failing, key=lambda file: -file.failures)[:SHOWN]:
        print(_line(file))
    if len(failing) > SHOWN:
        print(f"and {len(failing) - SHOWN} more that fail")
    return 0


def _line(file: "File") -> str:
    """One file, for a person."""
    checked = time.strftime("%Y-%m-%d %H:%M", time.gmtime(file.checked_s))
    head = f"{file.kind} of {file.name}: "
    if file.state == "alias":
        return f"{head}that of {file.alias} counts"
    said = {"good": f"{file.entries} sellers", "none": "there is none", "failed": file.problem}[file.state]
    more = f", {file.failures} times in a row" if file.failures > 1 else ""
    left = ""
    if file.state == "failed":
        until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(file.valid_until_s))
        held = file.valid_until_s > time.time()
        left = f"; the last copy counts until {until} UTC" if held else "; no copy counts"
    return f"{head}{said} ({checked} UTC{more}){left}"
