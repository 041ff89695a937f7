"""What the first bytes of an image or a video file say of it: its type, its size in pixels, how long it plays.

PNG (W3C, 11.2.2), GIF89a, JPEG (ITU-T T.81, B.2), WebP (RFC 9649) and ISO media files (ISO/IEC 14496-12: ``mvhd``,
``tkhd``). Of the latter only what is written for playing as it loads can be read: those have ``moov`` before the media.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Header(NamedTuple):
    """``mime`` is empty for what is none of the known types; the rest is 0 where the bytes do not say it."""

    mime: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0


def read_header(data: bytes) -> Header:
    """Never raises, whatever the bytes are."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
            return Header("image/png", *struct.unpack(">II", data[16:24]))
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return Header("image/gif", *struct.unpack("<HH", data[6:10]))
        if data[:3] == b"\xff\xd8\xff":
            return Header("image/jpeg", *_jpeg(data))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return Header("image/webp", *_webp(data))
        if data[4:8] == b"ftyp":
            return _iso_media(data)
    except (struct.error, IndexError):
        pass
    return Header()


def _jpeg(data: bytes) -> tuple[int, int]:
    """The first frame header: SOF0 to SOF15 but for the tables DHT, JPG and DAC among them."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack("<I", data[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, where its content begins, where it ends) of the boxes side by side."""
    while at + 8 <= end:
        size, kind, content = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, content = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        if size < content - at:  # 0: up to the end of the file; anything else is broken
            return
        yield kind, content, at + size
        at += size


def _iso_media(data: bytes) -> Header:
    """The largest track is the picture; a file without one is audio."""
    brand = data[8:12]
    mime = "video/quicktime" if brand == b"qt  " else "audio/mp4" if brand in (b"M4A ", b"M4B ") else "video/mp4"
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"moov" or end > len(data):
            continue
        seconds, size = 0.0, (0, 0)
        for inner, at, stop in _boxes(data, start, end):
            if inner == b"mvhd":
                long = data[at] == 1
                scale, length = struct.unpack(
                    ">IQ" if long else ">II", data[at + (20 if long else 12) :][: 12 if long else 8]
                )
                seconds = length / scale if scale else 0.0
            elif inner == b"trak":
                for track, place, _ in _boxes(data, at, stop):
                    if track == b"tkhd":
                        sides = place + (88 if data[place] == 1 else 76)
                        size = max(size, tuple(side >> 16 for side in struct.unpack(">II", data[sides : sides + 8])))
        return Header("audio/mp4" if mime == "video/mp4" and size == (0, 0) else mime, *size, seconds)
    return Header(mime)
