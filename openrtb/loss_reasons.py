"""Why a bid was lost: the codes of ``${AUCTION_LOSS}``, OpenRTB list 5.25 (release 202606)."""

TEXTS = {
    0: "not told, or won after all",
    1: "internal error of the exchange",
    2: "the impression expired",
    3: "invalid bid response",
    4: "invalid deal id",
    5: "invalid auction id",
    6: "invalid advertiser domain",
    7: "missing markup",
    8: "missing creative id",
    9: "missing bid price",
    10: "missing minimum creative data",
    100: "below the auction's floor",
    101: "below the deal's floor",
    102: "lost to a higher bid",
    103: "lost to a deal's bid",
    104: "the seat is blocked",
    200: "the creative was filtered",
    201: "the creative is pending",
    202: "the creative was disapproved",
    203: "size not allowed",
    204: "format incorrect",
    205: "advertiser excluded",
    206: "app store id excluded",
    207: "not secure",
    208: "language excluded",
    209: "category excluded",
    210: "creative attribute excluded",
    211: "ad type excluded",
    212: "animation too long",
    213: "not allowed in the deal",
    214: "invalid SKAdNetwork",
    215: "app bundle excluded",
}
EXCHANGES_OWN = 500
"""From here on codes are the exchange's."""


def loss_text(code: int) -> str:
    """In words; the meaning of a code of an exchange's own is not known here."""
    return TEXTS.get(code, "the exchange's own code" if code >= EXCHANGES_OWN else "a code that OpenRTB does not have")
