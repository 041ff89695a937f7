"""Creatives as a campaign file says them."""

from decimal import Decimal
from typing import Any

from campaigns.creatives import EXPANDS, PICTURES, TEXTS
from campaigns.written import Form, caps, given, plain, status
from domain.creative import Audio, Creative, Media, Native, Video
from openrtb.vast_check import examine

DIRECTIONS = {number: word for word, number in EXPANDS.items()}
KINDS = {number: word for word, number in TEXTS.items()}
SHOWN_AS = {number: word for word, number in PICTURES.items()}


def creative(it: Creative, owner: str) -> Form:
    """An entry of the section ``creatives``; ``owner``: the advertiser's key."""
    own: Form = {}
    if it.format == "banner":
        own = {"size": _size(it.width, it.height)} | given(
            image_url=it.image_url,
            markup=it.markup,
            mime=it.mime if it.image_url else None,
            expands=[DIRECTIONS[number] for number in it.expands],
            viewability=it.viewability or None,
        )
    elif it.video is not None:
        own = {"size": _size(it.width, it.height), "video": _media(it.video)}
    elif it.audio is not None:
        own = {"audio": _media(it.audio)}
    elif it.native is not None:
        own = {"native": _native(it.native)}
    return (
        {"key": it.key, "advertiser": owner}
        | ({"format": it.format} if it.format != "banner" else {})
        | {"landing_url": it.landing_url}
        | own
        | given(
            attributes=list(it.attributes),
            apis=list(it.apis),
            language=it.language,
            categories=list(it.categories),
            domain=it.domain,
            trackers=[{"event": one.event, "url": one.url} for one in it.trackers],
            verifications=[
                {"vendor": one.vendor, "url": one.url} | given(parameters=one.parameters) for one in it.verifications
            ],
            bundle=it.bundle,
            frequency_caps=caps(it.frequency_caps),
        )
        | status(it.status)
    )


def _media(it: Video | Audio) -> Form:
    form: Form = {"duration_s": _seconds(it.duration_ms)} | given(
        renditions=[
            {"url": file.url, "mime": file.mime}
            | ({"size": _size(file.width, file.height)} if isinstance(it, Video) else {})
            | given(
                bitrate_kbps=file.bitrate_kbps or None,
                delivery=file.delivery if file.delivery != "progressive" else None,
            )
            for file in it.renditions
        ],
        wrapper_url=it.wrapper_url,
        vast=it.vast,
        protocols=list(it.protocols) if it.wrapper_url else None,
        mimes=list(it.mimes) if _is_wrapper(it) else None,
        companions=[
            {"size": _size(one.width, one.height), "image_url": one.image_url, "mime": one.mime}
            for one in it.companions
        ],
        companions_required=it.companions_required if it.companions_required != "none" else None,
    )
    if isinstance(it, Video):
        form |= given(
            skip_after_s=None if it.skip_after_ms is None else _seconds(it.skip_after_ms),
            interactive_url=it.interactive_url,
        )
    return form


def _is_wrapper(it: Media) -> bool:
    """Whether what plays is elsewhere, so that the file has to say of which types it is."""
    return bool(it.wrapper_url) or (bool(it.vast) and examine(it.vast).wrapper)


def _native(it: Native) -> Form:
    texts: dict[str, Any] = {}
    for one in it.texts:
        texts.setdefault(KINDS[one.type], []).append(one.text)
    return {"titles": list(it.titles)} | given(
        texts={name: said[0] if len(said) == 1 else said for name, said in texts.items()},
        images=[
            {"type": SHOWN_AS[one.type], "url": one.url, "size": _size(one.width, one.height), "mime": one.mime}
            for one in it.images
        ],
        video=_media(it.video) if it.video else None,
        privacy_url=it.privacy_url,
    )


def _size(width: int, height: int) -> str:
    return f"{width}x{height}"


def _seconds(ms: int) -> Decimal:
    return plain(Decimal(ms) / 1000)
