"""Why a request got no bid: the codes of ``nbr``, OpenRTB list 5.24 and Outbid's own from 500 on."""

from enum import IntEnum


class NoBidReason(IntEnum):
    """The value goes over the wire and into the event log; ``text`` says it to people. A code never changes meaning."""

    text: str

    def __new__(cls, code: int, text: str) -> "NoBidReason":
        reason = int.__new__(cls, code)
        reason._value_ = code
        reason.text = text
        return reason

    UNKNOWN = 0, "No reason is known."
    TECHNICAL_ERROR = 1, "The bidder failed while it decided; its log says where."
    INVALID_REQUEST = 2, "The request is malformed or contradicts itself."
    CRAWLER = 3, "The user agent is a known web crawler."
    NON_HUMAN = 4, "The traffic is suspected not to come from a human."
    DATA_CENTRE = 5, "The address is a data centre's or a proxy's."
    UNSUPPORTED_DEVICE = 6, "No ad can be shown on this device."
    BLOCKED_PUBLISHER = 7, "The publisher or site is blocked."
    UNMATCHED_USER = 8, "The user is unknown, and every campaign in question needs a known one."
    DAILY_USER_CAP = 9, "The daily cap of this user is met."
    DAILY_DOMAIN_CAP = 10, "The daily cap of this domain is met."
    ADS_TXT_UNAVAILABLE = 11, "The ads.txt authorisation could not be read."
    ADS_TXT_VIOLATION = 12, "The seller is not authorised in ads.txt."
    ADS_CERT_UNAVAILABLE = 13, "The ads.cert authentication could not be read."
    ADS_CERT_VIOLATION = 14, "The ads.cert signature is wrong."
    TOO_LITTLE_TIME = 15, "tmax leaves too little time to decide and to answer."
    INCOMPLETE_SCHAIN = 16, "The supply chain is incomplete."
    BLOCKED_SCHAIN_NODE = 17, "A node of the supply chain is blocked."

    NO_MATCH = 500, "No line item's targeting matches the request."
    NO_FITTING_CREATIVE = 501, "Line items match, but none of their creatives fits an impression on offer."
    BLOCKED = 502, "What is left is blocked by a list of the request's or by wseat or bseat, or wants other placements."
    BELOW_FLOOR = 503, "No price is as high as the floor."
    FREQUENCY = 504, "This person has seen the ads as often as their frequency caps allow."
    BUDGET = 505, "The leases hold no more money: budgets are spent, or their plans let no more out yet."
    PRIVACY = 506, "A privacy signal forbids the use that every campaign in question needs."
    NO_CAMPAIGNS = 507, "Nothing is live: no campaign is published, in flight and active."
    OVERLOAD = 508, "The worker has more requests waiting than it can answer in time."
    NO_DEAL = 509, "The auction is private, or the line items buy through deals only, and no deal matches."
    CURRENCY = 510, "None of the allowed bid currencies is ours on this exchange, or a floor's currency has no rate."
    CONTROL_AWAY = 511, "The control process has been away so long that all leases have ended."
    NO_FORMAT = 512, "No impression offers a format that can be bid on."
    PACING = 513, "What is left spends along its plan, and does not bid so high or in this auction to keep to it."
    INCOMPLETE_GROUP = 514, "What is left bids on all impressions of a request or on none, and cannot bid on all."
    SCHAIN_TOO_LONG = 520, "The supply chain has more nodes than every campaign in question allows."
    SELLER_NOT_LISTED = 521, "The sellers.json of an advertising system in the supply chain does not list its seller."
    QPS = 530, "The exchange asks more often than its limit of requests a second allows."
    EXCHANGE_RULES = 531, "The exchange has not approved the creatives, or its own extensions keep them or us out."
    FRAUD_RISK = 540, "The fraud or device risk score is above what every campaign in question takes, or is not known."
    LISTED = 541, "The person, device or address is on a black list, or it is not known whether it is."
    CREDIT_RISK = 542, "The credit score or probability of default is not what every campaign takes, or is not known."


REASONS = {int(reason): reason for reason in NoBidReason}
"""By code."""
