"""The dashboard "model quality": what prices and clicks tell, before there are predictions to hold against them.

Bands are powers of the square root of two. Wins are matched to bids by the bid's id; to keep that quick, one bid in
``sample`` is looked at, by its id, and its wins with it.
"""

from domain.events import Mark
from reporting.counting import COUNTED
from reporting.grafana.context import DEVICE, shown_by
from reporting.grafana.model import Choice, CustomVariable, QueryVariable
from reporting.grafana.panels import REPORTS, Board, bars, chart, figures, grain, ids, table
from reporting.grafana.sql import WITHIN, Delivery, chosen

_EXCHANGE = QueryVariable(
    name="market",
    label="exchange",
    datasource=REPORTS,
    query="SELECT k, label FROM (SELECT id AS k, argMax(name, version) AS label FROM names"
    " WHERE dimension = 'exchange' GROUP BY id) ORDER BY label",
    refresh=1,
)
"""Exactly one: its prices are in one currency."""
_SAMPLE = CustomVariable(
    name="sample",
    label="one bid in",
    query="1,4,16,64,256",
    options=tuple(Choice(text=n, value=n, selected=n == "16") for n in ("1", "4", "16", "64", "256")),
    current=Choice(text="16", value="16", selected=True),
)
_CHOSEN = ("advertiser", "campaign", "line_item")
_HERE = "exchange = ${market:csv}"
_OF = Delivery(chosen=_CHOSEN, account=False, within=f"{WITHIN} AND {_HERE}")
_PICKED = " AND ".join([WITHIN, _HERE, "bid % ${sample:csv} = 0", *map(chosen, _CHOSEN)])
_FIRST = f"{COUNTED} AND bitAnd(marks, {int(Mark.FIRST)}) != 0"
_WON = " UNION ALL ".join(
    f"SELECT bid FROM {name} WHERE day >= toDate($__fromTime, 'UTC') AND {_HERE} AND bid % ${{sample:csv}} = 0"
    f" AND {_FIRST}"
    for name in ("wins", "billings", "impressions")
)


def _band(ratio: str, steps: int = 2) -> str:
    """The lower edge of the band that a ratio is in; ``steps`` bands for each doubling."""
    return f"round(exp2(floor({steps} * log2({ratio})) / {steps}), 3)"


def _won_by(ratio: str, condition: str, x: str, label: str) -> str:
    bids = f"test = 0 AND {condition} AND {_PICKED}"
    decided = f"SELECT price, floor, bid GLOBAL IN ({_WON}) AS won FROM bids WHERE {bids}"
    banded = f"SELECT {_band(ratio)} AS k_band, count() AS n_bids, sum(won) AS n_won FROM ({decided}) GROUP BY k_band"
    return f"SELECT {label} AS {x}, n_won / n_bids AS win_rate FROM ({banded}) ORDER BY k_band"


_MISSED = (
    f"SELECT {_band('min_to_win / max_price', 4)} AS k_band, count() AS n FROM losses"
    f" WHERE {COUNTED} AND min_to_win > 0 AND max_price > 0 AND {_PICKED} GROUP BY k_band"
)
_FORMATS = (
    "SELECT j_format AS format, sum(s_impressions) AS impressions, sum(s_clicks) / nullIf(impressions, 0) AS ctr FROM"
    " (SELECT creative AS k_creative, toUInt64(creative) AS j_id, sum(impressions) AS s_impressions,"
    f" sum(clicks) AS s_clicks FROM delivery_${{grain:raw}} WHERE {_OF.where()} GROUP BY k_creative) AS facts"
    " ANY LEFT JOIN (SELECT toUInt64(id) AS j_id, toString(max(format)) AS j_format FROM names"
    " WHERE dimension = 'creative' GROUP BY j_id) AS named USING (j_id)"
    " GROUP BY format ORDER BY impressions DESC, format"
)
_HOURS = (
    "SELECT l_hour AS hour, s_clicks / nullIf(s_impressions, 0) AS ctr FROM"
    " (SELECT toHour(time, 'UTC') AS k_hour, concat(if(k_hour < 10, '0', ''), toString(k_hour)) AS l_hour,"
    " sum(impressions) AS s_impressions, sum(clicks) AS s_clicks"
    f" FROM delivery_hour WHERE {_OF.where()} GROUP BY k_hour) ORDER BY hour"
)
_CAMPAIGN = ("impressions", "clicks", "ctr", "click_conversions", "view_conversions", "cvr")
_TOTALS = ("bids", "win_rate", "bid_cpm", "won_cpm", "clearing_cpm", "surplus", "ctr", "cvr")

BOARD = Board(
    uid="outbid-models",
    title="Outbid: model quality",
    description="What win rates, prices, clicks and conversions depend on: where a bid is too high or too low, and "
    "where people click. Prices are in the currency of the exchange chosen.",
    variables=(grain(), _EXCHANGE, _SAMPLE, *map(ids, _CHOSEN)),
    since="now-24h",
    refresh="5m",
    rows=(
        (4, (figures("In this range", _OF.totals(*_TOTALS), _TOTALS),)),
        (
            9,
            (
                bars(
                    "Win rate by bid price",
                    _won_by("price / 1e6", "price > 0", "cpm", "concat('from ', toString(k_band))"),
                    "cpm",
                    "percentunit",
                    "CPM. Where it has flattened, a higher bid buys nothing more.",
                ),
                bars(
                    "Win rate by bid / floor",
                    _won_by("price / floor", "price > 0 AND floor > 0", "over", "concat(toString(k_band), ' ×')"),
                    "over",
                    "percentunit",
                ),
                bars(
                    "By how much bids lost",
                    f"SELECT concat(toString(k_band), ' ×') AS needed, n AS losses FROM ({_MISSED}) ORDER BY k_band",
                    "needed",
                    description="What would have won / what was bid, of losses whose notice told it. Below 1: the "
                    "price was not what lost.",
                ),
            ),
        ),
        (
            8,
            (
                chart(
                    "Bid and clearing price of won bids",
                    _OF.over_time("won_cpm", "clearing_cpm"),
                    "none",
                    "CPM, of bids whose price was told: what they may have cost at most, and what they cost.",
                ),
                chart(
                    "Surplus",
                    _OF.over_time("surplus"),
                    "percentunit",
                    "The share of won bids' price that was not paid: what shading could save, or leaves.",
                ),
                chart("Mean bid, won or not", _OF.over_time("bid_cpm"), "none", "CPM."),
            ),
        ),
        (
            9,
            (
                table("CTR by format", _FORMATS, ("impressions", "ctr")),
                bars(
                    "CTR by device",
                    f"SELECT device, ctr FROM ({shown_by('device', DEVICE, _HERE, by=_CHOSEN)})",
                    "device",
                    "percentunit",
                ),
                bars("CTR by hour of day (UTC)", _HOURS, "hour", "percentunit"),
                table("Campaigns", _OF.ranked("campaign", *_CAMPAIGN), _CAMPAIGN),
            ),
        ),
        (
            8,
            (
                chart(
                    "Drift of the live models",
                    [("max by (target, subject) (outbid_reporter_model_drift_psi)", "{{target}}: {{subject}}")],
                    description="Population stability index, recent impressions against those trained on. Below 0.1 "
                    "they are alike; from 0.25 on they are of another population.",
                ),
                chart(
                    "Findings of drift",
                    [("max by (target, severity) (outbid_reporter_model_drift_findings)", "{{target}}, {{severity}}")],
                    description="Features and scores that have moved, values that training never had, and sources "
                    "that are missing.",
                ),
            ),
        ),
    ),
)
