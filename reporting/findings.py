"""What data quality finds: the checks there are, a finding, and the report of a run."""

from collections import Counter
from datetime import UTC, datetime

from msgspec import Struct

from domain.clock import SECOND

CHECKS = {
    "log_unreadable": "an event log that cannot be read",
    "log_gaps": "segments of an event log that are not there",
    "freshness": "events that are not in the store after a while",
    "store_rows": "rows, or sums, of the store that differ from the event logs",
    "ledger_store": "settlements in the store that differ from the ledger",
    "ledger_log": "bids that the ledger billed, and billing events in the logs",
    "rollups": "sums of a rollup that differ from the facts",
    "duplicates": "events that count twice",
    "impressions_without_win": "impressions of bids that were not won",
    "spend_above_maximum": "bids that cost more than they may",
    "wins_without_bid": "wins of bids that are not in the store",
    "clicks_without_impression": "clicks on ads of which no impression is known",
    "completes_without_start": "ads that ended and never began",
    "names_missing": "ids without a name",
}
"""Every check, and what a finding of it is."""
LOSSY = ("wins_without_bid", "clicks_without_impression", "completes_without_start", "names_missing", "freshness")
"""Of these lost notices, or names that come late, can be the reason."""


class Finding(Struct, frozen=True):
    check: str
    """One of `CHECKS`."""
    what: str
    hour: str
    """``2026-11-26T09:00Z``; empty where it is of no hour."""
    account: int
    """Id of the advertiser; 0: of none, or of all."""
    expected: int
    found: int
    since: str
    """When it was found first, business time."""

    @property
    def identity(self) -> tuple[str, str, str, int]:
        return self.check, self.what, self.hour, self.account


class Report(Struct, frozen=True):
    at: str
    first: str
    last: str
    """First and last hour that were checked; empty: none."""
    hours: int
    pending: dict[str, str]
    """Hours that could not be checked yet, with the reason."""
    findings: tuple[Finding, ...]
    omitted: int
    """Findings beyond the most that are told."""
    newest: dict[str, str]
    """By table, the time of its newest row."""


def counts(report: Report | None) -> dict[str, int]:
    """How many findings there are of each check: a metric."""
    found = Counter(finding.check for finding in report.findings) if report else Counter[str]()
    return {check: found[check] for check in CHECKS}


def severity(check: str) -> str:
    """``warning``: notices that got lost can explain it; ``error``: nothing may."""
    return "warning" if check in LOSSY else "error"


def hour_text(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour * 3_600, UTC):%Y-%m-%dT%H:00Z}"


def text_of(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"
