"""``outbid audiences``: lists of persons into audiences; how large these are, and how much of one is in another."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cli import audience_import
from cli.bars import Bar
from cli.known_audiences import advertiser_of, audience_of, known, seconds_now
from cli.lookalike import add_lookalike

if TYPE_CHECKING:
    from targeting.audience_lists import Lists


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("audiences", help="import lists of persons; sizes and overlaps of audiences")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    audience_import.add(actions)
    add_lookalike(actions)
    listing = actions.add_parser("list", help="every audience: members, where they are from, how old the list is")
    listing.add_argument("--advertiser", metavar="KEY", help="this one's only")
    listing.set_defaults(run=run_list)
    overlap = actions.add_parser("overlap", help="how many persons audiences have in common")
    overlap.add_argument("audiences", nargs="+", metavar="KEY", help="lists, and sets made of them")
    overlap.set_defaults(run=run_overlap)
    for action in (listing, overlap):
        action.add_argument("--format", choices=("text", "json"), default="text")
    clean = actions.add_parser("clean", help="take out the members whose membership has ended, to make room")
    clean.add_argument("audiences", nargs="*", metavar="KEY", help="default: all")
    clean.set_defaults(run=run_clean)


def run_list(asked: argparse.Namespace) -> int:
    from targeting.audience_algebra import definitions_of
    from targeting.audience_counts import live_sizes
    from targeting.audience_import import note_of

    snapshot = known()
    with _lists() as lists, Bar("counted") as shown:
        owners = {owner.id: owner.key for owner in snapshot.advertisers}
        if asked.advertiser is not None:
            advertiser_of(snapshot, asked.advertiser)
        found = [one for one in snapshot.audiences if asked.advertiser in (None, owners[one.advertiser])]
        now_s, definitions = seconds_now(), definitions_of(snapshot.audiences)
        alive = live_sizes(lists, [one.id for one in found], definitions, now_s, shown)
        rows: list[dict[str, Any]] = []
        for one, live in zip(found, alive, strict=True):
            note = note_of(lists, one.id)
            source = "set" if one.of is not None else note.source or ("file of campaigns" if one.size else "")
            rows.append(
                {
                    "audience": one.key,
                    "advertiser": owners[one.advertiser],
                    "members": live if one.of is not None else lists.size(one.id),
                    "live": live,
                    "source": source,
                    "ttl_s": one.ttl_s,
                    "imported_s": note.at_s,
                    "broken_off": note.running.source if note.running is not None else "",
                }
            )
    if asked.format == "json":
        print(json.dumps(rows, indent=2))
        return 0
    lines = [["audience", "advertiser", "members", "live", "ttl", "age", "source"]]
    for row in rows:
        age = _span(now_s - row["imported_s"]) if row["imported_s"] else "-"
        source = row["source"] + (f" (broken off: {row['broken_off']})" if row["broken_off"] else "")
        ttl = _span(row["ttl_s"]) if row["ttl_s"] else "-"
        lines.append([row["audience"], row["advertiser"], f"{row['members']:,}", f"{row['live']:,}", ttl, age, source])
    _table(lines, "llrrrrl")
    return 0


def run_overlap(asked: argparse.Namespace) -> int:
    from targeting.audience_algebra import definitions_of
    from targeting.audience_counts import overlap

    keys = list(dict.fromkeys(asked.audiences))
    snapshot = known()
    with _lists() as lists, Bar("counted") as shown:
        ids = [audience_of(snapshot, key).id for key in keys]
        found = overlap(lists, ids, definitions_of(snapshot.audiences), seconds_now(), shown)
    places = range(len(keys))
    if asked.format == "json":
        shares = [[round(found.share(i, j), 6) for j in places] for i in places]
        print(json.dumps({"audiences": keys, "shared": found.shared, "share_of_row": shares}, indent=2))
        return 0
    lines = [["", *keys]]
    for i in places:
        lines.append([keys[i], *(f"{found.shared[i][j]:,} ({found.share(i, j):.1%})" for j in places)])
    _table(lines, "l" + "r" * len(keys))
    return 0


def run_clean(asked: argparse.Namespace) -> int:
    from targeting.audience_counts import end_memberships

    snapshot = known()
    with _lists(writing=True) as lists, Bar("looked at") as shown:
        wanted = [audience_of(snapshot, key) for key in asked.audiences] or list(snapshot.audiences)
        wanted = [audience for audience in wanted if audience.of is None]
        now_s = seconds_now()
        ended = {one.key: end_memberships(lists, one.id, now_s, shown) for one in wanted}
    for key, count in ended.items():
        if count or asked.audiences:
            print(f"{key}: {count:,} memberships had ended")
    print(f"{sum(ended.values()):,} members taken out of {len(ended):,} audiences")
    return 0


@contextmanager
def _lists(*, writing: bool = False) -> "Iterator[Lists]":
    from domain.settings import places
    from targeting.audience_lists import lists_of
    from targeting.stores import open_store

    with open_store(places().data, readonly=not writing) as store:
        yield lists_of(store)


def _span(seconds: int) -> str:
    for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{seconds // unit}{letter}"
    return f"{max(0, seconds)}s"


def _table(lines: list[list[str]], sides: str) -> None:
    widths = [max(len(line[place]) for line in lines) for place in range(len(sides))]
    for line in lines:
        cells = (
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(line, widths, sides, strict=True)
        )
        print("  ".join(cells).rstrip())
