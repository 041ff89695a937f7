"""Refuses creatives whose bids would carry tracker URLs that are too long (`openrtb.url_lengths`)."""

from domain.creative import CLICK_MACRO, Creative
from domain.entry import Entry
from openrtb import marks, url_lengths, vast


def check_lengths(e: Entry, creative: Creative) -> None:
    """Notes what is too long, at the field that makes it so; for an entry that is sound otherwise."""
    most, found = url_lengths.LANDING_MOST, url_lengths.of_landing(creative.landing_url)
    if found > most:
        e.wrong(
            "landing_url",
            creative.landing_url,
            f"it must have at most {most} characters once it is percent-encoded, as click URLs have it; it has {found}",
        )
        return
    total = url_lengths.of_bid(_markup(creative), creative.landing_url)
    if total > url_lengths.ALL_MOST:
        field, less = {
            "banner": ("markup", f"a shorter landing_url, or fewer {CLICK_MACRO}"),
            "native": ("native.video", "a shorter landing_url"),
        }.get(creative.format, (f"{creative.format}.companions", "a shorter landing_url, or fewer companions"))
        allowed = f"all tracker URLs of an ad must have at most {url_lengths.ALL_MOST} characters together, these have"
        e.wrong(field, None, f"{allowed} {total}: it needs {less}")


def _markup(creative: Creative) -> str:
    """Marks as often as in the longest form of the markup."""
    shown = marks.IMPRESSION + marks.event_url("viewable")
    if creative.format == "banner":
        links = max(1, creative.markup.count(CLICK_MACRO))
        return shown + marks.event_url("not_viewable") + links * marks.CLICK
    playing = creative.video or creative.audio or (creative.native and creative.native.video)
    text = (
        "" if playing is None else max((vast.build(creative, form.version) for form in vast.forms(creative)), key=len)
    )
    return text if creative.format != "native" else shown + marks.CLICK + text
