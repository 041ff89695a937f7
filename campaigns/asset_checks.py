"""Are a file's creatives really there? Each address is asked, and what comes is compared with what the file says."""

from collections.abc import Iterable, Mapping

from campaigns.asset_fetching import AssetFetcher, Loaded
from campaigns.assets import Asset, assets_of
from campaigns.file_headers import Header, read_header
from domain.creative import Creative
from domain.errors import Problem
from openrtb.vast_check import examine
from openrtb.vast_tree import children, name_of, read

ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "application/javascript": "text/javascript",
    "application/x-javascript": "text/javascript",
    "application/ecmascript": "text/javascript",
    "application/vnd.apple.mpegurl": "application/x-mpegurl",
    "audio/mpegurl": "application/x-mpegurl",
    "audio/x-mpegurl": "application/x-mpegurl",
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/aacp": "audio/aac",
    "audio/x-aac": "audio/aac",
    "application/ogg": "audio/ogg",
    "application/xhtml+xml": "text/html",
}
"""Other names of types, as servers send them."""
XML = ("text/xml", "application/xml", "application/vnd.vast+xml")
SLACK_S = 0.5
"""A file may be so much longer or shorter than its ad is said to be."""
SLACK_RATE = 2.0
"""A file's mean bit rate may be so many times the one said, or that part of it: encoders vary, and round."""
DENSITIES = (1, 2, 3, 4)


async def check_assets(creatives: Mapping[str, Creative], fetcher: AssetFetcher) -> list[Problem]:
    """``creatives`` by their paths in the file (``creatives[3]``). What is wrong, in that order."""
    wanted = [(path, asset) for path, creative in creatives.items() for asset in assets_of(creative)]
    loaded = await fetcher.fetch_all(asset.url for _, asset in wanted)
    return [
        Problem(f"{path}.{asset.path}", asset.url, allowed)
        for path, asset in wanted
        for allowed in judge(asset, loaded[asset.url])
    ]


def judge(asset: Asset, loaded: Loaded) -> Iterable[str]:
    """What must be otherwise with what came; nothing if it is as promised."""
    if loaded.problem:
        yield f"it must be reachable: {loaded.problem}"
        return
    header = read_header(loaded.data)
    if asset.kind in ("image", "media"):
        yield from _type(asset, loaded, header)
        yield from _size(asset, header)
    elif asset.kind == "script" and _name(loaded.mime) != asset.mime:
        yield f"it must be served as {asset.mime}, not {loaded.mime or 'without a type'}"
    elif asset.kind == "vast":
        yield from _vast(asset, loaded)
    if asset.kind == "media":
        yield from _length(asset, loaded, header)


def _name(mime: str) -> str:
    return ALIASES.get(mime.lower(), mime.lower())


def _type(asset: Asset, loaded: Loaded, header: Header) -> Iterable[str]:
    served = _name(loaded.mime)
    if served != _name(asset.mime):
        yield f"it must be served as {asset.mime}, as declared, not {loaded.mime or 'without a type'}"
    elif asset.kind == "image" and header.mime != _name(asset.mime):
        yield f"it must be {asset.mime}, as declared; its bytes are {header.mime or 'of no image that is known'}"


def _size(asset: Asset, header: Header) -> Iterable[str]:
    if not asset.width or not header.width:
        return
    found, declared = (header.width, header.height), (asset.width, asset.height)
    able = [(asset.width * n, asset.height * n) for n in (DENSITIES if asset.dense else (1,))]
    if found not in able:
        of = ", or that 2, 3 or 4 times" if asset.dense else ""
        yield f"it must be {_text(declared)}, as declared{of}; it is {_text(found)}"


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _length(asset: Asset, loaded: Loaded, header: Header) -> Iterable[str]:
    if asset.seconds and header.seconds and abs(header.seconds - asset.seconds) > SLACK_S:
        yield f"it must play for {asset.seconds:g} seconds, as declared; it plays for {header.seconds:.1f}"
    if asset.bitrate_kbps and asset.seconds and loaded.length:
        rate = loaded.length * 8 / 1000 / asset.seconds
        if not asset.bitrate_kbps / SLACK_RATE <= rate <= asset.bitrate_kbps * SLACK_RATE:
            allowed = f"it must have about {asset.bitrate_kbps} kbit/s, as declared"
            yield f"{allowed}; its {loaded.length:,} bytes in {asset.seconds:g} seconds are {rate:.0f}"


def _vast(asset: Asset, loaded: Loaded) -> Iterable[str]:
    """A third party's document as it comes now. An empty one (no ad at this moment) and a pod are in order."""
    if loaded.mime not in XML:
        yield f"it must be served as XML, such as {XML[1]}, not {loaded.mime or 'without a type'}"
    text = loaded.data.decode("utf-8", "replace").lstrip("\ufeff")
    try:
        document = read(text)
    except ValueError as error:
        yield f"it must answer with VAST: {error}"
        return
    if name_of(document) == "VAST" and len(list(children(document, "Ad"))) != 1:
        return
    found = examine(text)
    for problem in found.problems:
        yield f"it must answer with VAST: {problem}"
    if not found.problems and asset.protocols and found.protocol not in asset.protocols:
        yield f"protocols must list {found.protocol}, which its VAST is; they are {list(asset.protocols)}"
