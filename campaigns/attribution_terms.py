"""What advertisers and campaigns say of attribution in a campaign file: the field ``attribution``."""

from typing import Any

from campaigns import values
from domain.attribution import LONGEST_S, Attribution
from domain.entry import Entry, Wrong

FIELDS = ("click_window", "view_window", "viewable_only")


def read(e: Entry) -> Attribution:
    """Of an entry; windows are written as ``7d`` or ``12h``, and a ``view_window`` of 0 is none."""
    part = e.part("attribution", FIELDS, needed=False)
    if part is None:
        return Attribution()
    said = Attribution(
        part.take("click_window", values.window(LONGEST_S), None),
        part.take("view_window", _or_none, None),
        part.take("viewable_only", values.boolean, None),
    )
    e.sound &= part.sound
    return said


def _or_none(value: Any) -> int:
    if value == 0 and not isinstance(value, bool):
        return 0
    try:
        return values.window(LONGEST_S)(value)
    except Wrong as wrong:
        raise Wrong(f"{wrong.allowed}; or 0, for no view-through") from None
