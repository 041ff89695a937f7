"""Frequency caps: how often somebody may see the ads of an advertiser, a campaign, a line item, a creative, or of those
that target an audience.
"""

from typing import Literal

from msgspec import Struct

Unit = Literal["person", "device", "household"]
UNITS: tuple[Unit, ...] = ("person", "device", "household")
"""Whose impressions are counted. The order is the one of bits in the bidder."""


class FrequencyCap(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """At most ``impressions`` in any rolling window of ``seconds``, for one person, device or household. A gap between
    two ads is a cap of one.
    """

    impressions: int
    seconds: int
    by: Unit = "person"

    @property
    def text(self) -> str:
        """For people: ``at most 3 in 12h by person``."""
        return f"at most {self.impressions} in {window(self.seconds)} by {self.by}"


def window(seconds: int) -> str:
    """``90m``, ``12h``, ``7d``: as campaign files write it."""
    for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"
