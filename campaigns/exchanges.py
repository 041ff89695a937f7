"""Exchanges in a campaign file: the settings of the adapter, and over them what the file says."""

from campaigns import exchange_values, values
from campaigns.adapting import adapted, check_adapted, expiries, notice_style
from domain.entry import Entry
from domain.exchange import Exchange, Privacy, UserSync

EXCHANGE = (
    *("key", "currency", "billing", "auction_type", "price_source", "price_key", "seat", "secret"),
    *("bid_expiry_s", "no_bid", "network_ms", "privacy", "ads_domain"),
    *("adapter", "notices", "price_unit", "buyer_fee", "click_macro", "click_escapes", "qps", "billing_id", "bid_ext"),
    *("approval", "creative_api", "creative_account", "user_sync"),
)


def read_exchange(e: Entry, id: int, key: str) -> Exchange:
    """One exchange; of no use if ``e`` is not sound afterwards."""
    adapter = adapted(e)
    longest, by_format = expiries(e)
    exchange = Exchange(
        id=id,
        key=key,
        currency=e.take("currency", values.currency),
        billing=e.take("billing", exchange_values.by_format(values.choice("burl", "impression", "nurl"))),
        auction_type=e.take("auction_type", values.integer(1, 2), 2),
        price_source=e.take("price_source", exchange_values.by_format(values.choice("macro", "encrypted", "none")), {}),
        price_key=e.take("price_key", exchange_values.price_key, ""),
        seat=e.take("seat", values.text(64), "outbid"),
        secret=e.take("secret", values.text(), ""),
        bid_expiry_s=longest,
        no_bid=e.take("no_bid", values.choice("nbr", "204", "empty"), "nbr"),
        network_ms=e.take("network_ms", values.integer(0, 1000), 10),
        privacy=e.take("privacy", exchange_values.privacy, Privacy()),
        ads_domain=e.take("ads_domain", values.domain_name, ""),
        adapter=adapter,
        notices=notice_style(e),
        price_unit=e.take("price_unit", values.choice("cpm", "cpi"), "cpm"),
        buyer_fee_ppm=e.take("buyer_fee", values.share, 0),
        click_macro=e.take("click_macro", exchange_values.macro, ""),
        click_escapes=e.take("click_escapes", values.integer(0, 2), 0),
        qps=e.take("qps", values.integer(1, 10_000_000), 0),
        billing_id=e.take("billing_id", values.text(64), ""),
        bid_ext=e.take("bid_ext", exchange_values.json_object, {}),
        expiries_s=by_format,
        approval=e.take("approval", values.choice("optional", "required"), "optional"),
        creative_api=e.take("creative_api", values.choice("none", "google", "xandr"), "none"),
        creative_account=e.take("creative_account", values.text(64), ""),
        user_sync=e.take("user_sync", exchange_values.user_sync, UserSync()),
    )
    encrypted = e.sound and "encrypted" in exchange.price_source.values()
    if e.sound and encrypted != bool(exchange.price_key):
        allowed = "it must be given where prices are encrypted, and only there"
        e.wrong("price_key", exchange.price_key or None, allowed)
    check_adapted(e, exchange)
    return exchange
