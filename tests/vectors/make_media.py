"""Makes the files in ``media/`` with other people's encoders: ``pip install pillow imageio-ffmpeg``, then run this.

What each is stands in its name: width x height, and of what plays the milliseconds.
"""

import subprocess
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

FOLDER = Path(__file__).with_name("media")
FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "lavfi"]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    plain = Image.new("RGB", (300, 250), (10, 90, 60))
    plain.save(FOLDER / "300x250.png")
    plain.save(FOLDER / "300x250.gif")
    plain.save(FOLDER / "300x250.jpg", quality=30)
    exif = Image.Exif()
    exif[0x010E] = "a description " * 20
    plain.resize((728, 90)).save(FOLDER / "728x90_progressive_exif.jpg", quality=30, progressive=True, exif=exif)
    plain.save(FOLDER / "300x250_lossy.webp", quality=10)
    plain.save(FOLDER / "300x250_lossless.webp", lossless=True)
    Image.new("RGBA", (160, 600), (10, 90, 60, 100)).save(FOLDER / "160x600_alpha.webp", quality=10)
    picture = [
        *FFMPEG,
        "-i",
        "color=c=navy:s=640x360:r=5:d=2",
        "-f",
        "lavfi",
        "-i",
        "anullsrc=r=8000:cl=mono",
        "-t",
        "2",
    ]
    small = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "45", "-c:a", "aac", "-b:a", "8k"]
    for name, more in (
        ("640x360_2000.mp4", ["-movflags", "+faststart"]),
        ("640x360_2000_late.mp4", []),
        ("640x360_2000.mov", ["-movflags", "+faststart", "-f", "mov"]),
    ):
        subprocess.run([*picture, *small, *more, str(FOLDER / name)], check=True)
    sound = [*FFMPEG, "-i", "anullsrc=r=8000:cl=mono", "-t", "1.5", "-c:a", "aac", "-b:a", "8k"]
    subprocess.run([*sound, "-movflags", "+faststart", str(FOLDER / "1500.m4a")], check=True)


if __name__ == "__main__":
    main()
