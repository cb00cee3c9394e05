"""Videos and sounds: what is kept of them, and what is refused."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from PIL import Image

from lumina_rt.media import clips
from lumina_rt.media.job import Kind, MediaRefused, Processed
from lumina_rt.media.sniff import real_type
from lumina_rt.media.waveform import FEWEST, MOST, peaks
from tests.media.files import job, made, needs_ffmpeg, photo

PLACE = "+52.5200+013.4050/"
PICTURE = ("-f", "lavfi", "-i", "color=c=orange:size=320x180:rate=10")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
TOLD = ("-metadata", f"location={PLACE}", "-metadata", "title=secret title")


def processed(tmp_path: Path, content: bytes | Path, kind: Kind, **limits: int) -> Processed:
    asked = job(tmp_path, content, kind, **limits)
    return clips.process(asked, real_type(asked.source), lambda share: None)


def refused(tmp_path: Path, content: bytes | Path, kind: Kind, **limits: int) -> str:
    with pytest.raises(MediaRefused) as error:
        processed(tmp_path, content, kind, **limits)
    return error.value.code


def video(tmp_path: Path, *options: str, name: str = "made.mp4", seconds: str = "3") -> Path:
    return made(tmp_path / name, *PICTURE, *TONE, "-t", seconds, *options)


@needs_ffmpeg
def test_a_video_is_kept_without_where_it_was_made(tmp_path: Path) -> None:
    file = video(tmp_path, *H264, *TOLD, "-movflags", "+use_metadata_tags")
    content = file.read_bytes() + b"what is behind the end"
    assert b"secret title" in content
    done = processed(tmp_path, content, "video")
    kept = (tmp_path / "out" / "full.mp4").read_bytes()
    for secret in (b"secret title", PLACE.encode(), b"behind the end", b"Lavf"):
        assert secret not in kept
    assert (done.width, done.height) == (320, 180)
    assert 2900 <= (done.duration_ms or 0) <= 3100
    assert [each.name for each in done.variants] == ["full", "poster", "thumb"]
    assert done.variants[0].content_type == "video/mp4"
    with Image.open(tmp_path / "out" / "poster.jpg") as poster:
        red, green, blue = poster.getpixel((100, 100))  # type: ignore[misc]
    assert red > 200 > green > 100 > blue
    assert done.blurhash
    # The head comes first: it plays before all of it is there.
    assert kept.index(b"moov") < kept.index(b"mdat")


@needs_ffmpeg
def test_a_video_is_shown_as_it_was_held(tmp_path: Path) -> None:
    lying = video(tmp_path, *H264, name="lying.mp4", seconds="1")
    turned = lying.read_bytes()
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    quarter = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    at = turned.index(matrix, turned.index(b"tkhd"))
    done = processed(tmp_path, turned[:at] + quarter + turned[at + 36 :], "video")
    assert (done.width, done.height) == (180, 320)
    assert (done.variants[1].width, done.variants[1].height) == (180, 320)


@needs_ffmpeg
def test_containers_and_codecs(tmp_path: Path) -> None:
    vp8 = ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")
    done = processed(tmp_path, video(tmp_path, *vp8, name="a.webm", seconds="1"), "video")
    assert done.variants[0].content_type == "video/webm"
    done = processed(tmp_path, video(tmp_path, *H264, name="a.mkv", seconds="1"), "video")
    assert done.variants[0].content_type == "video/mp4"
    film = video(tmp_path, *H264, seconds="2")
    done = processed(tmp_path, film, "gif")
    assert (done.variants[0].content_type, done.width) == ("video/mp4", 320)
    assert b"mp4a" in film.read_bytes()
    assert b"mp4a" not in (tmp_path / "out" / done.variants[0].file).read_bytes()
    assert refused(tmp_path, film, "gif", gif_ms=1000) == "too_long"
    other = ("-c:v", "mpeg4", "-c:a", "aac")
    assert refused(tmp_path, video(tmp_path, *other, seconds="1"), "video") == "codec"


@needs_ffmpeg
@pytest.mark.parametrize(
    ("codec", "ending", "content_type"),
    [
        ("aac", "m4a", "audio/mp4"),
        ("aac", "aac", "audio/mp4"),
        ("libmp3lame", "mp3", "audio/mpeg"),
        ("libopus", "ogg", "audio/ogg"),
        ("libopus", "webm", "audio/ogg"),
        ("flac", "flac", "audio/flac"),
        ("pcm_s16le", "wav", "audio/wav"),
    ],
)
def test_sounds(tmp_path: Path, codec: str, ending: str, content_type: str) -> None:
    file = made(tmp_path / f"a.{ending}", *TONE, "-t", "2", *TOLD, "-c:a", codec)
    done = processed(tmp_path, file, "voice_note")
    assert [each.content_type for each in done.variants] == [content_type]
    assert b"secret title" not in (tmp_path / "out" / done.variants[0].file).read_bytes()
    assert 1950 <= (done.duration_ms or 0) <= 2150
    assert len(done.waveform or ()) == FEWEST
    assert max(done.waveform or ()) == 255


@needs_ffmpeg
def test_a_cover_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "cover.jpg").write_bytes(photo())
    cover = ("-i", str(tmp_path / "cover.jpg"), "-map", "0:a", "-map", "1:v", "-c:v", "copy")
    file = made(tmp_path / "a.mp3", *TONE, *cover, "-t", "1", "-disposition:v", "attached_pic")
    assert b"SecretCameraMaker" in file.read_bytes()
    done = processed(tmp_path, file, "audio")
    assert done.waveform is None
    assert b"SecretCameraMaker" not in (tmp_path / "out" / done.variants[0].file).read_bytes()
    assert refused(tmp_path, file, "video") == "kind"


@needs_ffmpeg
def test_what_is_refused(tmp_path: Path) -> None:
    file = video(tmp_path, *H264)
    content = file.read_bytes()
    assert refused(tmp_path, file, "audio") == "kind"
    assert refused(tmp_path, file, "image") == "kind"
    assert refused(tmp_path, file, "video", duration_ms=2000) == "too_long"
    assert refused(tmp_path, file, "video", side=300) == "too_large"
    assert refused(tmp_path, content[: len(content) // 2], "video") == "truncated"
    playable = video(tmp_path, *H264, "-movflags", "+faststart").read_bytes()
    assert refused(tmp_path, playable[: len(playable) // 2], "video") == "truncated"
    assert refused(tmp_path, content[:40], "video") in ("truncated", "broken")
    sound = made(tmp_path / "a.ogg", *TONE, "-t", "2", "-c:a", "libopus")
    assert refused(tmp_path, sound, "voice_note", voice_ms=1000) == "too_long"
    assert refused(tmp_path, b"OggS" + bytes(400), "audio") in ("truncated", "broken")


def test_without_ffmpeg_it_is_kept_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    content = b"OggS\0\2" + bytes(400)
    done = processed(tmp_path, content, "voice_note")
    assert (done.not_available, done.duration_ms, done.waveform) == ("ffmpeg", None, None)
    assert (tmp_path / "out" / done.variants[0].file).read_bytes() == content
    assert refused(tmp_path, content, "video") == "kind"
    either = b"\0\0\0\x18ftypisom" + bytes(400)
    assert processed(tmp_path, either, "voice_note").variants[0].content_type == "audio/mp4"
    assert processed(tmp_path, either, "video").variants[0].content_type == "video/mp4"


def test_peaks_follow_the_loudness(tmp_path: Path) -> None:
    """Silence, then ever louder."""
    silent = [0] * 80_000
    louder = [int(30_000 * n / 80_000 * math.sin(n / 3)) for n in range(80_000)]
    file = tmp_path / "sound"
    file.write_bytes(struct.pack("<160000h", *silent, *louder))
    with file.open("rb") as sound:
        found, samples = peaks(sound, 1_000_000)
    assert samples == 160_000
    assert len(found) == 160
    assert found[:80] == [0] * 80
    assert found[81:] == sorted(found[81:])
    assert found[-1] == 255
    with file.open("rb") as sound:
        assert peaks(sound, 1000)[1] == 1000
    for size, count in ((0, FEWEST), (1, FEWEST), (2 * 8000 * 60, MOST)):
        file.write_bytes(bytes(size))
        with file.open("rb") as sound:
            assert peaks(sound, 10_000_000)[0] == [0] * count
