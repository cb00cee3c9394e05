"""Videos and sounds: their streams are kept as they came, in a new container with nothing else.

Where somebody was when they filmed it, covers, chapters, subtitles, and what comes behind the end
of the file are not in what is kept. Nothing is encoded anew: that would cost minutes for each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lumina_rt.media import ffmpeg, waveform
from lumina_rt.media.job import Job, Limits, MediaRefused, Processed, Progress, Variant
from lumina_rt.media.sniff import Real

MP4_SOUND = {"aac", "mp3", "opus", "flac", "alac", "ac3"}
SOUNDS = {
    "aac": ("mp4", "m4a", "audio/mp4"),
    "alac": ("mp4", "m4a", "audio/mp4"),
    "mp3": ("mp3", "mp3", "audio/mpeg"),
    "opus": ("ogg", "ogg", "audio/ogg"),
    "vorbis": ("ogg", "ogg", "audio/ogg"),
    "flac": ("flac", "flac", "audio/flac"),
    "pcm_s16le": ("wav", "wav", "audio/wav"),
    "pcm_s24le": ("wav", "wav", "audio/wav"),
}
"""By codec: ffmpeg's muxer, the ending and the type."""
VIDEOS = (
    ({"vp8", "vp9", "av1"}, {"opus", "vorbis"}, ("webm", "webm", "video/webm")),
    ({"h264", "hevc", "av1", "vp9"}, MP4_SOUND, ("mp4", "mp4", "video/mp4")),
)
"""Codecs of the picture and of the sound that go into a container; the first that fits."""
MOVING = ("video", "gif")
EITHER = {"mov": "audio/mp4", "matroska": "audio/webm"}
"""Demuxers of what may be a video or a sound alone, and what it is then."""
DEMUXERS = {"webm": "matroska", "mp4": "mov"}
NOTHING_ELSE = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-sn", "-dn")


@dataclass(frozen=True, slots=True)
class Streams:
    video: dict[str, Any] | None
    sound: dict[str, Any] | None
    duration_ms: int | None


def process(job: Job, real: Real, progress: Progress) -> Processed:
    """Raises MediaRefused, MemoryError, and OSError when files cannot be written."""
    if job.kind in ("image", "sticker"):
        raise MediaRefused("kind", "This is no picture.")
    if not ffmpeg.is_there():
        return _as_it_came(job, real)
    streams = _streams(ffmpeg.probe(job.source, real.reader))
    if job.kind == "gif":  # it is never heard
        streams = replace(streams, sound=None)
    kept = _kept_in(streams, job.kind)
    _refuse_long(streams.duration_ms, job)
    full, demuxer = _rewritten(job, real, streams, kept)
    progress(0.5)
    found = _streams(ffmpeg.probe(full, demuxer))
    _refuse_long(found.duration_ms, job)
    if job.kind in MOVING:
        return _video(job, full, demuxer, found, kept[2], progress)
    return _sound(job, full, demuxer, found, kept[2])


def _as_it_came(job: Job, real: Real) -> Processed:
    """Without ffmpeg nobody has looked into it: only its type is known."""
    moves, said = job.kind in MOVING, real.content_type
    if real.reader in EITHER:
        said = real.content_type if moves else EITHER[real.reader]
    if moves != said.startswith("video/"):
        raise MediaRefused("kind", f"This is {said}, and was said to be {job.kind}.")
    full = job.folder / f"full.{real.reader}"
    try:
        os.link(job.source, full)
    except OSError:
        shutil.copyfile(job.source, full)
    variant = Variant("full", full.name, said, full.stat().st_size)
    return Processed([variant], not_available="ffmpeg")


def _streams(said: dict[str, Any]) -> Streams:
    streams = said.get("streams", ())
    video, sound = _first(streams, "video"), _first(streams, "audio")
    lengths = [_ms(each) for each in (said.get("format", {}), video or {}, sound or {})]
    return Streams(video, sound, next((length for length in lengths if length), None))


def _first(streams: Iterable[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """A cover is a picture, and no video."""
    for stream in streams:
        cover = stream.get("disposition", {}).get("attached_pic")
        if stream.get("codec_type") == kind and not cover:
            return stream
    return None


def _ms(said: dict[str, Any]) -> int | None:
    try:
        return max(0, round(float(said["duration"]) * 1000))
    except (KeyError, ValueError, OverflowError):
        return None


def _kept_in(streams: Streams, kind: str) -> tuple[str, str, str]:
    """Muxer, ending and type. Raises MediaRefused when it is not what was said, or apps could not
    play it."""
    if (kind in MOVING) != (streams.video is not None):
        has = "a" if streams.video else "no"
        raise MediaRefused("kind", f"There is {has} video in it, and it was said to be {kind}.")
    sound = streams.sound and str(streams.sound.get("codec_name"))
    if streams.video:
        picture = str(streams.video.get("codec_name"))
        for pictures, sounds, container in VIDEOS:
            if picture in pictures and (sound is None or sound in sounds):
                return container
        raise MediaRefused("codec", f"{picture} and {sound} are not taken together in a video.")
    if sound is None:
        raise MediaRefused("broken", "There is no sound in it.")
    if sound not in SOUNDS:
        raise MediaRefused("codec", f"Sound in {sound} is not taken.")
    return SOUNDS[sound]


def _refuse_long(duration_ms: int | None, job: Job) -> None:
    limits = job.limits
    most = {"voice_note": limits.voice_ms, "gif": limits.gif_ms}.get(job.kind, limits.duration_ms)
    if (duration_ms or 0) > most:
        raise MediaRefused("too_long", f"It lasts {duration_ms} ms; at most {most} are taken.")


def _rewritten(
    job: Job, real: Real, streams: Streams, kept: tuple[str, str, str]
) -> tuple[Path, str]:
    """The file that is kept, and the demuxer that reads it."""
    muxer, ending, _ = kept
    full = job.folder / f"full.{ending}"
    wanted = [stream["index"] for stream in (streams.video, streams.sound) if stream]
    maps = [part for index in wanted for part in ("-map", f"0:{index}")]
    options = [*maps, "-c", "copy", *NOTHING_ELSE]
    if muxer == "mp4":
        options += ["-movflags", "+faststart"]
        if streams.video and streams.video.get("codec_name") == "hevc":
            options += ["-tag:v", "hvc1"]  # or Apple's players do not know it
    ffmpeg.make(job.source, real.reader, *options, "-f", muxer, made=full)
    return full, DEMUXERS.get(muxer, muxer)


def _video(
    job: Job, full: Path, demuxer: str, found: Streams, content_type: str, progress: Progress
) -> Processed:
    if found.video is None:
        raise MediaRefused("broken", "The video cannot be read.")
    width, height = _shown(found.video, job.limits)
    poster = _poster(job, full, demuxer, found.duration_ms or 0)
    progress(0.8)
    # Here, since most sounds need no pictures.
    from lumina_rt.media import pictures  # noqa: PLC0415
    from lumina_rt.media.sniff import PNG  # noqa: PLC0415

    with pictures.opened(poster, PNG, job.limits) as image:
        still = image.convert("RGB")
    still.info = {}
    poster.unlink()
    small = pictures.smaller(still, job.folder, pictures.FULL["poster"])
    size = full.stat().st_size
    variants = [
        Variant("full", full.name, content_type, size, width, height),
        pictures.save(still, job.folder, "poster"),
        *small,
    ]
    hash_ = pictures.blurred(still)
    return Processed(variants, width, height, found.duration_ms, hash_)


def _shown(video: dict[str, Any], limits: Limits) -> tuple[int, int]:
    """Pixels, turned as the display matrix says (ISO/IEC 14496-12 6.2.2)."""
    width, height = int(video.get("width", 0)), int(video.get("height", 0))
    if not width or not height:
        raise MediaRefused("broken", "The video cannot be read.")
    if width * height > limits.pixels or max(width, height) > limits.side:
        raise MediaRefused("too_large", f"{width} x {height} pixels are more than are taken.")
    turns = [int(side.get("rotation", 0)) for side in video.get("side_data_list", ())]
    return (height, width) if any(turn % 180 for turn in turns) else (width, height)


def _poster(job: Job, full: Path, demuxer: str, duration_ms: int) -> Path:
    """A frame of the first second or the first tenth: the very first is often black."""
    made = job.folder / "poster.png"
    at = f"{min(1000, duration_ms // 10) / 1000:.3f}"
    side = 1280
    fit = f"scale='min({side},iw)':'min({side},ih)':force_original_aspect_ratio=decrease"
    options = ("-map", "0:v:0", "-frames:v", "1", "-vf", fit, "-map_metadata", "-1")
    how = (*options, "-f", "image2", "-update", "1", "-c:v", "png")
    ffmpeg.make(full, demuxer, *how, made=made, before=("-ss", at))
    return made


def _sound(job: Job, full: Path, demuxer: str, found: Streams, content_type: str) -> Processed:
    variant = Variant("full", full.name, content_type, full.stat().st_size)
    if job.kind != "voice_note":
        return Processed([variant], duration_ms=found.duration_ms)
    decoded = ("-map", "0:a:0", "-ac", "1", "-ar", str(waveform.RATE), "-f", "s16le")
    most = job.limits.voice_ms * waveform.RATE // 1000
    with ffmpeg.decoding(full, demuxer, *decoded) as sound:
        peaks, samples = waveform.peaks(sound, most + 1)
        if samples > most:
            _refuse_long(job.limits.voice_ms + 1, job)
    if not samples:
        raise MediaRefused("broken", "There is no sound in it.")
    return Processed([variant], duration_ms=samples * 1000 // waveform.RATE, waveform=peaks)
