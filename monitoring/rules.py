"""What is to be told to people: rules over metrics, typed, so that one list is the watcher's and Prometheus' alike."""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from monitoring.page import number

Severity = Literal["warning", "critical"]
Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$", max_length=60)]
Positive = Annotated[float, Meta(gt=0, le=86_400)]


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """When something is wrong. Series of ``metric`` are read, combined by labels, perhaps divided, and compared."""

    name: Name
    """Unique; a rule of the name of a built-in one takes its place."""
    metric: str = ""
    where: dict[str, str] = field(default_factory=dict)
    """Labels that the series must have."""
    read: Literal["value", "increase", "rate"] = "value"
    """The last value, or of a counter its increase in ``window_s``, or that a second."""
    window_s: Positive = 300.0
    combine: Literal["sum", "max", "min"] = "sum"
    by: tuple[str, ...] = ()
    """Labels whose values are kept apart; each is an alert of its own."""
    per: str = ""
    """Another metric that the value is divided by, read and combined in the same way."""
    above: float | None = None
    below: float | None = None
    """One of the two: from where on it is wrong."""
    only_if: str = ""
    """Another metric, read in the same way and summed up: it is wrong only while that is more than …"""
    only_if_above: float = 0.0
    """… this."""
    for_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    """How long it has to be wrong before anybody is told."""
    severity: Severity = "warning"
    summary: str = ""
    """What is wrong, for whoever is woken by it."""
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.enabled and not self.metric:
            raise ValueError(f"rule {self.name!r} has no metric")
        if self.enabled and (self.above is None) == (self.below is None):
            raise ValueError(f"rule {self.name!r} must have one of above and below")

    def promql(self) -> str:
        """The rule's condition in Prometheus' query language; ``for_s`` is its ``for``."""
        value = self._term(self.metric, self.combine, self.by)
        if self.per:
            value = f"{value} / {self._term(self.per, self.combine, self.by)}"
        bound = f"> {number(self.above)}" if self.above is not None else f"< {number(self.below or 0.0)}"
        condition = f"{value} {bound}"
        if self.only_if:
            condition += f" and on() ({self._term(self.only_if, 'sum', (), bare=True)} > {number(self.only_if_above)})"
        return condition

    def _term(self, metric: str, combine: str, by: tuple[str, ...], *, bare: bool = False) -> str:
        labels = ",".join(f'{name}="{_quoted(value)}"' for name, value in self.where.items() if not bare)
        series = f"{metric}{{{labels}}}" if labels else metric
        if self.read != "value":
            series = f"{self.read}({series}[{number(self.window_s)}s])"
        return f"{combine} by ({', '.join(by)}) ({series})" if by else f"{combine}({series})"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_GIB = float(1 << 30)

BUILT_IN = (
    Rule(
        "process_down", "outbid_watcher_up", by=("target",), combine="min", below=1, for_s=30, severity="critical",
        summary="A process does not answer.",
    ),
    Rule(
        "clock_skew", "outbid_watcher_clock_skew_seconds", by=("target",), combine="max", above=5, for_s=30,
        severity="critical", summary="A host's clock is more than 5 seconds off the watcher's.",
    ),
    Rule(
        "disk_nearly_full", "outbid_process_disk_free_bytes", by=("instance",), combine="min",
        per="outbid_process_disk_size_bytes", below=0.05, for_s=60, severity="critical",
        summary="Less than 5 % is free where the data directory is: bids stop being logged, then money is refused.",
    ),
    Rule(
        "money_refused", "outbid_tracker_refused_total", {"reason": "log_full"}, "increase", above=0,
        severity="critical", summary="Money events are answered 503 because they cannot be written.",
    ),
    Rule(
        "ledger_not_settled", "outbid_control_unsettled_seconds", combine="max", above=60, for_s=60,
        severity="critical", summary="Money events wait to be booked.",
    ),
    Rule(
        "budget_overspent", "outbid_control_overspent_ratio", combine="max", above=0.001, severity="critical",
        summary="A budget is overspent by more than the bound of 0.1 %, or was lowered below what was spent.",
    ),
    Rule(
        "no_bids", "outbid_bidder_bids_total", read="increase", window_s=600, below=1,
        only_if="outbid_bidder_requests_total", only_if_above=1000, severity="critical",
        summary="Exchanges ask, and nothing has been bid for 10 minutes.",
    ),
    Rule(
        "control_silent", "outbid_bidder_control_silent_seconds", by=("instance", "worker"), combine="max", above=30,
        severity="critical", summary="A bidder does not reach control, and bids on until its leases end.",
    ),
    Rule(
        "control_trouble", "outbid_control_duty_trouble", by=("duty",), combine="max", above=0, for_s=60,
        severity="critical", summary="A duty of control does not get on; its /ready says why.",
    ),
    Rule(
        "bidder_failures", "outbid_bidder_failures_total", read="rate", per="outbid_bidder_requests_total",
        above=0.001, for_s=60, severity="critical", summary="More than 1 in 1,000 bid requests fails by a bug.",
    ),
    Rule(
        "late_answers", "outbid_bidder_late_answers_total", read="rate", by=("exchange",),
        per="outbid_bidder_requests_total", above=0.05, for_s=300,
        summary="More than 5 % of an exchange's requests are answered too late.",
    ),
    Rule(
        "requests_shed", "outbid_bidder_shed_total", read="rate", per="outbid_bidder_requests_total", above=0.01,
        for_s=60, summary="More than 1 % of bid requests are left unread because workers run late.",
    ),
    Rule(
        "bids_not_logged", "outbid_bidder_log_shed_records_total", read="increase", above=0,
        summary="Bid events are left out of the log: reports will lack them.",
    ),
    Rule(
        "store_not_fed", "outbid_reporter_fed", combine="min", below=1, for_s=300, severity="critical",
        summary="The analytics store is not fed; reports stand still.",
    ),
    Rule(
        "store_lag", "outbid_reporter_lag", by=("source",), combine="max", above=_GIB / 4, for_s=600,
        summary="The analytics store is far behind a log.",
    ),
    Rule(
        "records_refused", "outbid_reporter_refused_records_total", read="increase", above=0,
        summary="Records of a log could not be shipped and were put aside.",
    ),
    Rule(
        "quality_findings", "outbid_reporter_quality_findings", by=("check", "severity"), above=0,
        summary="Logs, ledger and analytics store disagree; `outbid quality` says where.",
    ),
    Rule(
        "model_drift", "outbid_reporter_model_drift_findings", {"severity": "critical"}, by=("target",), combine="max",
        above=0, for_s=3600, summary="What is bought is of another population than the live model was trained on.",
    ),
    Rule(
        "risk_unrecorded", "outbid_risk_unrecorded_total", read="increase", above=0, severity="critical",
        summary="Decisions of the risk service are refused because they cannot be recorded.",
    ),
    Rule(
        "risk_flow_refused", "outbid_risk_flows_refused", combine="max", above=0, for_s=60,
        summary="A decision flow's file cannot be used; what it said before is in use.",
    ),
    Rule(
        "critical_errors", "outbid_process_log_records_total", {"level": "critical"}, "increase", by=("process",),
        above=0, summary="A process has logged a critical error.",
    ),
    Rule(
        "notifications_waiting", "outbid_watcher_notifications_waiting", by=("channel",), above=0, for_s=900,
        summary="Alerts cannot be delivered over a channel.",
    ),
)  # fmt: skip
"""What is watched unless a setting says otherwise."""


def rules(own: Iterable[Rule] = ()) -> tuple[Rule, ...]:
    """The built-in rules and one's own, which take the place of those of the same name. Disabled ones are left out."""
    merged = {rule.name: rule for rule in BUILT_IN}
    merged.update((rule.name, rule) for rule in own)
    return tuple(rule for rule in merged.values() if rule.enabled)
