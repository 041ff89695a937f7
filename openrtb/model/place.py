"""Where an ad would be shown: site, app or screen, whose it is, and what it is about.

Sections 3.2.13 to 3.2.17, 3.2.21 to 3.2.24, 3.2.32.
"""

from msgspec import Struct

from openrtb.model.values import Integer


class Publisher(Struct, gc=False):
    """3.2.15"""

    id: str | None = None
    name: str | None = None
    cattax: Integer | None = None
    cat: list[str] | None = None
    domain: str | None = None


class Producer(Struct, gc=False):
    """3.2.17"""

    id: str | None = None
    name: str | None = None
    cattax: Integer | None = None
    cat: list[str] | None = None
    domain: str | None = None


class Network(Struct, gc=False):
    """3.2.23"""

    id: str | None = None
    name: str | None = None
    domain: str | None = None


class Channel(Struct, gc=False):
    """3.2.24"""

    id: str | None = None
    name: str | None = None
    domain: str | None = None


class Segment(Struct, gc=False):
    """3.2.22"""

    id: str | None = None
    name: str | None = None
    value: str | None = None


class DataExt(Struct, gc=False):
    """Community extension: the taxonomy that the ids of the segments are of."""

    segtax: Integer | None = None


class Data(Struct, gc=False):
    """3.2.21: segments of one data provider, of a person or of content."""

    id: str | None = None
    name: str | None = None
    cids: list[str] | None = None
    segment: list[Segment] | None = None
    ext: DataExt | None = None


class ContentExt(Struct, gc=False):
    """Where ``network`` and ``channel`` were before 2.6."""

    network: Network | None = None
    channel: Channel | None = None


class Content(Struct, gc=False):
    """3.2.16; ``videoquality`` is of 2.5 (deprecated there)."""

    id: str | None = None
    episode: Integer | None = None
    title: str | None = None
    series: str | None = None
    season: str | None = None
    artist: str | None = None
    genre: str | None = None
    gtax: Integer | None = None
    genres: list[str] | None = None
    album: str | None = None
    isrc: str | None = None
    producer: Producer | None = None
    url: str | None = None
    cattax: Integer | None = None
    cat: list[str] | None = None
    prodq: Integer | None = None
    context: Integer | None = None
    contentrating: str | None = None
    userrating: str | None = None
    qagmediarating: Integer | None = None
    keywords: str | None = None
    kwarray: list[str] | None = None
    livestream: Integer | None = None
    sourcerelationship: Integer | None = None
    len: Integer | None = None
    language: str | None = None
    langb: str | None = None
    embeddable: Integer | None = None
    data: list[Data] | None = None
    network: Network | None = None
    channel: Channel | None = None
    realtime: Integer | None = None
    firstbroadcast: Integer | None = None
    videoquality: Integer | None = None
    ext: ContentExt | None = None


class InventoryExt(Struct, gc=False):
    """Where ``inventorypartnerdomain`` of a site or an app was before 2.6."""

    inventorypartnerdomain: str | None = None


class Site(Struct, gc=False):
    """3.2.13"""

    id: str | None = None
    name: str | None = None
    domain: str | None = None
    cattax: Integer | None = None
    cat: list[str] | None = None
    sectioncat: list[str] | None = None
    pagecat: list[str] | None = None
    page: str | None = None
    ref: str | None = None
    search: str | None = None
    mobile: Integer | None = None
    privacypolicy: Integer | None = None
    publisher: Publisher | None = None
    content: Content | None = None
    keywords: str | None = None
    kwarray: list[str] | None = None
    inventorypartnerdomain: str | None = None
    ext: InventoryExt | None = None


class App(Struct, gc=False):
    """3.2.14"""

    id: str | None = None
    name: str | None = None
    bundle: str | None = None
    domain: str | None = None
    storeurl: str | None = None
    cattax: Integer | None = None
    cat: list[str] | None = None
    sectioncat: list[str] | None = None
    pagecat: list[str] | None = None
    ver: str | None = None
    privacypolicy: Integer | None = None
    paid: Integer | None = None
    publisher: Publisher | None = None
    content: Content | None = None
    keywords: str | None = None
    kwarray: list[str] | None = None
    inventorypartnerdomain: str | None = None
    ext: InventoryExt | None = None


class Dooh(Struct, gc=False):
    """3.2.32: a screen in a public place; its device is nobody's."""

    id: str | None = None
    name: str | None = None
    venuetype: list[str] | None = None
    venuetypetax: Integer | None = None
    publisher: Publisher | None = None
    domain: str | None = None
    keywords: str | None = None
    content: Content | None = None
