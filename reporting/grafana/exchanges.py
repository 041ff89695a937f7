"""The dashboard "exchange health": what exchanges buy of our bids, why they do not, and what they tell us of it."""

from domain.events import Mark
from openrtb.loss_reasons import TEXTS
from openrtb.nobid import NoBidReason
from reporting.counting import COUNTED
from reporting.grafana.latency import rate, share
from reporting.grafana.panels import Board, chart, column, figures, grain, ids, table
from reporting.grafana.sql import STEP, Delivery, facts, labelled

_CHOSEN = ("exchange",)
_OF = Delivery(chosen=_CHOSEN, account=False)
_TOTALS = ("bids", "wins", "win_rate", "losses", "impressions", "billed", "billed_share", "shown_share")
_EXCHANGE = ("bids", "wins", "win_rate", "loss_rate", "impressions", "shown_share", "billed_share",
             "bid_cpm", "clearing_cpm", "exchange_spend")  # fmt: skip


def _marked(mark: Mark) -> str:
    return f"countIf(bitAnd(marks, {int(mark)}) != 0)"


_NOTICES = " UNION ALL ".join(
    f"SELECT exchange, marks, received_ns, bid_ns FROM {name} WHERE {facts(by=_CHOSEN)}"
    for name in ("wins", "billings", "impressions")
)
_SHARES = {
    "repeated": Mark.DUPLICATE,
    "late": Mark.LATE,
    "capped": Mark.CAPPED,
    "unpriced": Mark.NO_PRICE,
    "contradicting": Mark.CONTRADICTION,
}
_TOLD = labelled(
    "SELECT exchange AS k_exchange, count() AS n_all, "
    + ", ".join(f"{_marked(mark)} AS n_{name}" for name, mark in _SHARES.items())
    + f" FROM ({_NOTICES}) GROUP BY k_exchange",
    "k_exchange",
    "exchange",
    "l_name",
)
_DELAYS = labelled(
    f"SELECT {STEP} AS k_time, exchange AS k_exchange, quantile(0.5)((received_ns - bid_ns) / 1e9) AS p50"
    f" FROM impressions WHERE {facts(COUNTED, by=_CHOSEN)} GROUP BY k_time, k_exchange",
    "k_exchange",
    "exchange",
    "series",
)
_LOST = (
    f"SELECT {STEP} AS k_time, loss_reason AS k_reason, count() AS n FROM losses"
    f" WHERE {facts(COUNTED, by=_CHOSEN)} GROUP BY k_time, k_reason"
)
_DECLINED = (
    f"SELECT {STEP} AS k_time, reason AS k_reason, sum(weight) AS n FROM no_bids"
    f" WHERE {facts(by=_CHOSEN)} GROUP BY k_time, k_reason"
)


def _in_words(sql: str, texts: dict[int, str], value: str) -> str:
    """A line for each reason that there is, by its text."""
    codes = ", ".join(f"toInt64({code})" for code in texts)
    words = ", ".join("'" + text.replace("'", "\\'") + "'" for text in texts.values())
    return (
        f"SELECT k_time AS time, transform(k_reason, [{codes}], [{words}], concat('code ', toString(k_reason)))"
        f" AS series, sum(n) AS {value} FROM ({sql}) GROUP BY time, series ORDER BY time, series"
    )


_REASONS = {int(reason): reason.name.lower().replace("_", " ") for reason in NoBidReason}

BOARD = Board(
    uid="outbid-exchanges",
    title="Outbid: exchange health",
    description="What exchanges buy of our bids, why they do not, and what they tell us of it. Prices are in each "
    "exchange's currency. The lower half is made from raw notices, as far back as these are kept.",
    variables=(grain(), ids("exchange")),
    since="now-24h",
    rows=(
        (4, (figures("In this range", _OF.totals(*_TOTALS), _TOTALS),)),
        (
            8,
            (
                chart("Bids by exchange", _OF.split("bids", "exchange"), named=True),
                chart("Win rate by exchange", _OF.split("win_rate", "exchange"), "percentunit", named=True),
                chart(
                    "Impressions / wins by exchange",
                    _OF.split("shown_share", "exchange"),
                    "percentunit",
                    "Well below 1: ads are bought and not shown, or their pixels are kept from loading.",
                    named=True,
                ),
            ),
        ),
        (9, (table("Exchanges", _OF.ranked("exchange", *_EXCHANGE), _EXCHANGE),)),
        (
            9,
            (
                chart(
                    "Lost bids by reason",
                    _in_words(_LOST, TEXTS, "losses"),
                    description="Of exchanges that call the loss notice. Codes from 500 on are the exchange's own.",
                    named=True,
                    stacked=True,
                    interval="1m",
                ),
                chart(
                    "No bids by reason",
                    _in_words(_DECLINED, _REASONS, "no_bids"),
                    description="Sampled, and weighted.",
                    named=True,
                    stacked=True,
                    interval="1m",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Answers that come too late",
                    [
                        (
                            share("outbid_bidder_late_answers_total", "outbid_bidder_requests_total", "exchange"),
                            "{{exchange}}",
                        )
                    ],
                    "percentunit",
                ),
                chart(
                    "Requests answered with a bid",
                    [(share("outbid_bidder_bids_total", "outbid_bidder_requests_total", "exchange"), "{{exchange}}")],
                    "percentunit",
                ),
                chart(
                    "Notices refused",
                    [(rate("outbid_tracker_refused_total", "reason"), "{{reason}}")],
                    "reqps",
                    "Of all exchanges: forged, cut short, or sent while the log takes nothing.",
                ),
            ),
        ),
        (
            8,
            (
                table(
                    "What is wrong with notices",
                    "SELECT l_name AS exchange, n_all AS notices, "
                    + ", ".join(f"n_{name} / n_all AS {name}" for name in _SHARES)
                    + f" FROM ({_TOLD}) ORDER BY notices DESC, exchange",
                    description="Shares of win, billing and impression notices: repeated, after the bid's expiry, "
                    "above the sealed maximum, without a price, or telling another price than the one before.",
                    more=(
                        column("notices", "notices", "locale"),
                        *(column(name, name, "percentunit", 2) for name in _SHARES),
                    ),
                ),
                chart(
                    "From bid to impression",
                    f"SELECT k_time AS time, series, p50 AS seconds FROM ({_DELAYS}) ORDER BY time, series",
                    "s",
                    "The median. Money stays reserved for as long.",
                    named=True,
                    interval="1m",
                ),
            ),
        ),
    ),
)
