"""The dashboard "bidder latency": how fast bid requests are answered, and whether the processes keep up."""

from collections.abc import Iterable

from reporting.grafana.panels import Board, chart, figures

_EVERY = "$__rate_interval"


def rate(metric: str, by: str = "") -> str:
    """How much a counter grows a second."""
    return f"{_summed(by)} (rate({metric}[{_EVERY}]))"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """The time within which that share was done."""
    labels = ", ".join(filter(None, ("le", by)))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket[{_EVERY}])))"


def mean(histogram: str, by: str = "") -> str:
    return f"{rate(histogram + '_sum', by)} / {rate(histogram + '_count', by)}"


def share(part: str, whole: str, by: str = "") -> str:
    return f"{rate(part, by)} / {rate(whole, by)}"


def _summed(by: str) -> str:
    return f"sum by ({by})" if by else "sum"


def _quantiles(histogram: str, shares: Iterable[float] = (0.5, 0.9, 0.99)) -> list[tuple[str, str]]:
    return [(quantile(share, histogram), f"p{share * 100:g}") for share in shares]


_ANSWER, _STAGE = "outbid_bidder_answer_seconds", "outbid_bidder_stage_seconds"
_ASKED = "outbid_bidder_requests_total"
_MODULE = "outbid_bidder_module_seconds"

BOARD = Board(
    uid="outbid-latency",
    title="Outbid: bidder latency",
    description="How fast bid requests are answered, and whether the processes keep up: from Prometheus.",
    since="now-3h",
    refresh="30s",
    rows=(
        (
            4,
            (
                figures("Answer time now", _quantiles(_ANSWER), unit="s"),
                figures(
                    "Requests a second",
                    [(rate(_ASKED), "requests"), (rate("outbid_bidder_bids_total"), "bids")],
                    unit="reqps",
                ),
                figures(
                    "Not as they should be",
                    [
                        (share("outbid_bidder_late_answers_total", _ASKED), "late"),
                        (share("outbid_bidder_shed_total", _ASKED), "left unread"),
                        (share("outbid_bidder_failures_total", _ASKED), "failed"),
                    ],
                    unit="percentunit",
                    description="Shares of the requests.",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Answer time",
                    _quantiles(_ANSWER, (0.5, 0.9, 0.99, 0.999)),
                    "s",
                    "From the last byte of a request to its answer; the network is not in it.",
                ),
                chart("Answer time by exchange (p99)", [(quantile(0.99, _ANSWER, "exchange"), "{{exchange}}")], "s"),
            ),
        ),
        (
            8,
            (
                chart(
                    "Where the time goes",
                    [(mean(_STAGE, "stage"), "{{stage}}")],
                    "s",
                    "Mean time of each stage of the bid path, of the requests that were timed.",
                    stacked=True,
                ),
                chart("Slow stages (p99)", [(quantile(0.99, _STAGE, "stage"), "{{stage}}")], "s"),
            ),
        ),
        (
            8,
            (
                chart("Requests by exchange", [(rate(_ASKED, "exchange"), "{{exchange}}")], "reqps", stacked=True),
                chart(
                    "No bids by reason",
                    [(rate("outbid_bidder_no_bids_total", "reason"), "{{reason}}")],
                    "reqps",
                    stacked=True,
                ),
                chart(
                    "Late answers by exchange",
                    [(share("outbid_bidder_late_answers_total", _ASKED, "exchange"), "{{exchange}}")],
                    "percentunit",
                    "Longer than tmax leaves: the exchange has stopped waiting.",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Unusable requests",
                    [
                        (rate("outbid_bidder_malformed_total"), "cannot be read"),
                        (rate("outbid_bidder_refused_total"), "refused"),
                        (rate("outbid_bidder_shed_total"), "left unread"),
                        (rate("outbid_bidder_failures_total"), "failed"),
                    ],
                    "reqps",
                ),
                chart("Connections", [("sum(outbid_bidder_connections)", "open")]),
                chart(
                    "Age of what bidders go by",
                    [
                        ("max(outbid_bidder_snapshot_age_seconds)", "snapshot"),
                        ("max(outbid_bidder_control_silent_seconds)", "since control answered"),
                    ],
                    "s",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Processor time a second",
                    [(rate("outbid_process_cpu_seconds_total", "process"), "{{process}}")],
                    "none",
                    "1: one core is busy.",
                ),
                chart(
                    "Event loop late by at most",
                    [("max by (process) (outbid_process_loop_lag_seconds)", "{{process}}")],
                    "s",
                ),
                chart(
                    "Resident memory",
                    [("sum by (process) (outbid_process_resident_memory_bytes)", "{{process}}")],
                    "bytes",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Questions to scoring services",
                    [(rate("outbid_bidder_module_questions_total", "module, ended"), "{{module}} {{ended}}")],
                    "reqps",
                    "How they ended; what is late, unanswered, wrong or skipped is not known when the bid is made.",
                    stacked=True,
                ),
                chart("Their answers (p99)", [(quantile(0.99, _MODULE, "module"), "{{module}}")], "s"),
            ),
        ),
        (
            8,
            (
                chart(
                    "Other processes' answers (p99)",
                    [
                        (quantile(0.99, "outbid_tracker_request_seconds"), "tracker"),
                        (quantile(0.99, "outbid_control_request_seconds"), "control"),
                        (quantile(0.99, "outbid_reporter_request_seconds"), "reporter"),
                    ],
                    "s",
                ),
                chart("Not in the store yet", [("max by (source) (outbid_reporter_lag)", "{{source}}")],
                      description="Bytes of a log, and bookings of the ledger."),
                chart(
                    "Logs: waiting for the disk",
                    [
                        ("sum(outbid_bidder_log_pending_bytes)", "bids"),
                        ("sum(outbid_tracker_log_pending_bytes)", "money"),
                    ],
                    "bytes",
                ),
            ),
        ),
    ),
)  # fmt: skip
