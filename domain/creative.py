"""Creatives: what is shown, in four formats, and the measurement that goes with any of them.

Lists named by number are those of OpenRTB 2.6 (chapter 5) and AdCOM 1.0. URLs are absolute and HTTPS.
"""

from typing import Literal, TypeVar

from msgspec import Struct

from domain.frequency import FrequencyCap

T = TypeVar("T")

Format = Literal["banner", "video", "audio", "native"]
FORMATS: tuple[Format, ...] = ("banner", "video", "audio", "native")
CLICK_MACRO = "${CLICK_URL}"
"""Where a creative's own markup wants the click tracker; every such markup has it at least once."""
IMPRESSION_MACRO = "${IMPRESSION_URL}"
"""Where it wants the impression tracker; without it, a pixel is put behind the markup."""
TrackedEvent = Literal[
    "impression",
    "click",
    "start",
    "first_quartile",
    "midpoint",
    "third_quartile",
    "complete",
    "mute",
    "unmute",
    "pause",
    "resume",
    "skip",
    "close",
    "viewable",
    "not_viewable",
    "error",
]
"""What third parties can be told of; in VAST's order."""
Delivery = Literal["progressive", "streaming"]

OMID, SIMID = 7, 8
VPAID = (1, 2)
"""API frameworks, AdCOM list "API Frameworks"."""


class Tracker(Struct, frozen=True, forbid_unknown_fields=True):
    """A third party's pixel for one event."""

    event: TrackedEvent
    url: str


class Verification(Struct, frozen=True, forbid_unknown_fields=True):
    """A measurement script that players with the Open Measurement SDK (OMID) load."""

    vendor: str
    url: str
    parameters: str = ""


class Rendition(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a video or audio ad; a player takes the one that suits it. Audio has no width and height."""

    url: str
    mime: str
    width: int = 0
    height: int = 0
    bitrate_kbps: int = 0
    """0: not told."""
    delivery: Delivery = "progressive"


class Companion(Struct, frozen=True, forbid_unknown_fields=True):
    """An image beside or after a video or audio ad; it leads to the creative's landing page."""

    width: int
    height: int
    image_url: str
    mime: str


CompanionsRequired = Literal["none", "any", "all"]
COMPANIONS_REQUIRED: tuple[CompanionsRequired, ...] = ("none", "any", "all")


class Media(Struct, frozen=True, forbid_unknown_fields=True):
    """What plays for ``duration_ms``: exactly one of ``renditions`` (we write the VAST), ``wrapper_url`` (a third
    party's VAST, which ours wraps) and ``vast`` (a third party's VAST as text, which our trackers are added to).
    """

    duration_ms: int
    renditions: tuple[Rendition, ...] = ()
    wrapper_url: str = ""
    vast: str = ""
    protocols: tuple[int, ...] = ()
    """Of a third party's VAST: the protocols (list 5.8) that it is in; what a player must support."""
    mimes: tuple[str, ...] = ()
    """Types of the files that can play. Of a third party's VAST as declared, else those of the renditions."""
    companions: tuple[Companion, ...] = ()
    """Those are sent that the request has a place for."""
    companions_required: CompanionsRequired = "none"
    """How many of them must have a place, so that the ad is shown at all."""


class Video(Media, frozen=True, forbid_unknown_fields=True):
    """A linear video ad."""

    skip_after_ms: int | None = None
    """From then on the viewer can skip it (attribute 16 of list 5.3); None: not skippable by its markup."""
    interactive_url: str = ""
    """A SIMID document that is laid over the video (VAST 4)."""


class Audio(Media, frozen=True, forbid_unknown_fields=True):
    """An audio ad."""


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """A native ad's text of one kind: ``type`` of Native 1.2's list 7.4 (1 sponsored, 2 description … 12 call to
    action). There can be several of a type; the longest that fits is shown.
    """

    type: int
    text: str


class NativeImage(Struct, frozen=True, forbid_unknown_fields=True):
    """A native ad's picture: ``type`` of Native 1.2's list 7.3 (1 icon, 3 main)."""

    type: int
    url: str
    width: int
    height: int
    mime: str


class Native(Struct, frozen=True, forbid_unknown_fields=True):
    """The assets of an ad that the publisher draws."""

    titles: tuple[str, ...] = ()
    """The same in several lengths, of which the longest that fits is shown."""
    texts: tuple[Text, ...] = ()
    images: tuple[NativeImage, ...] = ()
    video: Video | None = None
    privacy_url: str = ""
    """Page about the use of data; sent where the request supports ``privacy``."""


class Creative(Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown. Of a banner, ``image_url`` (we write the markup) or ``markup`` (HTML with our click macro); of
    another format, the part that has the format's name.
    """

    id: int
    key: str
    advertiser: int
    width: int
    height: int
    """Of the banner or the video, pixels; 0 for audio and native."""
    landing_url: str
    image_url: str = ""
    markup: str = ""
    attributes: tuple[int, ...] = ()
    """OpenRTB creative attributes (list 5.3), checked against ``battr``."""
    mime: str = "image/png"
    """Of ``image_url``."""
    status: Literal["active", "paused"] = "active"
    format: Format = "banner"
    video: Video | None = None
    audio: Audio | None = None
    native: Native | None = None
    apis: tuple[int, ...] = ()
    """API frameworks (list 5.6) that it cannot do without: a request must list each."""
    expands: tuple[int, ...] = ()
    """Directions that a banner expands to (list 5.5), checked against ``expdir``."""
    trackers: tuple[Tracker, ...] = ()
    verifications: tuple[Verification, ...] = ()
    viewability: bool = False
    """Of a banner: measure by a script in the markup. Such a banner is a script to ``btype``."""
    language: str = ""
    """ISO 639-1, or ``xx`` for one without words; checked against ``wlang``. Empty: not known, so not shown where it
    matters."""
    categories: tuple[str, ...] = ()
    """In place of the advertiser's, if given."""
    domain: str = ""
    """In place of the advertiser's, if given."""
    bundle: str = ""
    """Store id of the app that is advertised, sent as ``bundle``, checked against ``bapp``."""
    frequency_caps: tuple[FrequencyCap, ...] = ()


def every_format(word: T) -> dict[Format, T]:
    """The same for all formats."""
    return dict.fromkeys(FORMATS, word)
