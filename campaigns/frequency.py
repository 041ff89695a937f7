"""Frequency caps in a campaign file: so many ads in a window, or a gap between two of them."""

from typing import Any

from campaigns import values
from domain.entry import Entry
from domain.frequency import UNITS, FrequencyCap
from targeting.record import MAX_IMPRESSIONS, MAX_SECONDS

FIELDS = ("impressions", "per", "min_gap", "by")
MOST = 20
"""Of one advertiser, campaign …: every one is looked at for each ad that could be shown."""


def read_caps(e: Entry) -> tuple[FrequencyCap, ...]:
    """The field ``frequency_caps`` of an entry. ``min_gap: 30m`` is one impression per 30 minutes."""
    caps: list[FrequencyCap] = []
    windows: set[tuple[str, int]] = set()
    for cap in e.entries("frequency_caps", FIELDS):
        by: Any = cap.take("by", values.choice(*UNITS), "person")
        if "min_gap" in cap.values:
            for name in ("impressions", "per"):
                if name in cap.values:
                    cap.wrong(name, cap.values[name], "it must not be given beside min_gap, which is a cap of its own")
            found = FrequencyCap(1, cap.take("min_gap", values.window(MAX_SECONDS)), by)
        else:
            impressions = cap.take("impressions", values.integer(1, MAX_IMPRESSIONS))
            found = FrequencyCap(impressions, cap.take("per", values.window(MAX_SECONDS)), by)
        if cap.sound and (by, found.seconds) in windows:
            name = "min_gap" if "min_gap" in cap.values else "per"
            cap.wrong(name, cap.values[name], f"it must be another window than those of the other caps by {by}")
        windows.add((by, found.seconds))
        caps.append(found)
    if len(caps) > MOST:
        e.wrong("frequency_caps", f"{len(caps)} caps", f"it must have at most {MOST} entries")
    return tuple(caps)
