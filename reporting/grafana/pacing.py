"""The dashboard "pacing": how fast money goes out, and what holds it back."""

from openrtb.nobid import NoBidReason
from reporting.grafana.latency import rate
from reporting.grafana.panels import CURRENCIES, Board, chart, column, figures, ids, table
from reporting.grafana.sql import ACCOUNT, CURRENCY, STEP, WITHIN, Delivery, chosen, labelled

_CHOSEN = ("advertiser", "campaign", "line_item")
_MINUTES = Delivery("delivery_minute", chosen=_CHOSEN)
_HOURS = Delivery("delivery_hour", chosen=_CHOSEN)
_PLACE = " AND ".join([*map(chosen, _CHOSEN), ACCOUNT])
_HELD = (NoBidReason.BUDGET, NoBidReason.PACING, NoBidReason.FREQUENCY, NoBidReason.CONTROL_AWAY)


def _so_far(series: str, days_before: int) -> str:
    """Spend since midnight, hour by hour, of a day that many before the range's last one, drawn over that one."""
    hours = (
        f"SELECT toDateTime(toUInt32(time) + {days_before * 86_400}, 'UTC') AS k_time,"
        f" sumIf(spend, currency = {CURRENCY}) AS s_spend FROM delivery_hour"
        f" WHERE day = toDate($__toTime, 'UTC') - {days_before} AND {_PLACE} GROUP BY k_time ORDER BY k_time"
    )
    return (
        f"SELECT t AS time, '{series}' AS series, n / 1e9 AS spend FROM"
        f" (SELECT groupArray(k_time) AS times, arrayCumSum(groupArray(s_spend)) AS sums FROM ({hours}))"
        " ARRAY JOIN times AS t, sums AS n"
    )


_DAYS = " UNION ALL ".join([_so_far("today", 0), _so_far("the day before", 1), _so_far("a week before", 7)])
_STOPPED = labelled(
    f"SELECT line_item AS k_line_item, max(time) AS m_time, sum(spend) AS s_spend FROM delivery_hour"
    f" WHERE {WITHIN} AND currency = {CURRENCY} AND spend != 0 AND {_PLACE} GROUP BY k_line_item"
    " HAVING toUInt32(m_time) + 7200 <= toUInt32($__toTime)",
    "k_line_item",
    "line_item",
    "l_name",
)
_REASONS = ", ".join(str(int(reason)) for reason in _HELD)
_WORDS = ", ".join(f"'{reason.name.lower().replace('_', ' ')}'" for reason in _HELD)
_HELD_BACK = 'outbid_bidder_no_bids_total{reason=~"' + "|".join(reason.name.lower() for reason in _HELD) + '"}'

BOARD = Board(
    uid="outbid-pacing",
    title="Outbid: pacing",
    description="How fast money goes out, and what holds it back.",
    variables=(CURRENCIES, *map(ids, _CHOSEN)),
    since="now-24h",
    rows=(
        (4, (figures("In this range", _HOURS.totals("spend", "fees", "billed", "ecpm"),
                     ("spend", "fees", "billed", "ecpm")),)),
        (
            9,
            (
                chart(
                    "Spend since midnight",
                    f"SELECT time, series, spend FROM ({_DAYS}) ORDER BY time, series",
                    "none",
                    "Of the last day of the range, in UTC; the others are drawn over it. A plan that follows the "
                    "supply has the shape of the days before.",
                    named=True,
                ),
                chart("Spend an hour by line item", _HOURS.split("spend", "line_item"), "none", named=True),
            ),
        ),
        (
            8,
            (
                chart(
                    "Spend a minute by line item",
                    _MINUTES.split("spend", "line_item"),
                    "none",
                    "Minutes are kept for a day. Spend counts when it is booked, not when it was bid.",
                    named=True,
                ),
                chart(
                    "No bids for want of money, pace or people",
                    "SELECT k_time AS time, series, sum(n) AS no_bids FROM"
                    f" (SELECT {STEP} AS k_time, transform(reason, [{_REASONS}], [{_WORDS}], '') AS series, weight AS n"
                    f" FROM no_bids WHERE {WITHIN} AND reason IN ({_REASONS})) GROUP BY time, series"
                    " ORDER BY time, series",
                    description="Sampled, and weighted: of all line items, whatever is chosen above.",
                    named=True,
                    interval="1m",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Leases",
                    [
                        ("sum(outbid_bidder_leases)", "held by bidders"),
                        ("sum(outbid_bidder_leases_used_up)", "all of it reserved"),
                        ("sum by (state) (outbid_control_leases)", "in the ledger, {{state}}"),
                    ],
                ),
                chart(
                    "Overspent",
                    [("max(outbid_control_overspent_ratio)", "the worst budget")],
                    "percentunit",
                    "The bound is 0.1 % of a budget.",
                ),
                chart(
                    "No bids, as bidders count them",
                    [
                        (rate(_HELD_BACK, "reason"), "{{reason}}"),
                    ],
                    "reqps",
                ),
            ),
        ),
        (
            8,
            (
                table(
                    "Line items that stopped",
                    "SELECT l_name AS line_item, m_time AS last, s_spend / 1e9 AS spend"
                    f" FROM ({_STOPPED}) ORDER BY last DESC, line_item LIMIT 50",
                    ("spend",),
                    "They spent in this range, and nothing in the last full hour of it.",
                    more=(column("last", "last hour with spend", "dateTimeAsIso"),),
                ),
            ),
        ),
    ),
)  # fmt: skip
