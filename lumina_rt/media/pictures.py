"""Pictures: decoded, and encoded anew with nothing but their pixels.

What else was in the file, EXIF with the place and the camera, comments, colour profiles, previews,
what comes behind its end, is not in what is kept.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from lumina_rt.media import blurhash
from lumina_rt.media.job import Job, Limits, MediaRefused, Processed, Progress, Variant
from lumina_rt.media.sniff import Real

FULL = {"image": 4096, "gif": 480, "sticker": 512, "poster": 1280}
"""The longest side of what is kept, in pixels."""
SMALLER = (("medium", 1280), ("small", 480), ("thumb", 160))
JPEG = {"quality": 85, "optimize": True, "progressive": True}
WEBP = {"quality": 80, "method": 4}
MOVING = {"quality": 75, "method": 2}
SHORTEST_MS, FRAME_MS = 20, 100
"""What browsers show a frame for that says less than the first: the second."""


def process(job: Job, real: Real, progress: Progress) -> Processed:
    """Raises MediaRefused, MemoryError, and OSError when files cannot be written."""
    if job.kind not in ("image", "gif", "sticker"):
        raise MediaRefused("kind", "This is a picture, and was said to be something else.")
    side = FULL[job.kind]
    with opened(job.source, real, job.limits) as image:
        moves = job.kind != "image" and _count(image) > 1
        if moves:
            _refuse_long(image, job.limits)
        frames, times = _frames(image, side, progress) if moves else ([_upright(image, side)], [])
    if moves:
        return _animation(frames, times, job.folder, side)
    progress(0.3)
    return stills(frames[0], job.folder, side, progress)


@contextmanager
def opened(source: Path, real: Real, limits: Limits) -> Iterator[Image.Image]:
    """Only its head is read before its size is known to be within the limits."""
    Image.MAX_IMAGE_PIXELS = limits.pixels
    with decoding(), Image.open(source, formats=[real.reader]) as image:
        _refuse_large(image, limits)
        yield image


def _refuse_large(image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.pixels or max(width, height) > limits.side:
        most = f"{limits.pixels // 1_000_000} megapixels, {limits.side} on a side"
        raise MediaRefused("too_large", f"{width} x {height} pixels; at most {most}.")


@contextmanager
def decoding() -> Iterator[None]:
    """Decoders raise what they like for bytes that they do not expect."""
    try:
        yield
    except (MediaRefused, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaRefused("too_large", "It has more pixels than are taken.") from error
    except Exception as error:
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            raise MediaRefused("truncated", "The end of the file is missing.") from error
        raise MediaRefused("broken", "The picture cannot be read.") from error


def _upright(image: Image.Image, side: int) -> Image.Image:
    """Its pixels in sRGB, turned as its EXIF says, no larger than `side` on a side."""
    image.draft(None, (side, side))  # a JPEG is decoded at half the size where that is enough
    image.load()
    pixels = srgb(image)
    pixels.thumbnail((side, side), reducing_gap=3.0)
    turned = _turned(pixels, image)
    turned.info = {}  # comments would be written again
    return turned


def _turned(pixels: Image.Image, image: Image.Image) -> Image.Image:
    try:
        way = image.getexif().get(0x0112)
    except Exception:  # EXIF that is broken turns nothing
        return pixels
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(way if isinstance(way, int) else 1)
    return pixels if method is None else pixels.transpose(method)


def srgb(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is seen through. A profile that is broken counts for none."""
    profile, has_alpha = image.info.get("icc_profile"), image.has_transparency_data
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would cut off at 255
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("P", "PA", "LA", "La", "1") or (has_alpha and image.mode != "RGBA"):
        image = image.convert("RGBA" if has_alpha else "RGB")
    image = _by_profile(image, profile) if profile else image
    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == 255:
        return image.convert("RGB")
    return image


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        to = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, to, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def stills(image: Image.Image, folder: Path, side: int, progress: Progress) -> Processed:
    """All that is made of one picture: what is kept, and what is smaller."""
    variants = [save(image, folder, "full")]
    progress(0.6)
    variants += smaller(image, folder, side)
    progress(0.95)
    return Processed(
        variants=variants,
        width=image.width,
        height=image.height,
        blurhash=blurred(image),
    )


def smaller(image: Image.Image, folder: Path, side: int) -> list[Variant]:
    """Each made of the one before it, and none that would not be smaller."""
    made = []
    for name, length in SMALLER:
        if length < min(side, max(image.size)):
            image = image.copy()
            image.thumbnail((length, length), Image.Resampling.LANCZOS)
            made.append(save(image, folder, name))
    return made


def save(image: Image.Image, folder: Path, name: str) -> Variant:
    """JPEG where everything shall read it, WebP for what only apps of today ask for."""
    if name in ("full", "poster") and image.mode == "RGB":
        return _saved(image, folder, name, "jpg", JPEG)
    return _saved(image, folder, name, "webp", WEBP)


def _saved(
    image: Image.Image, folder: Path, name: str, ending: str, how: Mapping[str, Any]
) -> Variant:
    path = folder / f"{name}.{ending}"
    image.save(path, **how)
    content_type = "image/jpeg" if ending == "jpg" else "image/webp"
    return Variant(name, path.name, content_type, path.stat().st_size, image.width, image.height)


def blurred(image: Image.Image) -> str:
    """On white, where something is seen through."""
    small = image.resize((blurhash.SIDE, blurhash.SIDE), Image.Resampling.BOX, reducing_gap=3.0)
    if small.mode == "RGBA":
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small)
    data = small.convert("RGB").tobytes()
    pixels = [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]
    return blurhash.encode(pixels, small.width, small.height)


def _count(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _refuse_long(image: Image.Image, limits: Limits) -> None:
    count, (width, height) = _count(image), image.size
    if count > limits.frames or count * width * height > limits.frames_pixels:
        most = f"{limits.frames} frames, {limits.frames_pixels // 1_000_000} megapixels"
        raise MediaRefused("too_long", f"{count} frames; at most {most} together.")


def _frames(
    image: Image.Image, side: int, progress: Progress
) -> tuple[list[Image.Image], list[int]]:
    """With the time of each in ms. Made small one by one: whole, they would be too many."""
    frames, times = [], []
    count = _count(image)
    for number in range(count):
        image.seek(number)
        frame = image.convert("RGBA")
        frame.thumbnail((side, side), reducing_gap=3.0)
        frame.info = {}
        frames.append(frame)
        said = int(image.info.get("duration") or 0)
        times.append(said if said >= SHORTEST_MS else FRAME_MS)
        if number % 10 == 0:
            progress(0.1 + 0.6 * number / count)
    return frames, times


def _animation(frames: list[Image.Image], times: list[int], folder: Path, side: int) -> Processed:
    """An animated WebP, and its first frame as a picture."""
    first, *others = frames
    how = {**MOVING, "save_all": True, "append_images": others, "duration": times, "loop": 0}
    kept = _saved(first, folder, "full", "webp", how)
    still = srgb(first)
    return Processed(
        variants=[kept, save(still, folder, "poster"), *smaller(still, folder, side)],
        width=first.width,
        height=first.height,
        duration_ms=sum(times),
        blurhash=blurred(still),
    )
