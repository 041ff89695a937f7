"""The dashboard "delivery": what was bought, for whom, and what came of it."""

from reporting.counting import COUNTED
from reporting.grafana.context import COUNTRY, DEVICE, PLACE, SYSTEM, shown_by
from reporting.grafana.panels import CURRENCIES, Board, chart, figures, grain, ids, table
from reporting.grafana.sql import ACCOUNT, CURRENCY, Delivery, facts, labelled

_OF = Delivery()
_SITES = labelled(
    "SELECT k_site, sum(n_shown) AS s_impressions, sum(n_clicked) AS s_clicks FROM ("
    " SELECT site AS k_site, count() AS n_shown, toUInt64(0) AS n_clicked FROM impressions"
    f" WHERE {facts(COUNTED, ACCOUNT)} GROUP BY k_site"
    " UNION ALL SELECT site AS k_site, toUInt64(0) AS n_shown, count() AS n_clicked FROM clicks"
    f" WHERE {facts(COUNTED, ACCOUNT)} GROUP BY k_site) GROUP BY k_site",
    "k_site",
    "site",
    "l_name",
)
_SHOWN = ("impressions", "clicks", "ctr")
_TOTALS = ("bids", "wins", "win_rate", "impressions", "clicks", "ctr", "conversions", "spend")
_CAMPAIGN = ("spend", "bids", "win_rate", "impressions", "clicks", "ctr", "ecpm", "ecpc",
             "click_conversions", "view_conversions", "cpa")  # fmt: skip
_CREATIVE = ("impressions", "clicks", "ctr", "viewability", "completion_rate")

BOARD = Board(
    uid="outbid-delivery",
    title="Outbid: delivery",
    description="What was bought, for whom, and what came of it, as the reports count it. Days and hours are UTC.",
    variables=(grain(), CURRENCIES, ids("advertiser"), ids("campaign"), ids("line_item"), ids("exchange")),
    rows=(
        (4, (figures("In this range", _OF.totals(*_TOTALS), _TOTALS),)),
        (
            8,
            (
                chart("Bids, wins and impressions", _OF.over_time("bids", "wins", "impressions")),
                chart("Spend by campaign", _OF.split("spend", "campaign"), "none", stacked=True, named=True),
            ),
        ),
        (
            8,
            (
                chart("Win rate by exchange", _OF.split("win_rate", "exchange"), "percentunit", named=True),
                chart("Clicks and conversions", _OF.over_time("clicks", "conversions")),
                chart("CTR by campaign", _OF.split("ctr", "campaign"), "percentunit", named=True),
            ),
        ),
        (
            8,
            (
                chart("Impressions by line item", _OF.split("impressions", "line_item"), stacked=True, named=True),
                chart(
                    "In view, and played to the end",
                    _OF.over_time("viewability", "completion_rate"),
                    "percentunit",
                    "Shares of the impressions of which it was told, and of the ads that began to play.",
                ),
            ),
        ),
        (9, (table("Campaigns", _OF.ranked("campaign", *_CAMPAIGN), _CAMPAIGN),)),
        (
            9,
            (
                table("Line items", _OF.ranked("line_item", *_CAMPAIGN[:8]), _CAMPAIGN[:8]),
                table("Creatives", _OF.ranked("creative", *_CREATIVE), _CREATIVE),
            ),
        ),
        (
            9,
            tuple(
                table(
                    title,
                    shown_by(name, value, ACCOUNT, by=_OF.chosen),
                    _SHOWN,
                    "From raw notices: as far back as these are kept.",
                )
                for title, name, value in (
                    ("Countries", "country", COUNTRY),
                    ("Devices", "device", DEVICE),
                    ("Systems", "os", SYSTEM),
                    ("Sites, apps and screens", "place", PLACE),
                )
            ),
        ),
        (
            9,
            (
                table(
                    "Sites",
                    "SELECT l_name AS site, s_impressions AS impressions, s_clicks AS clicks,"
                    f" s_clicks / nullIf(s_impressions, 0) AS ctr FROM ({_SITES})"
                    " ORDER BY impressions DESC, site LIMIT 50",
                    _SHOWN,
                    "From raw notices: as far back as these are kept.",
                ),
                table(
                    "Conversions by event",
                    "SELECT event, count() AS conversions, sum(bid != 0) AS clicked, uniqExact(order) AS orders"
                    f" FROM conversions WHERE {facts(COUNTED, ACCOUNT)} GROUP BY event"
                    " ORDER BY conversions DESC, event",
                    ("conversions",),
                    "As they were told, in the advertisers' words; clicked: told with a click's id.",
                ),
                table(
                    "Credited conversions by event",
                    "SELECT event, sumIf(sign, kind = 1) AS click_conversions,"
                    f" sumIf(sign, kind = 2) AS view_conversions,"
                    f" sumIf(attributions.value * sign, currency = {CURRENCY}) / 1e9 AS value FROM attributions"
                    f" WHERE {facts('kind IN (1, 2)', ACCOUNT)} GROUP BY event ORDER BY click_conversions DESC, event",
                    ("click_conversions", "view_conversions", "value"),
                    "As the attribution job credits them, on the day of the conversion; what was taken back is gone.",
                ),
            ),
        ),
    ),
)
