"""``outbid identity``: which keys are one person: told by a file, shown, split again."""

import argparse
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from targeting.identity import Edge
    from targeting.profiles import ProfileStore
    from targeting.redis_profiles import RedisProfiles

PROBLEMS_SHOWN = 100


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("identity", help="join the ids of one person, show what is joined, split it again")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    join = actions.add_parser("join", help="join the pairs of a file, and keep what each of them had learnt")
    join.add_argument(
        "file", type=Path, metavar="FILE", help="lines KEY,KEY[,CONFIDENCE[,SOURCE]]; docs/identity.md has the forms"
    )
    join.set_defaults(run=run_join)
    show = actions.add_parser("show", help="the keys of a person, and who told that they are one's")
    show.add_argument("key", metavar="KEY", help="any id of the person, written KIND:VALUE")
    show.set_defaults(run=run_show)
    split = actions.add_parser("split", help="take out what was told of two keys; each has then what it learnt itself")
    split.add_argument("keys", nargs=2, metavar="KEY", help="written KIND:VALUE")
    split.set_defaults(run=run_split)
    rebuild = actions.add_parser("rebuild", help="make all persons anew, after least_confidence was changed")
    rebuild.set_defaults(run=run_rebuild)


def run_join(asked: argparse.Namespace) -> int:
    from domain.clock import SECOND, from_env
    from domain.errors import Refused
    from domain.settings import places
    from targeting.identity_files import join_file

    exchanges, advertisers = _known()
    try:
        size = asked.file.stat().st_size if asked.file.is_file() else 0
        with _store(places().data) as store, _Bar(size) as bar:
            now_s = from_env().now_ns() // SECOND
            done = join_file(
                store.identity, asked.file, now_s, exchanges=exchanges, advertisers=advertisers, progress=bar.show
            )
    except Refused as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 2
    for problem in done.problems[:PROBLEMS_SHOWN]:
        print(problem, file=sys.stderr)
    passed = f", {done.forgotten:,} of forgotten persons passed over" if done.forgotten else ""
    print(f"{done.lines:,} lines, {done.joined:,} of them new joins, {len(done.problems):,} refused{passed}")
    return 2 if done.problems else 0


def run_show(asked: argparse.Namespace) -> int:
    from domain.settings import places
    from targeting.identity_keys import written_key
    from targeting.stores import open_store

    if (keys := _keys([asked.key])) is None:
        return 2
    with open_store(places().data, readonly=True) as store:
        identity = store.identity
        found, person, edges = identity.keys(keys[0]), identity.person(keys[0]), identity.edges(keys[0])
        records = dict(zip(found, store.get_many(found), strict=True))
    print(f"{len(found)} key{'s' if len(found) > 1 else ''} of this person:")
    for key in found:
        marks = [word for word, true in (("asked for", key == keys[0]), ("the person's", key == person)) if true]
        print(f"  {written_key(key)}{'  ' if marks else ''}{', '.join(marks)}")
    print("What was told of them:" if edges else "Nothing was joined with it.")
    for edge in edges:
        print(f"  {_told(edge)}")
    print("There is a profile." if records[keys[0]] is not None else "There is no profile.")
    return 0


def run_split(asked: argparse.Namespace) -> int:
    from domain.settings import places

    if (keys := _keys(asked.keys)) is None:
        return 2
    with _store(places().data) as store:
        gone = store.identity.split(*keys)
        still = keys[1] in store.identity.keys(keys[0])
    print(f"{gone} join{'s' if gone != 1 else ''} taken out")
    if still:
        print("they are one person's still, by way of other keys: outbid identity show tells which", file=sys.stderr)
    return 1 if still or not gone else 0


def run_rebuild(asked: argparse.Namespace) -> int:
    from domain.settings import places

    with _store(places().data) as store:
        print(f"{store.identity.rebuild():,} joined keys looked at")
    return 0


@contextmanager
def _store(data: Path) -> "Iterator[RedisProfiles | ProfileStore]":
    """The store. Of one in Redis it is noted beside this host's tracker whose audiences are to be decided anew; in LMDB
    that is so of itself.
    """
    from targeting.due import ALL, AT_ONCE
    from targeting.profiles import ProfileStore
    from targeting.stores import fleet_store

    with ExitStack() as stores:
        own = stores.enter_context(ProfileStore(data / "profiles.lmdb"))
        if (fleet := fleet_store(data)) is None:
            yield own
            return

        def regrouped(keys: "Collection[int]") -> None:
            with own.write() as txn:
                for key in keys:
                    own.due.add(txn, AT_ONCE, key, ALL)

        fleet.identity.regrouped = regrouped
        yield stores.enter_context(fleet)


def _keys(written: list[str]) -> list[int] | None:
    """None: one of them is wrong, and it was said."""
    from targeting.identity_keys import parse_person, shown

    keys, exchanges_and_advertisers = [], _known()
    for text in written:
        try:
            keys.append(parse_person(text, *exchanges_and_advertisers))
        except ValueError as error:
            print(f"outbid: {shown(text)!r}: {error}", file=sys.stderr)
            return None
    return keys


def _known() -> "tuple[Collection[str] | None, Collection[str] | None]":
    """Keys of exchanges and advertisers, as published; (None, None) where control does not answer, so that they are not
    checked."""
    import msgspec

    from cli.ask import NoAnswer, ask
    from domain.campaign import Snapshot
    from domain.settings import places

    try:
        published = ask(f"{places().control_base}/v1/snapshots/current")
    except NoAnswer as error:
        print(f"outbid: names of exchanges and advertisers are not checked: {error}", file=sys.stderr)
        return None, None
    snapshot = msgspec.msgpack.decode(published, type=Snapshot)
    return {exchange.key for exchange in snapshot.exchanges}, {owner.key for owner in snapshot.advertisers}


def _told(edge: "Edge") -> str:
    from datetime import UTC, datetime

    from targeting.identity_keys import written_key

    when = datetime.fromtimestamp(edge.at_s, UTC).strftime("%Y-%m-%d %H:%M")
    keys = f"{written_key(edge.first)} and {written_key(edge.second)}"
    return f"{keys}: {edge.source}, confidence {edge.confidence:g}, {when} UTC"


class _Bar:
    """A bar of bytes read, on a terminal; nothing elsewhere."""

    def __init__(self, size: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = TextColumn("joined"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task("joined", total=size)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def show(self, read: int) -> None:
        self._progress.update(self._task, completed=read)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
