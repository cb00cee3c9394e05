"""Pictures: what is kept of them, and what is refused."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageOps

from lumina_rt.media import pictures
from lumina_rt.media.job import Kind, MediaRefused, Processed
from lumina_rt.media.sniff import real_type
from tests.media.files import (
    TOLD,
    corners,
    encoded,
    job,
    moving,
    photo,
    pixel_bomb,
    text_bomb,
    webp_bomb,
    wide_bomb,
)


def processed(tmp_path: Path, content: bytes, kind: Kind = "image", **limits: int) -> Processed:
    asked = job(tmp_path, content, kind, **limits)
    return pictures.process(asked, real_type(asked.source), lambda share: None)


def refused(tmp_path: Path, content: bytes, kind: Kind = "image", **limits: int) -> str:
    with pytest.raises(MediaRefused) as error:
        processed(tmp_path, content, kind, **limits)
    assert list((tmp_path / "out").iterdir()) == []
    return error.value.code


def opened(tmp_path: Path, done: Processed, name: str = "full") -> Image.Image:
    variant = next(each for each in done.variants if each.name == name)
    with Image.open(tmp_path / "out" / variant.file) as image:
        image.load()
    assert (image.width, image.height) == (variant.width, variant.height)
    return image


def looks_like(one: Image.Image, other: Image.Image) -> bool:
    """As far as JPEG keeps colours, in the middle of each quarter."""
    one, other = (
        image.convert("RGB").resize((2, 2), Image.Resampling.BOX) for image in (one, other)
    )
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return all(abs(a - b) < 12 for a, b in pairs)


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_photo_is_turned_and_tells_nothing(tmp_path: Path, turned: int) -> None:
    content = photo(800, 600, turned)
    assert all(secret in content for secret in TOLD if secret != b"ICCP")
    done = processed(tmp_path, content)
    for variant in done.variants:
        kept = (tmp_path / "out" / variant.file).read_bytes()
        assert [secret for secret in TOLD if secret in kept] == []
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image)
    assert (done.width, done.height) == upright.size
    for variant in done.variants:
        assert looks_like(opened(tmp_path, done, variant.name), upright)


def test_a_comment_alone_is_dropped_too(tmp_path: Path) -> None:
    done = processed(tmp_path, encoded(corners(), "JPEG", comment=b"secret comment"))
    assert b"secret comment" not in (tmp_path / "out" / done.variants[0].file).read_bytes()


def test_sizes(tmp_path: Path) -> None:
    done = processed(tmp_path, photo(6000, 1500))
    sizes = {each.name: (each.content_type, each.width, each.height) for each in done.variants}
    assert sizes == {
        "full": ("image/jpeg", 4096, 1024),
        "medium": ("image/webp", 1280, 320),
        "small": ("image/webp", 480, 120),
        "thumb": ("image/webp", 160, 40),
    }
    assert done.blurhash
    small = processed(tmp_path, photo(100, 50))
    assert [each.name for each in small.variants] == ["full"]


def test_colours_are_made_srgb(tmp_path: Path) -> None:
    """By a profile in which red and blue have changed places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table, rest = profile[:400], profile[400:]
    for was, is_ in ((b"rXYZ", b"?XYZ"), (b"bXYZ", b"rXYZ"), (b"?XYZ", b"bXYZ")):
        table = table.replace(was, is_)
    image = Image.new("RGB", (64, 64), (200, 30, 30))
    done = processed(tmp_path, encoded(image, "PNG", icc_profile=table + rest))
    red, _, blue = opened(tmp_path, done).getpixel((30, 30))  # type: ignore[misc]
    assert blue > red + 50
    done = processed(tmp_path, encoded(image, "PNG", icc_profile=b"no profile"))
    assert looks_like(opened(tmp_path, done), image)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_a_png(tmp_path: Path, mode: str) -> None:
    image = (
        corners().convert("L").convert("I").point(lambda value: value * 256)
        if mode == "I;16"
        else corners()
    )
    done = processed(tmp_path, encoded(image.convert(mode), "PNG"))
    assert done.variants[0].content_type == "image/jpeg"
    grey = mode in ("L", "LA", "I;16")
    if mode != "1":
        assert looks_like(opened(tmp_path, done), corners().convert("L") if grey else corners())


def test_printers_colours(tmp_path: Path) -> None:
    done = processed(tmp_path, encoded(corners().convert("CMYK"), "JPEG", quality=95))
    assert looks_like(opened(tmp_path, done), corners())


def test_what_is_seen_through_stays_so(tmp_path: Path) -> None:
    image = corners().convert("RGBA")
    image.putalpha(90)
    done = processed(tmp_path, encoded(image, "PNG"))
    assert done.variants[0].content_type == "image/webp"
    kept = opened(tmp_path, done)
    assert abs(kept.getpixel((5, 5))[3] - 90) < 3  # type: ignore[index]


def test_what_comes_behind_the_end_is_dropped(tmp_path: Path) -> None:
    """As a phone puts a little film behind a photo."""
    done = processed(tmp_path, photo() + b"\0\0\0\x18ftypmp42" + b"little film" * 1000)
    assert b"film" not in (tmp_path / "out" / done.variants[0].file).read_bytes()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("kind", ["gif", "sticker"])
def test_what_moves_goes_on_moving(tmp_path: Path, format: str, kind: Kind) -> None:
    done = processed(tmp_path, moving(format, side=600), kind)
    assert done.duration_ms == 350
    kept = opened(tmp_path, done)
    assert (kept.format, kept.n_frames) == ("WEBP", 5)  # type: ignore[attr-defined]
    assert max(kept.size) == pictures.FULL[kind]
    assert [each.name for each in done.variants][:2] == ["full", "poster"]
    assert max(opened(tmp_path, done, "thumb").size) == 160


def test_a_picture_that_moves_is_still_as_an_image(tmp_path: Path) -> None:
    done = processed(tmp_path, moving("GIF"))
    assert done.variants[0].content_type == "image/jpeg"
    assert done.duration_ms is None


@pytest.mark.parametrize(
    ("bomb", "code"), [(pixel_bomb, "too_large"), (wide_bomb, "too_large"), (text_bomb, "broken")]
)
def test_bombs_are_refused_before_they_go_off(
    tmp_path: Path, bomb: Callable[[], bytes], code: str
) -> None:
    content = bomb()
    began = time.process_time()
    assert refused(tmp_path, content) == code
    assert time.process_time() - began < 1


def test_a_long_animation_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, moving(frames=6), "gif", frames=5) == "too_long"
    assert refused(tmp_path, moving(frames=6), "gif", frames_pixels=10_000) == "too_long"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_half_a_picture_is_refused(tmp_path: Path, format: str, share: float) -> None:
    noise = Image.effect_noise((200, 100), 80).convert("RGB")
    content = encoded(noise, format)
    assert refused(tmp_path, content[: int(len(content) * share)]) in ("truncated", "broken")


@pytest.mark.parametrize("kind", ["video", "audio", "voice_note"])
def test_a_picture_is_nothing_else(tmp_path: Path, kind: Kind) -> None:
    assert refused(tmp_path, photo(), kind) == "kind"


def test_a_canvas_too_large_for_its_memory(tmp_path: Path) -> None:
    assert refused(tmp_path, webp_bomb()) in ("too_large", "broken", "truncated")
