"""Types, sizes and lengths in files that other people's encoders wrote (tests/vectors/make_media.py)."""

import random
import re
from pathlib import Path

import pytest

from campaigns.file_headers import Header, read_header

FOLDER = Path(__file__).parents[2] / "vectors" / "media"
FILES = sorted(FOLDER.iterdir())
TYPES = {
    ".png": "image/png", ".gif": "image/gif", ".jpg": "image/jpeg", ".webp": "image/webp", ".mp4": "video/mp4",
    ".m4a": "audio/mp4", ".mov": "video/quicktime",
}  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_what_its_encoder_was_told(file: Path) -> None:
    found = read_header(file.read_bytes())
    size = re.match(r"(\d+)x(\d+)", file.name)
    length = re.search(r"(\d{4})(?:_late)?\.", file.name)
    assert found.mime == TYPES[file.suffix]
    assert (found.width, found.height) == ((int(size[1]), int(size[2])) if size else (0, 0))
    assert found.seconds == pytest.approx(int(length[1]) / 1000 if length else 0, abs=0.1)


def test_what_stands_behind_the_media_is_not_known_from_the_beginning() -> None:
    late = (FOLDER / "640x360_2000_late.mp4").read_bytes()
    assert read_header(late[:1200]) == Header("video/mp4")
    assert read_header(b"<!DOCTYPE html>") == read_header(b"") == Header()


def test_no_bytes_make_it_raise() -> None:
    draw = random.Random(1)
    for file in FILES:
        whole = file.read_bytes()
        for _ in range(400):
            data = bytearray(whole[: draw.randrange(len(whole) + 1)])
            for _ in range(draw.randrange(4)):
                if data:
                    data[draw.randrange(len(data))] = draw.randrange(256)
            read_header(bytes(data))
