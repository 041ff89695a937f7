"""Keeps spend to its plans: hears from workers what could have been bid on, and tells them how hard to bid.

Every account with a budget has an `AccountPacer`; a line item bids as the tightest of its accounts lets it.
Leases are the limit that nothing exceeds, paces are how it is not reached too early.
"""

from collections.abc import Iterable
from math import exp, log

from domain.clock import SECOND
from domain.strategy import MOST_PACE, Strategy
from pacing.account_pacer import AccountPacer, Owner
from pacing.aims import Aims
from pacing.controller import Pace, Pacer
from pacing.goals import COMPUTED_FLOOR
from pacing.leases import AHEAD
from pacing.protocol import PaceOrder, Supplied
from pacing.purse import Shape
from pacing.purses import Line, Purses
from pacing.results import Results

LOOK_S = 5.0
"""Seconds of business time between two looks at an account …"""

LEAST_LOOK_S = 0.5
"""… but at least so many real seconds."""

TURNS = 64
"""Accounts are looked at in so many groups, one after the other."""

SAVE_S = 30.0
"""Real seconds after which what is known of an account's day is saved again."""

SILENCE_S = 600.0
"""Real seconds after which a worker that says nothing is forgotten."""

SLACK = 2.0
"""How much faster than an even plan leases let out: as fast as a controller catches up."""

NOTABLE = 0.002
"""A pace is told if it differs by so much."""


class Conductor:
    """Not of the store: what it knows may be ahead of it, and money does not depend on it."""

    def __init__(self, speed: float) -> None:
        self.look_ns = int(max(LOOK_S, LEAST_LOOK_S * speed) * SECOND)
        self.save_ns = int(SAVE_S * speed * SECOND)
        self.pacers: dict[Owner, AccountPacer] = {}
        self._known: dict[Owner, AccountPacer] = {}
        """Those of accounts with nothing live at the moment, too."""
        self.shapes: dict[int, Shape] = {}
        """How the supply of each paced line item is spread over time."""
        self.auctions: dict[int, int] = {}
        """In which each line item could have bid."""
        self.newest = 0
        """Number of the newest order."""
        self._of: dict[int, tuple[float, list[AccountPacer]]] = {}
        """Of each paced line item: how far ahead, and whose budgets it spends from."""
        self.aims = Aims(self.look_ns, self.save_ns)
        self._computed: dict[int, Strategy] = {}
        """Of live line items whose bids are worked out."""
        self._pushes: dict[int, float] = {}
        """What budgets allow of each paced line item, as `Pacer.push`."""
        self._orders: dict[int, tuple[int, PaceOrder]] = {}
        """By line item, with their numbers, which rise."""
        self._heard: dict[int, dict[int, int]] = {}
        """The last figures of each worker."""
        self._heard_ns: dict[int, int] = {}
        """When each was heard last."""
        self._silence_ns = int(SILENCE_S * speed * SECOND)

    def plan(self, purses: Purses) -> dict[Owner, AccountPacer]:
        """Takes over accounts and budgets; what is known of traffic stays. Returns the accounts that are new here."""
        owners = {id(purse): owner for owner, purse in purses.above.items()}
        lines: dict[Owner, dict[float, list[int]]] = {}
        accounts: dict[Owner, list[Line]] = {}
        self._of = {}
        self._computed = {
            line.id: line.strategy for line in purses.lines.values() if line.live and line.strategy.computed
        }
        self.aims.plan(purses.lines)
        self.shapes.clear()
        found: dict[int, tuple[float, list[Owner]]] = {}
        for line in purses.lines.values():
            if not (line.live and line.paced):
                continue
            ahead = AHEAD if line.pacing == "ahead" else 1.0
            mine: list[Owner] = []
            for purse in line.purses:
                owner = owners.get(id(purse), ("line_item", line.id))
                if purse.money.limited or purse.impressions.limited:
                    lines.setdefault(owner, {}).setdefault(ahead, []).append(line.id)
                    accounts.setdefault(owner, []).append(line)
                    mine.append(owner)
            if mine:
                found[line.id] = ahead, mine
        pacers, fresh = {}, {}
        for owner in lines:
            purse = purses.above[owner] if owner in purses.above else accounts[owner][0].purse
            pacer = self._known.get(owner)
            if pacer is None:
                pacer = fresh[owner] = self._known[owner] = AccountPacer(owner, purse)
            before = {id_ for ids in pacer.lines.values() for id_ in ids}
            pacer.purse, pacer.lines = purse, lines[owner]
            pacer.first_push = -log(MOST_PACE) if all(line.strategy.computed for line in accounts[owner]) else 0.0
            pacer.open_in([line.hours for line in accounts[owner]])
            for line in accounts[owner]:
                if line.id not in before:
                    pacer.heard[line.id] = self.auctions.get(line.id, 0)
            pacers[owner] = pacer
        self.pacers = pacers
        for id_, (ahead, mine) in found.items():
            self._of[id_] = ahead, [pacers[owner] for owner in mine]
            self.shapes[id_] = pacers[mine[0]].shape
        for id_ in [id_ for id_ in self._orders if id_ not in self._of]:
            self._order(id_, 0.0)
        for id_ in [id_ for id_ in self._computed if id_ not in self._orders]:
            self._order(id_, -log(MOST_PACE) if id_ in self._of else 0.0)
        return fresh

    def welcome(self, worker: int, now_ns: int) -> None:
        """A worker that begins to count now."""
        self._heard[worker], self._heard_ns[worker] = {}, now_ns

    def hear(self, worker: int, supplied: Iterable[Supplied], now_ns: int) -> None:
        """Takes a worker's figures. Those of one that counted before this process began are a beginning only."""
        self._heard_ns[worker] = now_ns
        heard = self._heard.get(worker)
        for line_item, auctions in ((one.line_item, one.auctions) for one in supplied):
            if heard is None:
                heard = self._heard[worker] = _Beginning()
            before = heard.get(line_item, auctions if isinstance(heard, _Beginning) else 0)
            heard[line_item] = auctions
            self.auctions[line_item] = self.auctions.get(line_item, 0) + max(0, auctions - before)

    def forget(self, now_ns: int) -> None:
        """Drops figures of workers that are gone."""
        for worker in [worker for worker, at_ns in self._heard_ns.items() if now_ns - at_ns > self._silence_ns]:
            self._heard.pop(worker, None)
            del self._heard_ns[worker]

    def look(self, now_ns: int) -> list[AccountPacer]:
        """Looks at the accounts whose turn it is; returns those of which something is to be saved."""
        unsaved = []
        for pacer in self.pacers.values():
            if pacer.due_ns is None:  # not all at once
                pacer.due_ns = now_ns + self.look_ns * (pacer.owner[1] % TURNS) // TURNS
            if now_ns < pacer.due_ns:
                continue
            pacer.due_ns = max(pacer.due_ns + self.look_ns, now_ns)
            pacer.hear(self.auctions, now_ns)
            pacer.look(now_ns)
            for lines in pacer.lines.values():
                for line in lines:
                    ahead, pacers = self._of[line]
                    self._order(line, min((one.pushes.get(ahead, 0.0) for one in pacers), default=0.0))
            if pacer.learned or now_ns - pacer.saved_ns >= self.save_ns:
                unsaved.append(pacer)
        return unsaved

    def aim(self, now_ns: int, results: Results) -> list[int]:
        """Looks at the goals whose turn it is; returns the line items of whose goals something is to be saved."""
        budgets = {id_: log(self._allowed(id_)) for id_ in self.aims.due(now_ns)}
        looked, unsaved = self.aims.look(now_ns, results, budgets)
        for id_ in looked:
            self._order(id_, self._pushes.get(id_, 0.0))
        return unsaved

    def _allowed(self, line: int) -> float:
        """The multiplier that budgets allow a line item whose bids are worked out."""
        return max(MOST_PACE * exp(self._pushes.get(line, 0.0)), COMPUTED_FLOOR)

    def orders(self, since: int) -> tuple[PaceOrder, ...]:
        """Those with numbers above ``since``."""
        found = []
        for number, order in reversed(self._orders.values()):
            if number <= since:
                break
            found.append(order)
        return tuple(found)

    def _order(self, line: int, push: float) -> None:
        self._pushes[line] = push
        pushed = exp(push)
        if line in self._computed:
            multiplier = min(self._allowed(line), self.aims.multiplier(line, self._computed[line]))
            pace = Pace(multiplier, min(1.0, MOST_PACE * pushed / COMPUTED_FLOOR))
        else:
            pace = Pace(max(pushed, Pacer.floor), min(1.0, pushed / Pacer.floor))
        _, last = self._orders.get(line, (0, PaceOrder(line, 1.0, 1.0)))
        if max(abs(pace.multiplier / last.multiplier - 1), abs(pace.share / last.share - 1)) < NOTABLE:
            return
        self.newest += 1
        self._orders.pop(line, None)
        self._orders[line] = self.newest, PaceOrder(line, pace.multiplier, pace.share)


class _Beginning(dict[int, int]):
    """Figures of a worker that had been counting for a while when they were first heard."""
