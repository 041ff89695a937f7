"""The exchanges whose behaviour is public: what their documentation says to bidders, and nothing that it does not say.

Where a page is silent the setting is absent, and the general default or the campaign file decides.
"""

from openrtb.adapters.adapter import Profile

GENERIC = Profile("generic", "Any exchange that follows OpenRTB 2.x")

GOOGLE = Profile(
    name="google",
    title="Google Authorized Buyers",
    sources=(
        "https://developers.google.com/authorized-buyers/rtb/response-guide",
        "https://developers.google.com/authorized-buyers/rtb/request-guide",
        "https://developers.google.com/authorized-buyers/rtb/response-guide/decrypt-price",
        "https://support.google.com/authorizedbuyers/answer/3187591",
        "https://developers.google.com/authorized-buyers/apis/guides/rtb-api/buyer-creatives",
    ),
    settings={
        "no_bid": "204",
        "billing": {"banner": "impression"},
        "price_source": "encrypted",
        "price_unit": "cpi",
        "notices": {"urls": [], "min_to_win_macro": ""},
        "click_macro": "%%CLICK_URL_UNESC%%",
        "click_escapes": 1,
        "approval": "required",
        "creative_api": "google",
    },
    required=("billing_id",),
    notes=(
        "The price is told in the markup's pixel; it counts micros of one impression's cost.",
        "The pages name no loss notice, and none is sent.",
        "Bids go out only where imp.ext.billing_id has ours; creatives in imp.ext.excluded_creatives are left out.",
    ),
)

XANDR = Profile(
    name="xandr",
    title="Xandr (Microsoft Monetize)",
    sources=(
        "https://learn.microsoft.com/en-us/xandr/bidders/incoming-bid-response-from-bidders",
        "https://learn.microsoft.com/en-us/xandr/bidders/creative-service",
    ),
    settings={
        "no_bid": "204",
        "billing": {"banner": "nurl"},
        "price_source": "macro",
        "notices": {"urls": ["nurl"], "price_in": ["nurl"], "min_to_win_macro": ""},
        "approval": "required",
        "creative_api": "xandr",
    },
    notes=(
        "seat is the member id; nurl is called when the impression is recorded.",
        "Creatives must be registered with the Creative Service before they serve on third-party inventory.",
    ),
)

OPENX = Profile(
    name="openx",
    title="OpenX Ad Exchange",
    sources=(
        "https://docs.openx.com/demand-partners/openrtb-win-notification/",
        "https://docs.openx.com/demand-partners/demand-integration-plan/",
    ),
    settings={
        "billing": {"banner": "impression"},
        "price_source": "encrypted",
        "price_unit": "cpi",
        "notices": {"urls": [], "price_macro": "${AUCTION_PRICE:OXCRYPT}", "price_in": ["pixel"]},
    },
    notes=("The price belongs into the markup; no discrepancy is settled on the ground of nurl.",),
)

PUBMATIC = Profile(
    name="pubmatic",
    title="PubMatic",
    sources=(
        "https://community.pubmatic.com/display/BA/OpenRTB+2.3+PubMatic+Extensions",
        "https://community.pubmatic.com/display/BA/OpenRTB+2.3+-+Macros",
    ),
    settings={
        "billing": {"banner": "impression"},
        "price_source": "macro",
        "notices": {"urls": [], "price_in": ["pixel"]},
    },
    seat="[0-9]+",
    notes=("Win notices are not supported: the markup is in the bid.", "seat must be a string of digits."),
)

BIDSWITCH = Profile(
    name="bidswitch",
    title="BidSwitch",
    sources=(
        "https://docs.bidswitch.com/standards/5.0-update.html",
        "https://protocol.bidswitch.com/standards/bsw-ortb-diff.html",
    ),
    settings={
        "billing": {"banner": "burl"},
        "price_source": "macro",
        "notices": {"urls": ["nurl", "burl"], "price_in": ["nurl", "burl"]},
    },
    notes=("Besides burl, only one of nurl and adm may ask for the price.", "Protocol 5.2 or newer, for burl."),
)

SMAATO = Profile(
    name="smaato",
    title="Smaato",
    sources=("https://developers.smaato.com/marketers/openrtb-getting-started/",),
    settings={"notices": {"urls": ["nurl", "burl", "lurl"]}, "price_source": "macro"},
)

SOVRN = Profile(
    name="sovrn",
    title="Sovrn",
    sources=("https://knowledge.sovrn.com/sovrn-ortb-specs",),
    settings={"auction_type": 1},
)

UNITY = Profile(
    name="unity",
    title="Unity Exchange",
    sources=(
        "https://docs.unity.com/demand-side-partners/en-us/manual/GettingStarted",
        "https://docs.unity.com/demand-side-partners/en-us/manual/BidResponses",
    ),
    settings={
        "currency": "USD",
        "auction_type": 1,
        "no_bid": "nbr",
        "billing": {"banner": "burl"},
        "notices": {"urls": ["nurl", "burl", "lurl"]},
    },
    notes=("nurl is called when the player sees the ad.",),
)

APPLOVIN = Profile(
    name="applovin",
    title="AppLovin",
    sources=(
        "https://support.axon.ai/en/max/demand-partners/demand-side-platforms/applovin-ortb-specification/bid-responses",
    ),
    settings={
        "no_bid": "204",
        "billing": {"banner": "burl"},
        "notices": {"urls": ["nurl", "burl", "lurl"], "min_to_win_macro": "${AUCTION_MINIMUM_BID_TO_WIN}"},
    },
    notes=("burl is called when the device renders the ad.", "A response has at most 4 KB."),
)

BIDMACHINE = Profile(
    name="bidmachine",
    title="BidMachine",
    sources=("https://docs.bidmachine.io/docs/macros-for-bid-response",),
    settings={"price_source": "macro", "notices": {"facts": ["mbr"]}},
)

PROFILES = (
    *(GENERIC, GOOGLE, XANDR, OPENX, PUBMATIC, BIDSWITCH),
    *(SMAATO, SOVRN, UNITY, APPLOVIN, BIDMACHINE),
)
