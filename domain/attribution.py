"""Which earlier click or view a conversion is credited to: the rules that marketers set, and what comes out."""

from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct

from domain.clock import SECOND

DAY_S = 86_400
LONGEST_S = 90 * DAY_S
"""The longest window: money events are kept for longer, and a look back costs as much as it is long."""


class Credit(IntEnum):
    """What a conversion is credited to."""

    NONE = 0
    CLICK = 1
    """Click-through: the last click within its campaign's window."""
    VIEW = 2
    """View-through: without such a click, the last view within its campaign's window."""


class Attribution(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an advertiser or a campaign says of it. None: as the advertiser says, or else as `DEFAULT` does."""

    click_window_s: int | None = None
    """How long after a click a conversion is credited to it."""
    view_window_s: int | None = None
    """The same of a view; 0: there is no view-through."""
    viewable_only: bool | None = None
    """Is only an ad that was in view a view? Then it is one at the time of its event VIEWABLE."""


class Rules(Struct, frozen=True):
    """`Attribution` of one campaign with nothing left open; windows in nanoseconds."""

    click_ns: int
    view_ns: int
    viewable_only: bool


DEFAULT = Rules(30 * DAY_S * SECOND, DAY_S * SECOND, False)


def resolved(said: Iterable[Attribution]) -> Rules:
    """The rules of a campaign; what is ``said`` first goes before what is said later, and all before `DEFAULT`."""
    clicks, views, viewable = DEFAULT.click_ns, DEFAULT.view_ns, DEFAULT.viewable_only
    for each in reversed(list(said)):
        clicks = clicks if each.click_window_s is None else each.click_window_s * SECOND
        views = views if each.view_window_s is None else each.view_window_s * SECOND
        viewable = viewable if each.viewable_only is None else each.viewable_only
    return Rules(clicks, views, viewable)
