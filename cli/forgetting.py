"""Forgetting a person, place by place, and looking for what is left: ``outbid people forget``.

First comes the tombstone, so that nobody writes what is being removed (`targeting.forgotten`). Then each place in turn;
bidders, trackers and reporter go on meanwhile. Which keys it is about stands in ``<data_dir>/forgetting`` until nothing
is left: a run that was broken off is completed by running it again, although the joins between keys are gone by then.
"""

import mmap
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import msgspec

from bidder import request_sample_forgetting
from bidder.request_sample_forgetting import named_persons
from cli.ask import NoAnswer, ask, send
from cli.risk_forgetting import forget_in_service
from cli.scored_people_forgetting import forget_scores
from credit import match_log
from domain.blanking import blanked, written
from domain.events import decode
from domain.exchange import Exchange
from domain.keys import internal_secret, load_keys
from domain.settings import Places
from eventlog.rewriting import matching, rewrite
from reporting.config import settings as reporting_settings
from risk import graph_batches
from risk.lists import Lists
from risk.lists_look import entries_of
from targeting import opt_outs
from targeting.erasing import audiences_of, erase
from targeting.forgotten import Forgotten
from targeting.holds import Holds
from targeting.households import device_key
from targeting.identity_keys import written_key
from targeting.profiles import ProfileStore
from targeting.redis_profiles import RedisProfiles
from targeting.scrubbing import scrub
from targeting.stores import fleet_holds, open_store
from trackers.directory import Listing
from trackers.forgetting import forget_persons

STORE = "profiles.lmdb"
REQUESTS = "requests"
PENDING = "forgetting"
LISTS = Path("risk", "lists")
"""Who is on them is kept on other grounds than what was learnt for advertising (docs/risk-lists.md)."""
COUNTERS = Path("risk", "counters")
"""Tables of a gigabyte, where a key is found without looking through them: what is left there was said."""
SETTLE_S = 2.0
"""After so long whatever was on its way when the tombstone was made is in the logs: a bid or an event takes a tenth."""

Say = Callable[[str], None]


class Blanked(msgspec.Struct):
    """What the reporter answers."""

    blanked: dict[str, int]
    left: int


class _Pending(msgspec.Struct):
    keys: set[int]
    devices: set[int]


def keys_of(store: ProfileStore | RedisProfiles, key: int) -> list[int]:
    """All keys of the person that a key is of."""
    return store.identity.keys(key)


def forget(place: Places, key: int, say: Say) -> bool:
    """Removes the person of a key from every place of this host and of the stores that it uses; says what was where.
    False: something is left, as it says, too.
    """
    data = place.data
    with open_store(data) as store:
        pending = _begin(data, keys_of(store, key))
    keys, devices = sorted(pending.keys), sorted(pending.devices)
    say(f"{len(keys)} keys of the person, {Forgotten(data).add(keys, int(time.time()))} new tombstones")
    _forget_records(data, keys, devices, say)
    time.sleep(SETTLE_S)
    for log in logs(data):
        count = rewrite(log, [written(key) for key in keys], lambda record: blanked(record, pending.keys))
        say(f"event log {log.relative_to(data)}: {count} records blanked")
    say(f"offers: {match_log.forget(data / 'credit' / match_log.FOLDER, keys)} matches blanked")
    requests = request_sample_forgetting.forget(data / REQUESTS, keys, named_persons(exchanges_of(place)), again_s=0)
    say(f"kept bid requests: {requests} removed")
    say(f"risk graph: {graph_batches.forget(graph_batches.graph_directory(data), keys)} nodes removed with their edges")
    left = forget_scores(data, keys, say)
    if stays := entries_of(Lists.open(data / LISTS), keys):
        say(f"lists of the risk service: {stays} entries stay; outbid risk lists remove takes them off")
    say(f"bids in flight: {_let_go(place, [*keys, *devices])} taken out")
    left += _blank_rows(place, keys, say)
    left += forget_in_service(place, keys, say)
    scrub(data / STORE, [*keys, *devices])
    left += _what_is_left(data, keys, devices)
    if left:
        say("\n".join(["left:", *left]))
        return False
    (data / PENDING).unlink()
    say("nothing is left")
    return True


def exchanges_of(place: Places) -> dict[int, str]:
    """Keys of exchanges by id: as control says, else as a tracker of this host knew last; none where nobody knows, and
    then ids that belong to an exchange are found only where they are what the request was kept under.
    """
    try:
        published = ask(f"{place.control_base}/v1/snapshots/current")
        listed: tuple[Exchange, ...] = msgspec.msgpack.decode(published, type=Listing).exchanges
    except NoAnswer:
        try:
            listed = msgspec.msgpack.decode((place.data / "directory.msgpack").read_bytes(), type=Listing).exchanges
        except (OSError, msgspec.DecodeError):
            listed = ()
    return {exchange.id: exchange.key for exchange in listed}


def logs(data: Path) -> list[Path]:
    """Directories of the event logs there are."""
    return sorted(mark.parent for mark in (data / "log").glob("*/*/published"))


def devices_of(data: Path, keys: Collection[int]) -> set[int]:
    """Keys of the counters of a person's devices: one whose own id is among the keys, and those that impressions of the
    person were counted for.
    """
    numbers = {key & 0xFFFF_FFFF for key in keys}
    marks = [written(key) for key in keys]
    for log in logs(data):
        for record in matching(log, marks):
            event = decode(record)
            if getattr(event, "person", 0) in keys:
                numbers.add(getattr(event, "device", 0))
    return {device_key(number) for number in numbers if number}


def _begin(data: Path, keys: Collection[int]) -> _Pending:
    """Notes what this is about: the person's keys, and the counters of their devices, with what was noted before."""
    pending = _pending(data)
    pending.keys.update(keys)
    pending.devices.update(devices_of(data, pending.keys))
    _note(data, pending)
    return pending


def let_be(data: Path, key: int) -> None:
    """A person is remembered: runs to come do not complete what an earlier one left of forgetting this key."""
    pending = _pending(data)
    if key not in pending.keys:
        return
    pending.keys.discard(key)
    pending.devices.discard(device_key(key & 0xFFFF_FFFF))
    if pending.keys:
        _note(data, pending)
    else:
        (data / PENDING).unlink()


def _pending(data: Path) -> _Pending:
    path = data / PENDING
    return msgspec.msgpack.decode(path.read_bytes(), type=_Pending) if path.exists() else _Pending(set(), set())


def _note(data: Path, pending: _Pending) -> None:
    """On disk when this returns."""
    path = data / PENDING
    draft = path.with_suffix(".new")
    with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.msgpack.encode(pending))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _forget_records(data: Path, keys: list[int], devices: list[int], say: Say) -> None:
    with open_store(data) as store:
        joins = len({edge for key in keys for edge in store.identity.edges(key)})
        erased = erase(store, [*keys, *devices])
        for key in keys:
            store.identity.forget(key)
    say(f"profiles: {erased.records} records, {erased.memberships} memberships, {joins} joins of keys removed")
    say(f"opt-outs: {opt_outs.take_out(data, keys)} taken out")
    with ProfileStore(data / STORE) as own:
        say(f"tracker: {forget_persons(own, set(keys))} clicks blanked or moments taken out")


def _let_go(place: Places, keys: list[int]) -> int:
    """Of all bids that are held for them, on this host or for the fleet."""
    if fleet := fleet_holds():
        with fleet:
            return fleet.forget(keys)
    holds = Holds(place.data, place.holds)
    found = sum(holds.forget(key) for key in keys)
    holds.close()
    return found


def _blank_rows(place: Places, keys: list[int], say: Say) -> list[str]:
    """In the analytics store: by the reporter, which alone may open the embedded one, else by ourselves."""
    try:
        answer = send(
            f"{place.reporter_base}/v1/people/forget",
            msgspec.json.encode(keys),
            internal_secret(load_keys(place.data)),
        )
        done = msgspec.json.decode(answer, type=Blanked)
    except NoAnswer as error:
        if not error.unreachable:
            return [f"analytics store: {error}"]
        here = _blank_rows_here(place, keys)
        if here is None:
            return [
                "analytics store: a replay is at work in it, or a reporter that does not answer; run this again then"
            ]
        done = here
    tables = ", ".join(f"{count} of {name}" for name, count in sorted(done.blanked.items()))
    say(f"analytics store: {sum(done.blanked.values())} rows blanked{f' ({tables})' if tables else ''}")
    return [f"analytics store: {done.left} rows"] if done.left else []


def _blank_rows_here(place: Places, keys: list[int]) -> Blanked | None:
    """None: another process of this host writes into the store."""
    from reporting import people
    from reporting.store import migrate
    from reporting.store import open_store as open_analytics
    from reporting.store_lock import StoreLock

    wanted = reporting_settings()
    if wanted.store == "chdb" and not (place.data / "chdb").exists():
        return Blanked({}, 0)
    lock = StoreLock(place.data, wanted.store)
    if not lock.take():
        return None
    try:
        store = open_analytics(wanted.store, place.data, query_seconds=wanted.query_seconds)
        try:
            migrate(store)
            return Blanked(*people.blank(store, place.data, keys))
        finally:
            store.close()
    finally:
        lock.release()


def _what_is_left(data: Path, keys: list[int], devices: list[int]) -> list[str]:
    """Where one of the keys can still be found: in a store, or as bytes in any file of the data directory."""
    left = []
    with open_store(data, readonly=True) as store:
        for key, record in zip((*keys, *devices), store.get_many([*keys, *devices]), strict=True):
            if record is not None:
                left.append(f"profiles: a record under {written_key(key)}")
        left += [
            f"profiles: audience {one} lists {written_key(key)}" for key in keys for one in audiences_of(store, key)
        ]
    if fleet := fleet_holds():
        with fleet:
            left += [f"bids in flight: held under {written_key(key)}" for key in (*keys, *devices) if fleet.held(key)]
    kept = data / PENDING, data / LISTS, data / COUNTERS
    left += [f"{path}: {what}" for path, what in found_in_files(data, [*keys, *devices], kept)]
    return left


def found_in_files(data: Path, keys: Collection[int], without: Collection[Path] = ()) -> Iterator[tuple[Path, str]]:
    """Files under a directory, but for some, in which a key stands: in either order of bytes, or as people or programs
    write it. And those that cannot be read.
    """
    patterns = [pattern for key in keys for pattern in _forms(key)]
    for path in sorted(data.rglob("*")):
        try:
            if any(map(path.is_relative_to, without)) or not path.is_file() or not path.stat().st_size:
                continue
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                count = sum(content.find(pattern) >= 0 for pattern in patterns)
        except (FileNotFoundError, ValueError):  # it went, or was emptied, meanwhile
            continue
        except OSError as error:
            yield path, f"cannot be read: {error.strerror}"
            continue
        if count:
            yield path, f"{count} of the keys' written forms"


def _forms(key: int) -> list[bytes]:
    return [key.to_bytes(8, "big"), key.to_bytes(8, "little"), b"%016x" % key, b"%d" % key]
