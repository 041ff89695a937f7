"""Lookalike audiences in the catalogue: what one may be made from, and how it is entered."""

from dataclasses import dataclass

from msgspec.structs import replace

from campaigns import catalogue, fair_audiences, history, values
from campaigns.catalogue import Catalogue
from campaigns.store import Store, touch
from domain.audience_rule import conditions
from domain.campaign import Advertiser, Audience
from domain.entry import Wrong
from domain.errors import Problem, Refused
from pacing import counters
from targeting.audience_algebra import Definitions, belongs, definitions_of, names_in
from targeting.lookalike_plan import Plan


@dataclass(frozen=True)
class Order:
    """A lookalike audience that may be made."""

    key: str
    owner: Advertiser
    seed: Audience
    definitions: Definitions
    before: Audience | None
    """The audience of that key, if it is to be made anew."""

    def is_seed(self, live: list[int]) -> bool:
        """Whether somebody with these memberships belongs to the seed."""
        return belongs(self.seed.id, live, self.definitions)


def order(known: Catalogue, advertiser: str, seed: str, key: str) -> Order:
    """Raises `Refused` where there is no such advertiser or seed, or where the key is another audience's, or one that a
    campaign targets which may not have lookalikes.
    """
    problems: list[Problem] = []
    owner, of = known.advertisers.get(advertiser), known.audiences.get(seed)
    if owner is None:
        allowed = f"there are {', '.join(sorted(known.advertisers)) or 'none'}"
        raise Refused([Problem("--advertiser", advertiser, allowed)])
    own = sorted(audience.key for audience in known.audiences.values() if audience.advertiser == owner.id)
    if of is None or of.advertiser != owner.id:
        allowed = f"it must be an audience of {advertiser!r}; there are {', '.join(own) or 'none'}"
        raise Refused([Problem("SEED", seed, allowed)])
    try:
        values.key(key)
    except Wrong as wrong:
        raise Refused([Problem("--name", key, wrong.allowed)]) from None
    before = known.audiences.get(key)
    if before is not None and (before.advertiser != owner.id or not before.lookalike_of):
        raise Refused(
            [Problem("--name", key, "it is the key of another audience, and not of a lookalike; use another")]
        )
    if before is not None and before.id in (of.id, *_definition(of.id, definitions_of(known.audiences.values()))):
        raise Refused([Problem("--name", key, "no audience may be like itself, or a part of itself")])
    made = Order(key, owner, of, definitions_of(known.audiences.values()), before)
    fair_audiences.check(_entered(known, made, before.id if before else 0, key, 0, 0), {}, problems)
    if problems:
        raise Refused(problems)
    return made


def plan(known: Catalogue, asked: Order, conversions: tuple[str, ...], without: frozenset[str]) -> Plan:
    """What the people of the seed may be recognised by: not by what the seed is defined by, and not by another model.
    ``without``: words of what else is left out, ``audience:KEY``, ``score:NAME``, ``conversion:WORD``, ``dealings``.
    """
    defining = {asked.seed.id, *_definition(asked.seed.id, asked.definitions)}
    barred = defining | fair_audiences.modelled(known.audiences.values())
    audiences = {
        audience.id: audience.key
        for audience in known.audiences.values()
        if audience.advertiser == asked.owner.id
        and audience.of is None
        and audience.id not in barred
        and f"audience:{audience.key}" not in without
    }
    whole = Plan(asked.owner.id, audiences)
    words = {"dealings", *(f"audience:{audience.key}" for audience in known.audiences.values())}
    words |= {f"score:{name}" for name in whole.scores} | {f"conversion:{event}" for event in conversions}
    if unknown := without - words:
        allowed = "it must be dealings, audience:KEY, score:NAME or conversion:WORD, of what there is"
        raise Refused([Problem("--without", word, allowed) for word in sorted(unknown)])
    rules = [audience.rule for audience in known.audiences.values() if audience.id in defining and audience.rule]
    asked_of = [one.events for rule in rules for one in conditions(rule) if one.what == "converted"]
    events = set(conversions) if not all(asked_of) else {event for of in asked_of for event in of}
    return Plan(
        asked.owner.id,
        audiences,
        tuple(name for name in whole.scores if f"score:{name}" not in without),
        tuple(event for event in conversions if f"conversion:{event}" not in without and event not in events),
        "dealings" not in without and not rules,  # what rules ask about, or (stages) what follows from it
    )


def enter(store: Store, asked: Order, name: str, size: int, ttl_s: int, id_: int) -> int:
    """Enters the audience, whose members are written already (``name``: unless it has one), and returns the new version
    of the catalogue. Raises `Refused` where it may not be there any more.
    """
    with store.write() as conn:
        known = catalogue.load(conn)
        now = order(known, asked.owner.key, asked.seed.key, asked.key)
        if now.before is not None and now.before.id != id_:
            raise Refused([Problem("--name", asked.key, "somebody made it meanwhile; run it again")])
        history.save(conn, known, _entered(known, now, id_, name, size, ttl_s), "lookalike")
        return touch(conn)


def new_id(store: Store, asked: Order) -> int:
    """The audience's own, or one that was never given before."""
    if asked.before is not None:
        return asked.before.id
    with store.write() as conn:
        return counters.take(conn, "audiences", 1)


def _entered(known: Catalogue, asked: Order, id_: int, name: str, size: int, ttl_s: int) -> Catalogue:
    new = known.copy()
    made = asked.before or Audience(id_, asked.key, asked.owner.id, name, size)
    new.audiences[asked.key] = replace(made, size=size, ttl_s=ttl_s, lookalike_of=asked.seed.id)
    return new


def _definition(audience: int, definitions: Definitions) -> set[int]:
    """All audiences that one is defined by, those that it leaves out too."""
    found: set[int] = set()
    waiting = [audience]
    while waiting:
        of = definitions.get(waiting.pop())
        for part in names_in(of) if of is not None else ():
            if part not in found:
                found.add(part)
                waiting.append(part)
    return found
