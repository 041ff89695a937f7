"""Resources as answers have them, and the preconditions that calls have of them."""

from hashlib import sha256
from typing import Any

import msgspec
from aiohttp import web

from api.problem import Failure
from campaigns.api.draft import Draft, plain
from campaigns.api.kinds import SECRETS, Kind, moment
from campaigns.api.shelf import Part, State
from campaigns.history import Mark
from campaigns.written import Form

IF_MATCH = "If-Match"
ANY = "*"


def hidden(kind: Kind, form: Form, tenant: str) -> dict[str, Any]:
    """A form as a caller may see it: no secrets of exchanges, and of rivals nothing for an advertiser's own key."""
    shown = plain(form)
    if kind.name == "exchanges":
        for name in SECRETS:
            shown.pop(name, None)
    if tenant:
        shown.pop("competitors", None)
    if kind.has_status:
        shown.setdefault("status", "active")
    return shown


def resource(kind: Kind, part: Part, key: str, tenant: str) -> dict[str, Any]:
    """A thing that is in a part, as an answer has it."""
    thing = part.things(kind.name)[key]
    return described(kind, part.writing.resource(kind.name, key), thing, part.mark(kind.name, thing), tenant)


def described(kind: Kind, form: Form, thing: Any, mark: Mark, tenant: str) -> dict[str, Any]:
    shown = hidden(kind, form, tenant)
    if kind.name == "audiences":
        shown["size"] = thing.size
    head = {
        "id": str(thing.id),
        "version": mark.version,
        "etag": etag_of(plain(form), mark),
        "created": moment(mark.created_ns),
        "updated": moment(mark.updated_ns),
        "deleted": bool(mark.deleted_ns),
    }
    return {"key": shown.pop("key")} | shown | head


def etag_of(form: dict[str, Any], mark: Mark) -> str:
    """A strong tag (RFC 9110): another one whenever the thing is otherwise."""
    shown = {name: value for name, value in form.items() if name not in SECRETS}  # no hash that could be guessed from
    told = msgspec.json.encode([shown, mark.version, mark.deleted_ns])
    return f'"{mark.version}-{sha256(told).hexdigest()[:16]}"'


def of_state(kind: Kind, state: State, key: str, tenant: str) -> dict[str, Any]:
    """A thing of a state, without looking at more of it than is needed."""
    thing = getattr(state.whole, kind.name)[key]
    return resource(kind, state.near(kind.name, thing, tenant), key, tenant)


def matched(request: web.Request, *, needed: bool) -> str:
    """The header ``If-Match``; empty: there is none. Raises Failure (428)."""
    told = request.headers.get(IF_MATCH, "").strip()
    if not told and needed:
        raise Failure(428, f"say which version is meant: {IF_MATCH} with the etag that was read, or * for any")
    return told


def check_match(told: str, kind: Kind, draft: Draft, thing: Any, key: str) -> None:
    """Raises Failure (412) if a thing is not as the caller has read it."""
    if not told or told == ANY:
        return
    now = etag_of(plain(draft.form(kind.name, thing, key)), draft.mark(kind.name, thing.id))
    if now not in [part.strip() for part in told.split(",")]:
        raise Failure(412, f"the {kind.one} {key!r} has changed: its etag is {now}")
