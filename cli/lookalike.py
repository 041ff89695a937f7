"""``outbid audiences lookalike``: an audience of the people who are most like those of another one."""

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from campaigns.lookalikes import Order
    from targeting.lookalike import Lookalikes
    from targeting.lookalike_plan import Plan

CONVERSIONS = ("lead", "application", "approved")
WEIGHTS_SHOWN = 10


def add_lookalike(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the action to ``outbid audiences``."""
    action = actions.add_parser("lookalike", help="make an audience of the people who are most like those of another")
    action.add_argument("seed", metavar="SEED", help="key of the audience that they are to be like")
    action.add_argument("--advertiser", required=True, metavar="KEY", help="whose audience it is, and becomes")
    action.add_argument("--size", required=True, type=int, metavar="N", help="how many people; none of the seed's")
    action.add_argument(
        "--name", required=True, metavar="KEY", help="of the audience; a lookalike of that key is replaced"
    )
    action.add_argument("--ttl", metavar="TIME", help="how long they belong to it, such as 30d (default: for ever)")
    action.add_argument(
        "--conversion",
        action="append",
        metavar="WORD",
        help=f"an event that may tell who is alike; more than once (default: {', '.join(CONVERSIONS)})",
    )
    action.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="WHAT",
        help="what may not: audience:KEY, score:NAME, conversion:WORD, or dealings (stage, visits, ads, clicks)",
    )
    action.add_argument("--seed-number", type=int, default=1, metavar="N", help="what chance begins with (default: 1)")
    action.add_argument("--only-measure", action="store_true", help="print the lift, and write nothing")
    action.add_argument("--json", action="store_true", help="sizes, lift curve and weights as JSON")
    action.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from campaigns import catalogue, lookalikes, values
    from campaigns.config import database_url
    from campaigns.store import Store
    from domain.clock import from_env
    from domain.entry import Wrong
    from domain.errors import Problem, Refused
    from domain.settings import places
    from targeting.lookalike import TooFew, find
    from targeting.record import NEVER
    from targeting.stores import open_store

    if not 0 < asked.size <= MOST_PEOPLE:
        raise Refused([Problem("--size", asked.size, f"it must be from 1 to {MOST_PEOPLE}")])
    try:
        ttl_s = values.window(LONGEST_TTL_S)(asked.ttl) if asked.ttl else 0
    except Wrong as wrong:
        raise Refused([Problem("--ttl", asked.ttl, wrong.allowed)]) from None
    store = Store(database_url())
    try:
        store.migrate()
        with store.read() as conn:
            known = catalogue.load(conn)
        order = lookalikes.order(known, asked.advertiser, asked.seed, asked.name)
        plan = lookalikes.plan(known, order, tuple(asked.conversion or CONVERSIONS), frozenset(asked.without))
        now_s = from_env().now_ns() // 1_000_000_000
        with open_store(places().data) as profiles, _Bar() as shown:
            lists = [audience for audience in order.owner.suppress if audience not in order.definitions]
            try:
                found = find(
                    profiles, plan.features(), order.is_seed, asked.size, now_s,
                    barred=lists, seed=asked.seed_number, progress=shown,
                )  # fmt: skip
            except TooFew as few:
                raise Refused([Problem("SEED", asked.seed, str(few))]) from None
            version = None
            if not asked.only_measure:
                id_ = lookalikes.new_id(store, order)
                profiles.replace_audience(id_, found.persons, now_s + ttl_s if ttl_s else NEVER)
                name = f"Lookalikes of {order.seed.name}"
                version = lookalikes.enter(store, order, name, len(found.persons), ttl_s, id_)
    finally:
        store.close()
    print(json.dumps(as_json(order, plan, found)) if asked.json else as_text(order, plan, found, version))
    return 0


MOST_PEOPLE = 100_000_000
LONGEST_TTL_S = 3 * 366 * 86_400


def as_json(order: "Order", plan: "Plan", found: "Lookalikes") -> dict[str, Any]:
    names = plan.names()
    return {
        "audience": order.key,
        "seed": order.seed.key,
        "size": len(found.persons),
        "people": {"seed": found.seeds, "others": found.others},
        "learned_from": dict(zip(("seed", "others"), found.learned, strict=True)),
        "tested_on": dict(zip(("seed", "others"), found.tested, strict=True)),
        "lift_of_size": found.chosen._asdict(),
        "lift": [point._asdict() for point in found.curve],
        "weights": [{**weight._asdict(), "feature": names[weight.feature]} for weight in found.weights],
        "suspicious": [names[feature] for feature in found.suspicious],
    }


def as_text(order: "Order", plan: "Plan", found: "Lookalikes", version: int | None) -> str:
    names, chosen = plan.names(), found.chosen
    lines = [
        f"Learned from {found.learned[0]:,} of the {found.seeds:,} people of {order.seed.key} and "
        f"{found.learned[1]:,} of {found.others:,} others;",
        f"measured on {found.tested[0]:,} and {found.tested[1]:,} that were not learned from:",
        "",
        f"{'the best':>10}{'of the seed':>14}{'lift':>8}",
    ]
    lines += [f"{p.share:10.1%}{p.found:14.1%}{p.lift:8.2f} ± {p.plus_minus:.2f}" for p in found.curve]
    lines += ["", "What speaks for it, and against it (log-odds, share of the seed, share of the others):"]
    for weight in found.weights[:WEIGHTS_SHOWN]:
        shares = f"{weight.of_seed:8.1%}{weight.of_others:8.1%}"
        lines.append(f"  {weight.weight:+6.2f} {shares}  {names[weight.feature]}")
    for feature in found.suspicious:
        lines.append(
            f"Caution: {names[feature]!r} is nearly the seed itself. If it is what the seed was made by, leave it out."
        )
    if chosen.lift - chosen.plus_minus <= 1.0:
        lines.append("Caution: people chosen so are not shown to be more like the seed than anybody.")
    lines += [
        "",
        f"{len(found.persons):,} people, the best {chosen.share:.2%}: lift {chosen.lift:.2f} ± {chosen.plus_minus:.2f}",
    ]
    if version is not None:
        lines.append(f"audience {order.key} is published as version {version}")
    return "\n".join(lines)


class _Bar:
    """A count of the records read, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._read = self._progress.add_task("records read, twice each", total=None)

    def __enter__(self) -> "Callable[[int], None]":
        self._progress.start()
        return lambda read: self._progress.update(self._read, completed=read)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
