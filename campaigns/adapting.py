"""What an adapter makes of an exchange in the campaign file: its settings stand where the file gives none.

The result is stored as plain fields, so nothing downstream looks an adapter's defaults up again, and a later release
with other defaults changes no exchange until it is imported anew.
"""

from typing import Any

from campaigns import exchange_values, values
from domain.creative import FORMATS, Format
from domain.entry import Entry, Wrong
from domain.exchange import Exchange, NoticeStyle
from openrtb.adapters.registry import ADAPTERS

NOTICES = tuple(NoticeStyle.__struct_fields__)
EXPIRY_S = 300
EXPIRIES_S: dict[Format, int] = {"banner": 300, "video": 1800, "audio": 1800, "native": 600}
"""What OpenRTB 7.2 has as usual, where only some formats are given (5 minutes for a banner in an app, 10 for native; a
full-screen video as an interstitial)."""


def adapted(e: Entry) -> str:
    """The adapter's name. From here on the entry has the adapter's values where it had none."""
    name: str | None = e.take("adapter", values.choice(*ADAPTERS), "generic")
    if name is None:
        return "generic"
    settings = dict(ADAPTERS[name].profile.settings)
    given = {field: value for field, value in e.values.items() if value is not None}
    if isinstance(given.get("notices"), dict):
        given["notices"] = {**settings.get("notices", {}), **given["notices"]}
    e.values = {**settings, **given}
    return name


def expiries(e: Entry) -> tuple[int, dict[Format, int]]:
    """``bid_expiry_s``: the longest of all formats, and each format's own where they differ."""
    told: dict[Format, int] | None = e.take("bid_expiry_s", exchange_values.by_format(values.integer(1, 0xFFFF)), {})
    if not told:
        return EXPIRY_S, {}
    by_format = {name: told.get(name, EXPIRIES_S[name]) for name in FORMATS}
    if len(set(by_format.values())) == 1:
        return by_format["banner"], {}
    return max(by_format.values()), by_format


def notice_style(e: Entry) -> NoticeStyle:
    """The field ``notices``."""

    def check(value: Any) -> NoticeStyle:
        problems: list[Any] = []
        inner = Entry(value, "", NOTICES, problems)
        plain = NoticeStyle()
        style = NoticeStyle(
            urls=inner.take("urls", values.listed(values.choice("nurl", "burl", "lurl")), plain.urls),
            price_macro=inner.take("price_macro", exchange_values.macro, plain.price_macro),
            price_in=inner.take("price_in", values.listed(values.choice("nurl", "burl", "pixel")), plain.price_in),
            min_to_win_macro=inner.take("min_to_win_macro", exchange_values.macro, plain.min_to_win_macro),
            facts=inner.take("facts", values.listed(values.choice("mbr", "discount", "imp_ts", "multiplier")), ()),
        )
        if problems:
            raise Wrong("", *((f".{p.path}" if p.path else "", p.value, p.allowed) for p in problems))
        return style

    return e.take("notices", check, NoticeStyle())


def check_adapted(e: Entry, exchange: Exchange) -> None:
    """Fields that do not go together."""
    if not e.sound:
        return
    called = {"burl": "burl", "nurl": "nurl"}
    for basis in dict.fromkeys(exchange.billing.values()):
        if basis in called and basis not in exchange.notices.urls:
            e.wrong("billing", basis, f"it must be an event that is told: notices.urls has no {basis}")
    if exchange.click_escapes and not exchange.click_macro:
        e.wrong(
            "click_escapes", exchange.click_escapes, "it says how URLs behind click_macro are written; give that too"
        )
    if exchange.creative_api != "none" and exchange.creative_account and not exchange.creative_account.isdigit():
        e.wrong("creative_account", exchange.creative_account, "it must be digits: an account or member id")
    for field, value, allowed in ADAPTERS[exchange.adapter].faults(exchange):
        e.wrong(field, value, allowed)
