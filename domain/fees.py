"""What is charged beside the media, exactly: the same arithmetic when a bid is priced, reserved and booked.

A share is rounded down to the nano, part by part: the fees of a bid can never come out higher than what was reserved.
"""

from domain.campaign import FeeTerms

PPM = 1_000_000


def shares(terms: FeeTerms | None) -> tuple[int, int]:
    """(millionths of the media, nanos an impression) of all fees together."""
    parts = terms.parts if terms else ()
    return sum(part.share_ppm for part in parts), sum(part.cpm for part in parts)


def gross(media: int, share_ppm: int, flat: int) -> int:
    """What an impression costs at most with all fees, if its media costs so many nanos."""
    return media + media * share_ppm // PPM + flat


def most_media(gross_nanos: int, share_ppm: int, flat: int) -> int:
    """The highest media cost whose `gross` is not above ``gross_nanos``; 0 if the fees alone are."""
    return max(0, (gross_nanos - flat) * PPM // (PPM + share_ppm))


def split(media: int, terms: FeeTerms | None) -> list[int]:
    """Nanos of each fee of the terms, in their order."""
    return [media * part.share_ppm // PPM + part.cpm for part in terms.parts] if terms else []
