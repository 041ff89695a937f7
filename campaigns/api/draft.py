"""Changes worked out on a copy of the catalogue, by the same rules as a campaign file's, before any is written."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from api.problem import Failure
from campaigns.api import views
from campaigns.api.bodies import clean
from campaigns.api.kinds import KINDS, Kind
from campaigns.api.shelf import State
from campaigns.catalogue import Catalogue
from campaigns.history import NO_MARK, Action, Mark, Marks
from campaigns.reading import Reading
from campaigns.referring import deals_by_code, refers, users
from campaigns.writing import Writing
from campaigns.written import Form
from domain.campaign import LineItem
from domain.errors import Problem, Refused

MOST_USERS = 5
NOWHERE = Path("/nonexistent")
"""The API's entries name no files beside them."""


class Draft:
    """What becomes of a state. ``tenant``: the advertiser (its id) whose key it is; 0: the house's."""

    def __init__(
        self, state: State, tenant: int, new_id: Callable[[str], int], today: str, now_ns: int, *, money: bool = False
    ) -> None:
        self.state, self.tenant, self.now_ns, self.money = state, tenant, now_ns, money
        self._new_id, self._today = new_id, today
        self.whole, self.live = state.whole.copy(), state.live.copy()
        self._marks: dict[tuple[str, int], Mark] = {}
        self.actions: dict[tuple[str, str], Action] = {}
        """What was done to what, by kind and key."""
        self._views: dict[int, Catalogue] = {}
        self._wholes: dict[int, Catalogue] = {}
        """Parts of ``live`` and of ``whole``, by advertisers."""
        self._campaign_owners = views.owners(self.whole)

    def owner(self, kind: str, thing: Any) -> int:
        return views.owner_of(self.whole, kind, thing, self._campaign_owners)

    def thing(self, kind: str, key: str) -> Any:
        """A thing that is there and may be seen. Raises Failure (404)."""
        thing = getattr(self.live, kind).get(key)
        if thing is None or (self.tenant and self.owner(kind, thing) != self.tenant):
            raise Failure(404, f"there is no {KINDS[kind].one} {key!r}")
        return thing

    def deleted(self, kind: str, key: str) -> Any:
        """A thing that is deleted and may be seen. Raises Failure (404, 409)."""
        thing = getattr(self.whole, kind).get(key)
        if thing is None or (self.tenant and self.owner(kind, thing) != self.tenant):
            raise Failure(404, f"there is no {KINDS[kind].one} {key!r}")
        if key in getattr(self.live, kind):
            raise Failure(409, f"the {KINDS[kind].one} {key!r} is not deleted")
        return thing

    def mark(self, kind: str, id_: int) -> Mark:
        return self._marks.get((kind, id_)) or self.state.marks.get((kind, id_), NO_MARK)

    def form(self, kind: str, thing: Any, key: str) -> Form:
        """A thing as the caller sees it now."""
        owner = self.owner(kind, thing)
        if owner not in self._wholes:
            self._wholes[owner] = self._view(owner, self.whole) if owner else views.of_house(self.whole, campaigns=True)
        return Writing(self._wholes[owner]).resource(kind, key)

    def create(self, kind: Kind, entry: Form) -> str:
        """Takes a new thing; returns its key. Raises Refused, Failure (409)."""
        key = entry.get("key")
        if isinstance(key, str) and key in getattr(self.whole, kind.name):
            gone = key not in getattr(self.live, kind.name)
            raise Failure(
                409,
                f"there is a {kind.one} {key!r} already"
                + (", deleted: restore it, or use another key" if gone else ""),
            )
        self._put(kind, entry, None)
        return str(key)

    def replace(self, kind: Kind, key: str, entry: Form) -> None:
        """Changes a thing to what an entry says. Raises Refused, Failure (404)."""
        before = self.thing(kind.name, key)
        if entry.get("key", key) != key:
            raise Refused([Problem("key", entry["key"], f"it cannot change; it is {key!r}")])
        self._put(kind, entry | {"key": key}, before)

    def _put(self, kind: Kind, entry: Form, before: Any) -> None:
        entry = clean(entry)
        view = self._view_for(kind, entry, before)
        content, prefix = self._content(kind, entry, view)
        reading = Reading(view, NOWHERE, self._new_id, self._today)
        try:
            reading.read(content)
        except Refused as refused:
            raise Refused([_here(problem, prefix) for problem in refused.problems]) from None
        except RecursionError:
            raise Refused([Problem("", "…", "it is nested too deeply")]) from None
        finally:
            reading.close()
        key = entry["key"]
        thing = getattr(reading.new, kind.name)[key]
        self._check_fields(kind, thing, before)
        if self.tenant:
            self._check_own(kind, thing, before)
        if kind.name == "deals":
            self._check_code(key, thing)
        was = getattr(self.whole, kind.name).get(key)
        if isinstance(thing, LineItem) and self.tenant:
            thing = views.with_rivals(thing, was)
        if was is None or thing != was:
            self._set(kind.name, key, thing, "changed" if was is not None else "created")

    def delete(self, kind: Kind, key: str) -> None:
        """Pauses a thing and hides it; of a campaign its line items, too. Raises Failure (403, 404, 409)."""
        thing = self.thing(kind.name, key)
        self._check_may_end(kind)
        going = {(kind.name, thing.id): key}
        if kind.name == "campaigns":
            going |= {
                ("line_items", one.id): other for other, one in self.live.line_items.items() if one.campaign == thing.id
            }
        need = [
            (user, other)
            for user, other in users(self._view_of(kind.name, thing), going)
            if (user, getattr(self.live, user)[other].id) not in going
        ]
        if need:
            told = ", ".join(f"{KINDS[user].one} {other!r}" for user, other in need[:MOST_USERS])
            more = f" and {len(need) - MOST_USERS} more" if len(need) > MOST_USERS else ""
            raise Failure(409, f"the {kind.one} {key!r} cannot be deleted: {told}{more} refer to it")
        for (of, _), other in going.items():
            one = getattr(self.live, of)[other]
            self._set(of, other, replace(one, status="paused") if KINDS[of].has_status else one, "deleted")
            del getattr(self.live, of)[other]
            for view in self._views.values():
                getattr(view, of).pop(other, None)

    def restore(self, kind: Kind, key: str) -> None:
        """Brings back what was deleted, paused; of a campaign the line items that were deleted with it, too. Raises
        Failure (404, 409)."""
        thing = self.deleted(kind.name, key)
        self._check_may_end(kind)
        at = self.mark(kind.name, thing.id).deleted_ns
        coming = [(kind.name, key, thing)]
        if kind.name == "campaigns":
            coming += [
                ("line_items", other, one) for other, one in self.whole.line_items.items()
                if one.campaign == thing.id and self.mark("line_items", one.id).deleted_ns == at
            ]  # fmt: skip
        ids = {(of, one.id) for of, _, one in coming}
        deals = deals_by_code(self.whole)
        for of, other, one in coming:
            for at_ in refers(one, deals):
                if at_ not in ids and self.mark(*at_).deleted_ns:
                    missing = next(k for k, t in getattr(self.whole, at_[0]).items() if t.id == at_[1])
                    told = f"{KINDS[of].one} {other!r} refers to the {KINDS[at_[0]].one} {missing!r}"
                    raise Failure(409, f"{told}, which is deleted: restore that first")
        self._views.clear()
        for of, other, one in coming:
            self._set(of, other, one, "restored")

    def _set(self, kind: str, key: str, thing: Any, action: Action) -> None:
        getattr(self.whole, kind)[key] = getattr(self.live, kind)[key] = thing
        if kind == "campaigns":
            self._campaign_owners[thing.id] = thing.advertiser
        owner = self.owner(kind, thing)
        if kind in ("exchanges", "agencies", "fees", "advertisers", "block_lists"):
            self._views.clear()
            self._wholes.clear()
        for parts in (self._views, self._wholes):
            if owner in parts:
                seen = views.without_rivals(thing) if self.tenant and isinstance(thing, LineItem) else thing
                getattr(parts[owner], kind)[key] = seen
        mark = self.mark(kind, thing.id)
        gone = self.now_ns if action == "deleted" else 0
        self._marks[kind, thing.id] = mark._replace(deleted_ns=gone)
        earlier = self.actions.get((kind, key))
        self.actions[kind, key] = "created" if earlier == "created" and action == "changed" else action

    def outcome(self, version: int, marks: Marks) -> State:
        """The state once all is written as ``version``, with these new marks."""
        self.whole.version = self.live.version = version
        return State(self.whole, {**self.state.marks, **marks}, self.live)

    def marks(self) -> Marks:
        """What marks will be if all is written."""
        found: Marks = {}
        for kind, key in self.actions:
            at = kind, getattr(self.whole, kind)[key].id
            new = at not in self.state.marks and key not in getattr(self.state.whole, kind)
            mark = self.mark(*at)
            found[at] = Mark(
                1 if new else mark.version + 1, self.now_ns if new else mark.created_ns, self.now_ns, mark.deleted_ns
            )
        return found

    def changes(self) -> Iterator[tuple[str, str, Any, Any]]:
        """Kind, key, thing before (None: it is new) and after of all that was done."""
        for kind, key in self.actions:
            yield kind, key, getattr(self.state.whole, kind).get(key), getattr(self.whole, kind)[key]

    def _view_of(self, kind: str, thing: Any) -> Catalogue:
        """All that may refer to a thing: of an advertiser's own things what it has itself, but for other advertisers'
        line items, which are kept apart from an advertiser that cannot be deleted by its own key."""
        owner = self.owner(kind, thing)
        return self._view(owner, self.live) if owner and kind != "advertisers" else self.live

    def _view(self, owner: int, known: Catalogue) -> Catalogue:
        return views.of_advertiser(known, owner, alone=bool(self.tenant))

    def _view_for(self, kind: Kind, entry: Form, before: Any) -> Catalogue:
        """What an entry is checked against."""
        if kind.name == "block_lists" and not self.tenant:
            return views.of_house(self.live, campaigns=True)
        owner = self.tenant or (self.owner(kind.name, before) if before is not None else self._named(kind, entry))
        if not owner:
            return views.of_house(self.live)
        if owner not in self._views:
            self._views[owner] = self._view(owner, self.live)
        return self._views[owner]

    def _named(self, kind: Kind, entry: Form) -> int:
        """The advertiser that a new entry is of."""
        advertiser, campaign = entry.get("advertiser"), entry.get("campaign")
        if kind.name == "line_items" and isinstance(campaign, str) and campaign in self.live.campaigns:
            return self.live.campaigns[campaign].advertiser
        if kind.name in views.BY_ADVERTISER and isinstance(advertiser, str) and advertiser in self.live.advertisers:
            return self.live.advertisers[advertiser].id
        return 0

    def _content(self, kind: Kind, entry: Form, view: Catalogue) -> tuple[Form, str]:
        """The file that an entry would be, and the path of the entry in it."""
        if kind.name != "line_items":
            return {kind.name: [entry]}, f"{kind.name}[0]"
        campaign, rest = entry.get("campaign"), {name: value for name, value in entry.items() if name != "campaign"}
        if not isinstance(campaign, str) or campaign not in view.campaigns:
            raise Refused([Problem("campaign", campaign, "it must be the key of a campaign")])
        above = Writing(view).entry("campaigns", campaign) | {"line_items": [rest]}
        return {"campaigns": [above]}, "campaigns[0].line_items[0]"

    def _check_fields(self, kind: Kind, thing: Any, before: Any) -> None:
        """Some fields are the house's, and some take the scope ``money``. Raises Failure (403)."""
        barred = dict.fromkeys(kind.house, "it is the house's to say, not this key's") if self.tenant else {}
        if not self.money:
            barred |= dict.fromkeys(kind.money, "changing it takes a key with the scope 'money'")
        defaults = {field.name: field.default for field in msgspec.structs.fields(type(thing))}
        problems = [
            Problem({"share_ppm": "share"}.get(name, name), getattr(thing, name), why)
            for name, why in barred.items()
            if getattr(thing, name) != (getattr(before, name) if before is not None else defaults[name])
        ]
        if problems and not (before is None and kind.name == "advertisers" and self.tenant):
            raise Failure(403, "this key may not change what it says", problems)

    def _check_own(self, kind: Kind, thing: Any, before: Any) -> None:
        """What an advertiser's key writes is its own, and says nothing that is the house's to say."""
        if views.owner_of(self.whole, kind.name, thing, self._campaign_owners) != self.tenant:
            raise Failure(403, f"this key is bound to an advertiser, and may not write a {kind.one} of the house")
        if before is None and kind.name == "advertisers":
            raise Failure(403, "this key is bound to an advertiser, and may not make another")

    def _check_may_end(self, kind: Kind) -> None:
        if self.tenant and kind.name == "advertisers":
            raise Failure(403, "this key is bound to the advertiser, which only the house may delete and restore")

    def _check_code(self, key: str, deal: Any) -> None:
        for other, held in self.whole.deals.items():
            if other != key and (held.exchange, held.code) == (deal.exchange, deal.code):
                allowed = "it must be the exchange's code of one deal only, and another deal has it"
                raise Refused([Problem("code", deal.code, allowed)])


def _here(problem: Problem, prefix: str) -> Problem:
    path = problem.path
    if path == prefix:
        return Problem("", problem.value, problem.allowed)
    if path.startswith(f"{prefix}."):
        return Problem(path[len(prefix) + 1 :], problem.value, problem.allowed)
    if path.startswith("campaigns[0]."):
        return Problem(f"campaign.{path.removeprefix('campaigns[0].')}", problem.value, problem.allowed)
    return problem


def plain(form: Mapping[str, Any]) -> dict[str, Any]:
    """A form as JSON has it: decimals as text."""
    found: dict[str, Any] = msgspec.to_builtins(form)
    return found
