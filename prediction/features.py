"""What the bidder tells its models of an impression: the one declaration, for training and for serving.

`bidder.feature_values` works the values out when a bid is decided, and they are logged with the bid; training reads
them from the log and never works them out again. The order is for ever. A change is a new version with a new number:
models of another version than the bidder's are refused.

A category is missing (0) where the request does not tell it, or must not be used by (`openrtb.privacy`).
"""

from typing import Literal

from prediction.feature_set import Feature, FeatureSet

HALF_LIFE_S = 86_400
"""Of the decayed counters: an impression a day ago counts one half."""
WINDOW_S = 7 * 86_400
"""Impressions longer ago count nothing there."""


def _request(name: str, doc: str, kind: Literal["category", "number"] = "category", protected: bool = False) -> Feature:
    return Feature(name, kind, "request", protected, doc)


def _candidate(name: str, doc: str, kind: Literal["category", "number"] = "category") -> Feature:
    return Feature(name, kind, "candidate", False, doc)


BID = FeatureSet(
    "bid",
    1,
    (
        _request("exchange", "exchange"),
        _request("inventory", "site, app, or screen in a public place"),
        _request("site", "the site's domain or the app's bundle"),
        _request("publisher", "the publisher's id at the exchange"),
        _request("placement", "imp.tagid, of this site"),
        _request("format", "banner, video, audio or native"),
        _request("slot", "size of the impression: the first that a banner may have, or the player's"),
        _request("position", "where on the page (AdCOM list Placement Positions)"),
        _request("interstitial", "does it cover the screen?"),
        _request("category", "of site or app; of several the one with the least id"),
        _request("country", "country"),
        _request("region", "the country's subdivision"),
        _request("city", "city: where people live stands for who they are", protected=True),
        _request("device_type", "AdCOM list Device Types"),
        _request("model", "the device's model"),
        _request("os", "operating system"),
        _request("browser", "browser"),
        _request("language", "the device's language", protected=True),
        _request("connection", "AdCOM list Connection Types"),
        _request("hour_of_week", "hour of the week, UTC"),
        _request("hour_of_day", "hour of the day where the device is"),
        _request("known", "somebody without a record, or with one; missing: nobody, or nobody whose id may be used"),
        _request("segments", "audiences that the person is in", "number"),
        _request("known_days", "days since the first that is known of the person with any advertiser", "number"),
        _request("age", "years, as the exchange tells", "number", protected=True),
        _request("gender", "as the exchange tells", protected=True),
        _request("postcode", "postcode", protected=True),
        _candidate("advertiser", "advertiser"),
        _candidate("campaign", "campaign"),
        _candidate("line_item", "line item"),
        _candidate("creative", "creative"),
        _candidate("size", "the creative's size"),
        _candidate("deal", "the deal that it is bid in; missing: the open auction"),
        _candidate("stage", "where the person stands with the advertiser (domain.person.Stage)"),
        _candidate("since_visit", "days since the person was on the advertiser's pages", "number"),
        _candidate("since_shown", "days since they saw an ad of the advertiser's", "number"),
        _candidate("since_click", "days since they clicked on one", "number"),
        _candidate("seen_advertiser", "the advertiser's ads that they saw in 7 days, each halved by the day", "number"),
        _candidate("seen_campaign", "the same of the campaign's", "number"),
    ),
    (
        ("site", "advertiser"),
        ("placement", "creative"),
        ("slot", "creative"),
        ("device_type", "advertiser"),
        ("os", "advertiser"),
        ("region", "campaign"),
        ("hour_of_week", "campaign"),
        ("stage", "line_item"),
    ),
)
"""What a bid is scored by."""
