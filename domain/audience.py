"""Audiences that are made of others."""

from msgspec import Struct


class AudienceSet(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who is in all of ``all_of``, in one of ``any_of`` if there are any, and in none of ``none_of``: ids of audiences,
    and sets of them. At least one of the first two has something in it, so a set never has strangers in it.
    """

    all_of: tuple["int | AudienceSet", ...] = ()
    any_of: tuple["int | AudienceSet", ...] = ()
    none_of: tuple["int | AudienceSet", ...] = ()
