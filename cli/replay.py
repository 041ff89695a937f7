"""``outbid replay``: what the event logs tell is made anew from them: analytics store, a tracker's memory, the ledger.

Every projection is compared first; ``--dry-run`` leaves it at that. What a running process writes is made anew only
while that process does not run.
"""

import argparse
import sys
from contextlib import ExitStack
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaigns.store import Store
    from domain.settings import Places
    from pacing.protocol import Settlement
    from reporting.replay import Outcome

PROJECTIONS = ("store", "memory", "ledger")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("replay", help="make a projection anew from the event logs, or see what would change")
    command.add_argument(
        "projection",
        choices=PROJECTIONS,
        help="store: the analytics store (the reporter must be stopped); memory: what the tracker remembers (it must "
        "be stopped); ledger: bids that were billed and not booked (control must be stopped)",
    )
    command.add_argument("--day", type=calendar_day, metavar="DAY", help="of the store: only this day, UTC")
    command.add_argument("--dry-run", action="store_true", help="compare only; 1 if something would change")
    command.set_defaults(run=run)


def calendar_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; a day, YYYY-MM-DD") from None


def run(asked: argparse.Namespace) -> int:
    from domain.settings import places

    if asked.day and asked.projection != "store":
        print("outbid: --day is of the store only", file=sys.stderr)
        return 2
    place = places()
    if asked.projection == "memory":
        return replay_memory(place, write=not asked.dry_run)
    if asked.projection == "ledger":
        return replay_ledger(place, write=not asked.dry_run)
    return replay_store(place, asked.day, write=not asked.dry_run)


def say(line: str) -> None:
    print(line, flush=True)


def refuse(text: str) -> int:
    print(f"outbid: {text}", file=sys.stderr)
    return 2


def replay_store(place: "Places", day: date | None, *, write: bool) -> int:
    """Days that differ from the logs are made anew, and what was not shipped yet is shipped."""
    from contextlib import closing

    from campaigns.config import database_url
    from campaigns.store import Store
    from domain.clock import from_env, utc
    from eventlog.reader import LogCorrupt
    from eventlog.remote import origin
    from reporting.aside import Aside
    from reporting.config import settings
    from reporting.replay import Refused, StoreReplay
    from reporting.shipper import Shipper
    from reporting.sources import Booked, Source, logs
    from reporting.store import StoreError, migrate, open_store
    from reporting.store_lock import StoreLock

    wanted, name, lock = settings(), origin(place.data), StoreLock(place.data, settings().store)
    if not lock.take():
        return refuse("the reporter runs: stop it first, because it writes into the store")

    journal = Store(database_url())
    booked = Booked(f"{name}/settlements", lambda after, limit: read_booked(journal, after, limit))

    def sources() -> list[Source]:
        return [*logs(place.data, name), booked] if wanted.settlements else [*logs(place.data, name)]

    changed = 0
    try:
        store = open_store(wanted.store, place.data, owner=name, query_seconds=wanted.query_seconds)
        try:
            migrate(store)
            shipper = Shipper(store, sources, wanted.batch_rows, Aside(place.data / "poison"))
            if write:
                while count := shipper.round():
                    say(f"{count:,} records shipped that were not in the store yet")
                shipper.rest()
                for source, why in shipper.failures.items():
                    return refuse(f"{source} cannot be read: {why}")
            today = utc(from_env().now_ns()).date()
            with closing(StoreReplay(store, sources(), name, say, today, wanted.keep_days)) as replay:
                for one in [day] if day else replay.days():
                    outcome = replay.day(one, write=write)
                    changed += outcome.differs
                    if not write:
                        tell(one, outcome)
                    for why in sorted(set(outcome.left.values())):
                        tables = ", ".join(table for table, reason in outcome.left.items() if reason == why)
                        say(f"{one}: left as they are: {tables}: {why}")
        finally:
            store.close()
    except (StoreError, Refused, LogCorrupt) as error:
        return refuse(str(error))
    finally:
        journal.close()
        lock.release()
    say(
        f"{changed} tables of days {'made anew' if write else 'would be made anew'}"
        if changed
        else "all is as in the logs"
    )
    return 1 if changed and not write else 0


def read_booked(store: "Store", after: int, limit: int) -> "tuple[Settlement, ...]":
    """The ledger's bookings, whether or not control runs."""
    from pacing.ledger import read_settlements

    with store.read() as conn:
        return read_settlements(conn, after, limit)


def tell(day: date, outcome: "Outcome") -> None:
    """What would change."""
    for change in outcome.changes:
        if change.differs:
            say(f"{change.table} of {day}: {change.before:,} rows, would be {change.after:,}")
    if outcome.grains:
        say(f"rollups of {day} by {', '.join(outcome.grains)}: would be made anew")


def replay_memory(place: "Places", *, write: bool) -> int:
    """What the tracker's memory lacks is put into it."""
    from eventlog.writer import LogBusy, LogWriter
    from targeting.config import profile_settings
    from targeting.opt_outs import restore
    from targeting.profiles import ProfileStore
    from trackers.app import LOG
    from trackers.directory import Directory
    from trackers.replay import replay

    with ExitStack() as opened:
        if write:
            try:
                opened.callback(LogWriter(place.data / "log" / LOG).close)
            except LogBusy:
                return refuse("the tracker runs: stop it first, because it writes what it remembers")
        profiles = opened.enter_context(ProfileStore(place.data / "profiles.lmdb", readonly=not write))
        here = profile_settings().redis() is None
        if write and here:
            restore(profiles, place.data)
        book = Directory("", place.data / "directory.msgpack").book
        found = replay(place.data, LOG, profiles, book, say, write=write, records=here)
    verb = "put in" if write else "missing or different"
    say(f"{found.events:,} events read; {found.facts['seen']:,} marks and {found.facts['clicks']:,} clicks {verb}")
    if here:
        say(f"records of {found.persons:,} persons {'completed' if write else 'lack something'}")
    else:
        say("records of persons are in Redis, and are left as they are")
    if found.several:
        say(f"{found.several:,} persons have several keys; their records are left as they are")
    if any(found.beyond.values()):
        say(f"{sum(found.beyond.values()):,} entries are not in what was read of the log (older, or newer), and stay")
    if not write and found.position == 0:
        say("the memory is empty: the tracker fills it from the log when it starts")
    return 1 if found.any and not write else 0


def replay_ledger(place: "Places", *, write: bool) -> int:
    """Bids that were billed and not booked are booked; nothing that is booked is changed."""
    from campaigns.config import database_url
    from campaigns.publishing import Publisher
    from campaigns.seat import Seat
    from campaigns.store import Store
    from domain.clock import from_env
    from pacing.accounts import Accounts
    from pacing.notices import Terms, UnknownNames
    from pacing.replay import MOST_SHOWN, compare, complete

    store, clock = Store(database_url()), from_env()
    seat = Seat(store)
    try:
        if write and not seat.take():
            return refuse("control runs: stop it first, because it books")
        store.migrate()
        with store.read() as conn:
            found = compare(conn, place.data, say)
        say(f"{found.events:,} events read, {found.billable:,} bids billed, {len(found.missing):,} of them not booked")
        for bid, notice in list(found.missing.items())[:MOST_SHOWN]:
            say(f"  bid {bid}, of line item {notice.line_item}: {'booked now' if write else 'would be booked'}")
        for bid, told, booked in found.otherwise[:MOST_SHOWN]:
            say(f"  bid {bid} was told to cost {told}, and is booked with {booked}: left as it is")
        if len(found.otherwise) > MOST_SHOWN:
            say(f"  and {len(found.otherwise) - MOST_SHOWN:,} more that are booked otherwise")
        if write and found.missing:
            snapshot = Publisher(store, clock).current
            accounts = Accounts({advertiser.id: advertiser.agency for advertiser in snapshot.advertisers})
            with store.write() as conn:
                new = complete(conn, place.data, Terms(snapshot), accounts, found, clock.now_ns())
            say(f"{len(new):,} settlements booked")
    except UnknownNames as error:
        return refuse(str(error))
    finally:
        seat.leave()
        store.close()
    return 1 if found.otherwise or (found.missing and not write) else 0
