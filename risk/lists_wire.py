"""What is asked of the lists and answered, as JSON has it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from risk.list_files import Change, ListName

MOST_ITEMS = 10_000
WrittenId = Annotated[str, Meta(max_length=1100)]
Text = Annotated[str, Meta(max_length=200)]
Source = Annotated[str, Meta(max_length=100)]
Time = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)] | Annotated[str, Meta(max_length=40)]
"""Seconds since 1970 (0: never), or as `risk.list_terms.EXPIRY` says."""
Scope = Literal["institution", "global"]
Institution = Annotated[str, Meta(max_length=100)]


class ItemToAdd(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry; what it does not say is as the call says it."""

    id: WrittenId
    reason: Text | None = None
    source: Source | None = None
    expires: Time | None = None


class AddRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Entries for a list."""

    list: ListName
    reason: Text
    items: Annotated[tuple[ItemToAdd, ...], Meta(min_length=1, max_length=MOST_ITEMS)]
    scope: Scope = "institution"
    """Whose list: the key's own institution's, or everybody's, which only the operator's keys may change."""
    institution: Institution = ""
    """Of the operator's keys, whose list it is."""
    source: Source = ""
    expires: Time = 0


class RemoveRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Entries that leave a list."""

    list: ListName
    ids: Annotated[tuple[WrittenId, ...], Meta(min_length=1, max_length=MOST_ITEMS)]
    scope: Scope = "institution"
    institution: Institution = ""


class ItemDone(Struct, frozen=True, omit_defaults=True):
    """What one item came to."""

    status: Literal["added", "changed", "unchanged", "removed", "absent", "refused"]
    allowed: str = ""
    """Of a refused one: what would have been right."""


class EditAnswer(Struct, frozen=True):
    """Items in the order of the call. Good ones are in force, and on disk, whatever the others are."""

    items: tuple[ItemDone, ...]
    version: int
    """Number of the last change of the lists."""


class LookRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Ids, each looked up by itself."""

    ids: Annotated[tuple[WrittenId, ...], Meta(min_length=1, max_length=MOST_ITEMS)]
    institution: Institution = ""
    """Of the operator's keys, whose lists count beside everybody's."""


class EntryTold(Struct, frozen=True, omit_defaults=True):
    """An entry that holds of an id."""

    list: ListName
    scope: Scope
    reason: str
    source: str
    expires: int
    """Seconds since 1970; 0: never."""
    change: int
    """By which change of the trail."""
    range: str = ""
    """Of an address: the most specific range that is listed."""


class LookTold(Struct, frozen=True, omit_defaults=True):
    """What the lists say of one id."""

    standing: ListName | None
    """The list that counts; null: it is on none."""
    lists: tuple[EntryTold, ...] = ()
    allowed: str = ""
    """Of an id that cannot be read: what would have been right. Then it was not looked up."""


class LookAnswer(Struct, frozen=True):
    """In the order of the ids."""

    items: tuple[LookTold, ...]


class ListTold(Struct, frozen=True):
    """One list, and how long it is. Expired entries count until they are cleared away."""

    list: ListName
    institution: str
    """Empty: everybody's."""
    keys: int
    ranges: int


class ListsTold(Struct, frozen=True):
    """The lists that the key may change."""

    lists: tuple[ListTold, ...]
    version: int
    edits: int
    """Changes of single entries since the last import; the lengths do not count them yet."""


class TrailQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the trail."""

    after: Annotated[int, Meta(ge=0)] = 0
    """Only changes behind this number."""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100


class TrailTold(Struct, frozen=True):
    """Changes, the oldest first."""

    changes: tuple[Change, ...]
    next: int | None
    """``after`` of the next call; null: there are no more."""
