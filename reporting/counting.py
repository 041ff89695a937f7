"""What counts: of each fact table, which rows a figure adds up, and how. Reports and rollups both go by this.

docs/events.md says the same in words.
"""

from dataclasses import dataclass

from domain.events import NOT_COUNTED, Mark, PlayEvent

COUNTED = f"bitAnd(marks, {int(NOT_COUNTED)}) = 0"
"""A notice or conversion that counts."""
_FIRST = f"bitAnd(marks, {int(Mark.FIRST)}) != 0"
_PRICED = f"bitAnd(marks, {int(Mark.FIRST | Mark.NO_PRICE)}) = {int(Mark.FIRST)}"
_QUARTILES = {
    "starts": PlayEvent.START,
    "first_quartiles": PlayEvent.FIRST_QUARTILE,
    "midpoints": PlayEvent.MIDPOINT,
    "third_quartiles": PlayEvent.THIRD_QUARTILE,
    "completes": PlayEvent.COMPLETE,
}
_VIEWABLE, _NOT_VIEWABLE = int(PlayEvent.VIEWABLE), int(PlayEvent.NOT_VIEWABLE)
_TOLD = ", ".join(str(int(event)) for event in (*_QUARTILES.values(), _VIEWABLE, _NOT_VIEWABLE))
_CLICK, _VIEW = 1, 2


@dataclass(frozen=True)
class Facts:
    """One fact table's part in the figures: which rows, and what each figure adds up."""

    table: str
    where: str
    sums: dict[str, str]
    currency: str = "''"
    """Of the figures that are money of an account, where these rows have any; elsewhere it is the advertiser's."""
    part: str = ""
    """Tells two parts of one table apart."""


_WON = {"wins_priced": f"countIf({_PRICED})", "win_price": f"sumIf(price, {_PRICED})",
        "win_max_price": f"sumIf(max_price, {_PRICED})"}  # fmt: skip
"""Prices are the exchange's: told, and at most possible, of the first notice that proves a win, where it tells one."""

SOURCES = (
    Facts("bids", "test = 0", {"bids": "count()", "bid_price": "sum(price)"}),
    Facts("wins", f"{COUNTED} AND {_FIRST}", {"wins": "count()", **_WON}),
    Facts("billings", f"{COUNTED} AND {_FIRST}", {"wins": "count()", **_WON}),
    Facts("impressions", COUNTED, {"impressions": "count()", "wins": f"countIf({_FIRST})", **_WON}),
    Facts("clicks", COUNTED, {"clicks": "count()"}),
    Facts("losses", COUNTED, {"losses": "count()"}),
    Facts(
        "events",
        f"{COUNTED} AND event IN ({_TOLD})",
        {
            **{name: f"countIf(event = {int(event)})" for name, event in _QUARTILES.items()},
            "measured": f"countIf(event IN ({_VIEWABLE}, {_NOT_VIEWABLE}))",
            "viewable": f"countIf(event = {_VIEWABLE})",
        },
    ),
    Facts("conversions", COUNTED, {"conversions": "count()"}),
    Facts(
        "settlements",
        "1",
        {
            "billed": "countIf(number = 0)",
            "spend": "sum(account_price)",
            "fees": "sum(fees)",
            "exchange_spend": "sum(price)",
        },
        "account_currency",
    ),
    Facts(
        "attributions",
        f"kind IN ({_CLICK}, {_VIEW})",
        {"click_conversions": f"sumIf(sign, kind = {_CLICK})", "view_conversions": f"sumIf(sign, kind = {_VIEW})"},
    ),
    Facts(
        "attributions",
        f"kind IN ({_CLICK}, {_VIEW}) AND value != 0",
        {"conversion_value": "sum(value * sign)", "click_value": f"sumIf(value * sign, kind = {_CLICK})"},
        "currency",
        "value",
    ),
)
FIGURES = tuple(dict.fromkeys(name for facts in SOURCES for name in facts.sums))
