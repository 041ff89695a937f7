"""The dashboard "finance": what accounts pay, and what exchanges are owed."""

from reporting.grafana.panels import CURRENCIES, Board, chart, column, figures, ids, table
from reporting.grafana.sql import CURRENCY, STEP, Delivery, facts

_CHOSEN = ("advertiser", "campaign")
_OF = Delivery("delivery_day", chosen=_CHOSEN)
_EXCHANGES = Delivery("delivery_day", chosen=(), account=False)
_TOTALS = ("spend", "fees", "billed", "ecpm", "ecpc")
_ADVERTISER = ("spend", "fees", "billed", "impressions", "billed_share", "ecpm")
_CAMPAIGN = ("spend", "fees", "ecpm", "ecpc", "cpa", "value", "roas")
_EXCHANGE = ("exchange_spend", "billed", "impressions", "billed_share", "clearing_cpm")
_BOOKED = facts(f"account_currency = {CURRENCY}", by=_CHOSEN)

BOARD = Board(
    uid="outbid-finance",
    title="Outbid: finance",
    description="What accounts pay and what exchanges are owed: the ledger's bookings, by UTC day of receiving. Charts "
    "round; statements and `outbid report` are exact.",
    variables=(CURRENCIES, *map(ids, _CHOSEN)),
    since="now-30d/d",
    refresh="5m",
    rows=(
        (4, (figures("In this range", _OF.totals(*_TOTALS), _TOTALS),)),
        (
            8,
            (
                chart("Spend and fees a day", _OF.over_time("spend", "fees"), "none", stacked=True),
                chart("Spend a day by advertiser", _OF.split("spend", "advertiser"), "none", stacked=True, named=True),
            ),
        ),
        (
            9,
            (
                table("Advertisers", _OF.ranked("advertiser", *_ADVERTISER), _ADVERTISER),
                table(
                    "Exchanges",
                    _EXCHANGES.ranked("exchange", *_EXCHANGE),
                    _EXCHANGE,
                    "All accounts', in the exchange's currency. Billed / impressions: what the exchange bills for each "
                    "impression that was seen to load.",
                ),
            ),
        ),
        (
            9,
            (
                table("Campaigns", _OF.ranked("campaign", *_CAMPAIGN), _CAMPAIGN),
                chart(
                    "Estimates and corrections a day",
                    "SELECT k_time AS time, estimated, corrections FROM"
                    f" (SELECT {STEP} AS k_time, sumIf(account_price, estimated = 1) / 1e9 AS estimated,"
                    " sumIf(account_price, number > 0) / 1e9 AS corrections"
                    f" FROM settlements WHERE {_BOOKED} GROUP BY k_time) ORDER BY time",
                    "none",
                    "Booked at an estimate, for want of a price, until it is reconciled; and what corrections changed.",
                    interval="1d",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Money events not booked yet",
                    [("max(outbid_control_money_log_behind_bytes)", "bytes of their logs")],
                    "bytes",
                ),
                chart("Waiting to be booked", [("max(outbid_control_unsettled_seconds)", "since")], "s"),
                chart(
                    "Findings of data quality",
                    [("sum by (check, severity) (outbid_reporter_quality_findings)", "{{check}}, {{severity}}")],
                    description="Where logs, ledger and analytics store disagree: `outbid quality` says where.",
                ),
            ),
        ),
        (
            8,
            (
                table(
                    "Last bookings by exchange's currency",
                    "SELECT currency, count() AS bookings, sum(price) / 1e9 AS cost, max(time) AS last"
                    f" FROM settlements WHERE {facts(by=_CHOSEN)} GROUP BY currency ORDER BY currency",
                    more=(
                        column("cost", "cost", "none"),
                        column("last", "last booking", "dateTimeAsIso"),
                        column("bookings", "bookings", "locale"),
                    ),
                ),
            ),
        ),
    ),
)
