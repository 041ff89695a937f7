"""Types of resources, for the OpenAPI document: what `campaigns.reading` takes and answers have."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from campaigns.api.kinds import OUTPUT, SECRETS, Kind

Decimal = Annotated[str, Meta(description="an exact decimal; in bodies numbers are taken, too, and read exactly")]
Amount = Decimal | float
Key = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
Keys = tuple[Key, ...]
Status = Literal["active", "paused"]
Moment = Annotated[str, Meta(description="RFC 3339, UTC")]

_BUDGETS = (
    "hourly_budget",
    "daily_budget",
    "total_budget",
    "credit_limit",
    "bid_cpm",
    "bid_cap_cpm",
    "cpm",
    "data_cpm",
)
_COUNTS = ("hourly_impressions", "daily_impressions", "total_impressions")
_TEXTS = (
    "name",
    "currency",
    "time_zone",
    "domain",
    "landing_url",
    "code",
    "special_category",
    "conversion",
    "start",
    "end",
)
_LISTS = ("creatives", "deals", "suppress", "fees", "competitors")
_REFERENCES = ("agency", "advertiser", "campaign", "exchange")


class FieldChange(Struct, frozen=True):
    """One difference between two versions; null is what is not there."""

    field: str
    before: Any
    after: Any


class Diff(Struct, frozen=True):
    """What makes a version another than one before."""

    version: int
    against: int
    changes: tuple[FieldChange, ...]


class VersionOut(Struct, frozen=True):
    """One version of a resource, and who made it."""

    version: int
    at: Moment | None
    by: str
    action: str
    resource: dict[str, Any]


class VersionList(Struct, frozen=True):
    """Newest first."""

    items: tuple[VersionOut, ...]
    next_page_token: str


class Revert(Struct, frozen=True, forbid_unknown_fields=True):
    """The version whose fields the resource gets again."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Edit(Struct, frozen=True, forbid_unknown_fields=True):
    """One edit of a batch. ``etag``: of updates, which need it (``*``: any), and of others, which may have it."""

    method: Literal["create", "update", "delete", "restore"]
    key: str = ""
    etag: str = ""
    body: dict[str, Any] = {}


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """Edits, done in their order. ``atomic``: all or none."""

    items: Annotated[tuple[Edit, ...], Meta(min_length=1, max_length=1000)]
    atomic: bool = True


def _type_of(name: str) -> Any:
    if name in _BUDGETS:
        return Amount
    if name in _COUNTS:
        return int
    if name in _TEXTS:
        return str
    if name in _LISTS:
        return Keys
    if name in _REFERENCES or name == "key":
        return Key
    return Status if name == "status" else Any


def body_type(kind: Kind, *, patch: bool) -> type[Struct]:
    """What is written: of a patch every field may be left out, and null takes it away."""
    fields: list[Any] = []
    for name in kind.fields:
        of = _type_of(name)
        if name == "key" and not patch:
            fields.insert(0, (name, of))
        else:
            fields.append((name, of | None | UnsetType if of is not Any else Any, UNSET))
    return msgspec.defstruct(
        f"{kind.type_name}{'Patch' if patch else 'Body'}", fields, frozen=True,
        namespace={"__doc__": f"Fields of a {kind.one}, as docs/campaigns.md has them."},
    )  # fmt: skip


def resource_type(kind: Kind) -> type[Struct]:
    """What is answered."""
    heads: list[Any] = [
        ("key", Key), ("id", str), ("version", int), ("etag", str), ("created", Moment | None),
        ("updated", Moment | None), ("deleted", bool),
    ]  # fmt: skip
    if kind.has_status:
        heads.append(("status", Status))
    if kind.name == "audiences":
        heads.append(("size", int))
    taken = {head[0] for head in heads}
    rest = [
        (name, _type_of(name) | UnsetType if _type_of(name) is not Any else Any, UNSET)
        for name in kind.fields
        if name not in taken and name not in OUTPUT and not (kind.name == "exchanges" and name in SECRETS)
    ]
    return msgspec.defstruct(kind.type_name, [*heads, *rest], frozen=True, kw_only=True)


def list_type(kind: Kind, resource: type[Struct]) -> type[Struct]:
    return msgspec.defstruct(
        f"{kind.type_name}List",
        [("items", tuple[resource, ...]), ("next_page_token", str), ("total", int)],  # type: ignore[valid-type]
        frozen=True,
    )
