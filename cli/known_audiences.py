"""Which audiences there are, for commands that are told their keys."""

from typing import TYPE_CHECKING

from cli.ask import published

if TYPE_CHECKING:
    from domain.campaign import Audience, Snapshot


def known() -> "Snapshot":
    """What is published."""
    from cli.ask import NoAnswer
    from domain.errors import Unavailable

    try:
        return published()
    except NoAnswer as error:
        raise Unavailable(f"which audiences there are is not known: {error}") from None


def advertiser_of(snapshot: "Snapshot", key: str) -> int:
    from domain.errors import Problem, Refused

    for owner in snapshot.advertisers:
        if owner.key == key:
            return owner.id
    known = ", ".join(sorted(owner.key for owner in snapshot.advertisers)) or "none"
    raise Refused([Problem("--advertiser", key, f"there are {known}")])


def audience_of(snapshot: "Snapshot", key: str, advertiser: str | None = None) -> "Audience":
    from domain.errors import Problem, Refused

    owner = advertiser_of(snapshot, advertiser) if advertiser is not None else None
    own = {one.key: one for one in snapshot.audiences if owner in (None, one.advertiser)}
    if key in own:
        return own[key]
    known = ", ".join(sorted(own)[:50]) or "none"
    raise Refused([Problem("audience", key, f"the audiences{f' of {advertiser}' if advertiser else ''} are {known}")])


def seconds_now() -> int:
    from domain.clock import from_env

    return from_env().now_ns() // 10**9
