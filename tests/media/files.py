"""Files as they are uploaded, good and bad, made when they are needed."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from lumina_rt.media.job import Job, Kind, Limits

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="ffmpeg is not on the PATH: apt-get install ffmpeg",
)
GPS = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
TOLD = (b"Exif", b"SecretCameraMaker", b"secret comment", b"ICC_PROFILE", b"ICCP", b"xmpmeta")
"""What is in a photo, and not in what is kept of it."""
CORNERS = ("red", "green", "blue", "white")


def corners(width: int = 80, height: int = 40) -> Image.Image:
    """Another colour in each corner: it is seen how it is turned."""
    image = Image.new("RGB", (width, height))
    half = width // 2, height // 2
    for number, colour in enumerate(CORNERS):
        image.paste(colour, (half[0] * (number % 2), half[1] * (number // 2), width, height))
    return image


def encoded(image: Image.Image, format: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **how)
    return file.getvalue()


def photo(width: int = 80, height: int = 40, turned: int = 1) -> bytes:
    """A JPEG as a phone makes it: with the place, a comment and a profile."""
    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x010F] = "SecretCameraMaker"
    exif.get_ifd(0x8825).update(GPS)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    how = {"comment": b"secret comment", "icc_profile": profile, "quality": 95, "subsampling": 0}
    return encoded(corners(width, height), "JPEG", exif=exif, xmp=b"<x:xmpmeta/>", **how)


def moving(format: str = "GIF", frames: int = 5, side: int = 60) -> bytes:
    first, *others = [
        Image.new("RGB", (side, side // 2), (40 * number % 256, 90, 200))
        for number in range(frames)
    ]
    return encoded(first, format, save_all=True, append_images=others, duration=70, loop=0)


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pixel_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few kilobytes that says it has 3.6 gigapixels, and has many."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(4_000_000), 9)
    parts = (png_chunk(b"IHDR", head), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def wide_bomb() -> bytes:
    """Few pixels, and more in a row than are taken."""
    return pixel_bomb(20_000, 10)


def webp_bomb() -> bytes:
    """Its canvas is said to be 16,384 x 16,384 and animated: 2 GB to begin with."""
    size = (16_383).to_bytes(3, "little") * 2
    head = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size
    animation = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    body = b"WEBP" + head + animation
    return b"RIFF" + struct.pack("<I", len(body)) + body


def text_bomb() -> bytes:
    """A good PNG with a comment that is packed: 80 MB of it."""
    good = encoded(corners(), "PNG")
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(80)) + packer.flush()
    return good[:33] + png_chunk(b"zTXt", b"Comment\0\0" + packed) + good[33:]


def archive(size: int = 1000) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("index.html", b"\0" * size)
    return file.getvalue()


def made(path: Path, *options: str) -> Path:
    """By ffmpeg, from its own test pictures and tones."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *options, str(path)], check=True)
    return path


def job(folder: Path, content: bytes | Path, kind: Kind, **limits: Any) -> Job:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    source = folder / "source"
    source.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    return Job(source, out, kind, Limits(**limits))
