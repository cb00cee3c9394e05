"""The real type of a file: by what it begins with, never by its name or by what was said of it.

Signatures: RFC 9649 (WebP), W3C PNG 5.2, GIF89a 17, ISO/IEC 10918-1 B.1.1.3 (JPEG), ISO/IEC
14496-12 4.3 (`ftyp`), RFC 8794 (EBML), RFC 3533 (Ogg), RFC 9639 (FLAC), ISO/IEC 11172-3 2.4.1.3
(MPEG audio).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lumina_rt.media.job import MediaRefused

HEAD = 4096


@dataclass(frozen=True, slots=True)
class Real:
    family: Literal["image", "clip"]
    reader: str
    """Pillow's format, or ffmpeg's demuxer: nothing else is tried."""
    content_type: str


JPEG = Real("image", "JPEG", "image/jpeg")
PNG = Real("image", "PNG", "image/png")
GIF = Real("image", "GIF", "image/gif")
WEBP = Real("image", "WEBP", "image/webp")
AVIF = Real("image", "AVIF", "image/avif")
MP4 = Real("clip", "mov", "video/mp4")
M4A = Real("clip", "mov", "audio/mp4")
QUICKTIME = Real("clip", "mov", "video/quicktime")
WEBM = Real("clip", "matroska", "video/webm")
OGG = Real("clip", "ogg", "audio/ogg")
FLAC = Real("clip", "flac", "audio/flac")
WAV = Real("clip", "wav", "audio/wav")
MP3 = Real("clip", "mp3", "audio/mpeg")
AAC = Real("clip", "aac", "audio/aac")

BEGINNINGS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"\x1a\x45\xdf\xa3", WEBM),
    (b"OggS\0", OGG),
    (b"fLaC", FLAC),
    (b"ID3", MP3),
)
RIFF = {b"WEBP": WEBP, b"WAVE": WAV}
BRANDS = {b"avif": AVIF, b"avis": AVIF, b"qt  ": QUICKTIME, b"M4A ": M4A, b"M4B ": M4A}
UNREAD_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"crx ")
TAKEN = "JPEG, PNG, GIF, WebP, AVIF, MP4, MOV, WebM, Ogg, MP3, M4A, AAC, FLAC and WAV are taken"
# What a browser or a server that guesses may take for a page or for a program, however it begins.
PAGES = (b"<script", b"<html", b"<!doctype html", b"<svg", b"<?php", b"<iframe", b"%pdf-")


def real_type(path: Path) -> Real:
    """Raises MediaRefused (`type`, `polyglot`)."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    found = sniff(head)
    if found is None:
        raise MediaRefused("type", f"This is of no type that is taken. {TAKEN}.")
    if any(page in head.lower() for page in PAGES) or _is_archive(path):
        raise MediaRefused("polyglot", "The file is of two types at once.")
    return found


def sniff(head: bytes) -> Real | None:
    """Of the first 16 bytes or more."""
    for beginning, real in BEGINNINGS:
        if head.startswith(beginning):
            return real
    if head[:4] == b"RIFF":
        return RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return None if brand in UNREAD_BRANDS else BRANDS.get(brand, MP4)
    return _mpeg_audio(head)


def _mpeg_audio(head: bytes) -> Real | None:
    """The sync word, and no value that is reserved: text is not taken for sound."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return AAC if head[1] & 0xF6 == 0xF0 else None
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    good = version != 1 and layer == 1 and bitrate not in (0, 15) and rate != 3
    return MP3 if good else None


def _is_archive(path: Path) -> bool:
    """Whether a zip is anywhere in it: one is found by its end, so anything may be before it."""
    try:
        with zipfile.ZipFile(path):
            return True
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
