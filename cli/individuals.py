"""The proof of ``outbid simulate --campaign``: every impression went to one of the list, caps held, converters stopped.

Told twice: by the exchange's own books, which know whom each impression was shown to, by the id in the request; and by
Outbid's analytics store, by the keys of records. The two share no code but the arithmetic of `simulator.watch.judge`.
"""

import argparse
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from domain.settings import Places
    from simulator.config import SimulatorSettings
    from simulator.watch import Cap, Verdict, Watch

PROMISE_S = 1.0
"""A conversion keeps its person from being bid for after so many (real) seconds."""


class Asked(NamedTuple):
    """What the command line wants to be proven."""

    list: Path
    campaign: str
    caps: tuple["Cap", ...]


def add(command: argparse.ArgumentParser) -> None:
    people = command.add_argument_group("a campaign for individuals")
    people.add_argument("--persons", type=int, metavar="N", help="size of the population (default: the setting)")
    people.add_argument("--write-list", type=Path, metavar="FILE", help="write an audience file of them, and end")
    people.add_argument("--list-size", type=int, metavar="N", default=5_000, help="of FILE (default: %(default)s)")
    people.add_argument("--campaign", metavar="KEY", help="prove in the end that it reached those of --list alone")
    people.add_argument("--list", type=Path, metavar="FILE", help="the audience file that it targets")
    people.add_argument(
        "--cap", action="append", default=[], metavar="N/TIME", help="a cap that must have held, such as 3/1d"
    )


def read(asked: argparse.Namespace) -> Asked | None:
    """Raises `domain.errors.Refused`."""
    from campaigns import values
    from domain.entry import Wrong
    from domain.errors import Problem, Refused
    from simulator.watch import Cap
    from targeting.record import MAX_SECONDS

    problems = []
    for name in ("persons", "list_size"):
        if (number := getattr(asked, name)) is not None and number <= 0:
            problems.append(Problem(f"--{name.replace('_', '-')}", number, "it must be above 0"))
    if (asked.campaign is None) != (asked.list is None):
        problems.append(Problem("--campaign", asked.campaign, "it must be given together with --list"))
    if asked.cap and asked.campaign is None:
        problems.append(Problem("--cap", asked.cap, "it is proven of --campaign, which is not given"))
    caps = []
    for text in asked.cap:
        number, _, window = text.partition("/")
        try:
            seconds = values.window(MAX_SECONDS)(window)
            if not (number.isascii() and number.isdigit() and int(number)):
                raise Wrong("")
            caps.append(Cap(int(number), seconds, text))
        except Wrong:
            problems.append(Problem("--cap", text, "it must be impressions and a window, such as '3/1d' or '2/30m'"))
    if asked.list is not None and not asked.list.is_file():
        problems.append(Problem("--list", str(asked.list), "it must be a file that can be read"))
    if problems:
        raise Refused(problems)
    return Asked(asked.list, asked.campaign, tuple(caps)) if asked.campaign else None


def write_list(settings: "SimulatorSettings", path: Path, size: int) -> None:
    """An audience file of people of the simulator. Raises `domain.errors.Refused`."""
    from domain.errors import Problem, Refused
    from simulator.run import population

    people = population(settings)
    if size > len(people.people):
        allowed = f"it must be at most the number of --persons, {len(people.people)}"
        raise Refused([Problem("--list-size", size, allowed)])
    lines = "\n".join(person.written for person in people.some(size))
    try:
        path.write_text(f"# {size} of {len(people.people)} people of the simulator\n{lines}\n")
    except OSError as error:
        raise Refused([Problem("--write-list", str(path), f"it must be a file that can be written: {error}")]) from None


def listed(path: Path) -> frozenset[str]:
    """The people of an audience file, as it names them."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


async def follow(places: "Places", asked: Asked) -> "Watch":
    """What a run is to count. Raises `domain.errors.Refused` for a campaign that is not published."""
    import aiohttp
    import msgspec

    from domain.clock import SECOND, from_env
    from domain.errors import Problem, Refused
    from simulator.watch import Watch

    class Named(msgspec.Struct):
        id: int
        key: str

    class Published(msgspec.Struct):
        campaigns: tuple[Named, ...]

    url = f"{places.control_base}/v1/snapshots/current"
    async with aiohttp.ClientSession() as session, session.get(url, raise_for_status=True) as answer:
        there = msgspec.msgpack.decode(await answer.read(), type=Published)
    ids = {campaign.key: campaign.id for campaign in there.campaigns}
    if asked.campaign not in ids:
        raise Refused([Problem("--campaign", asked.campaign, f"it must be one of {', '.join(sorted(ids)) or 'none'}")])
    grace_ns = int(PROMISE_S * SECOND * from_env().speed)
    return Watch(listed(asked.list), str(ids[asked.campaign]), grace_ns)


class Proof(NamedTuple):
    watch: "Watch"
    caps: tuple["Cap", ...]
    exchange: "Verdict"
    store: "Verdict"

    def faults(self) -> list[str]:
        """One line each; the run is good if this is empty."""
        lines = [f"by the exchange's books: {line}" for line in self.exchange.faults(self.caps)]
        lines += [f"by the analytics store: {line}" for line in self.store.faults(self.caps)]
        shown = [(book.to_listed, book.to_others, book.persons) for book in (self.exchange, self.store)]
        if shown[0] != shown[1]:
            lines.append(f"impressions of the list, of others, and persons are {shown[0]} there and {shown[1]} here")
        if not self.watch.requests_of_others:
            lines.append("nobody but the list asked for ads, so nothing is proven")
        if self.exchange.converters and not self.watch.requests_of_converters:
            lines.append("nobody who converted asked for ads again, so it is not proven that they would get none")
        return lines


async def prove(places: "Places", asked: Asked, watch: "Watch") -> Proof:
    """After the drain: both books, judged."""
    import asyncio

    import aiohttp

    from domain.keys import internal_secret, load_keys
    from simulator.books import shown
    from simulator.run import books_path
    from simulator.watch import Shown, judge
    from targeting.identity_keys import parse_person

    caps, sales = asked.caps, shown(books_path(places), watch.campaign)
    seen = [Shown(person, asked_ns, shown_ns) for person, asked_ns, shown_ns, _ in sales if shown_ns]
    converted: dict[str, int] = {}
    for person, _, _, at_ns in sales:
        if at_ns:
            converted[person] = min(at_ns, converted.get(person, at_ns))
    theirs = judge(seen, converted, watch.listed, caps, watch.grace_ns)

    headers = {"Authorization": f"Bearer {internal_secret(load_keys(places.data))}"}
    url = f"{places.reporter_base}/v1/exposure?campaign={watch.campaign}"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url, raise_for_status=True) as answer:
        told = await answer.json()
    keys = {parse_person(text) for text in watch.listed}
    named = await asyncio.to_thread(joined_with, keys, places.data)
    first: dict[int, int] = {}
    for key, at_ns in told["converted"]:
        person = named.get(key, key)
        first[person] = min(at_ns, first.get(person, at_ns))
    shown_to = (Shown(named.get(key, key), *when) for key, *when in told["shown"])
    ours = judge(shown_to, first, keys, caps, watch.grace_ns)
    return Proof(watch, caps, theirs, ours)


def joined_with(listed: Collection[int], data: Path) -> dict[int, int]:
    """The keys that cookie sync and others have joined with those of a list, each with the one of the list: a person's
    record, and what is counted since, is under one of them."""
    from targeting.stores import open_store

    named: dict[int, int] = {}
    with open_store(data, readonly=True) as store:
        for key in sorted(listed):
            for other in store.identity.keys(key):
                if other not in listed:
                    named.setdefault(other, key)
    return named


def describe(proof: Proof) -> Iterator[str]:
    """The proof, in lines."""
    watch, books = proof.watch, (proof.exchange, proof.store)
    yield f"the list      {len(watch.listed):,} people; {watch.requests_of_listed:,} requests of theirs, " + (
        f"{watch.requests_of_others:,} of others"
    )
    rows = [
        ("impressions to people of the list", [book.to_listed for book in books]),
        ("impressions to anybody else", [book.to_others for book in books]),
        ("people of the list reached", [book.persons for book in books]),
        *(
            (f"most to one person, cap {cap.written}", [book.most[i] for book in books])
            for i, cap in enumerate(proof.caps)
        ),
        ("people who converted", [book.converters for book in books]),
        ("impressions asked for after that", [book.after_conversion for book in books]),
    ]
    yield f"{'':40}{'the exchange':>14}{'the store':>14}"
    for name, values in rows:
        yield f"{name:40}" + "".join(f"{value:>14,}" for value in values)
    yield f"requests of people who had converted: {watch.requests_of_converters:,}"
