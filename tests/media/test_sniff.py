"""What a file is, by what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lumina_protocol.uploads import CONTENT_TYPES
from PIL import Image

from lumina_rt.media.job import MediaRefused
from lumina_rt.media.sniff import AVIF, GIF, HEAD, JPEG, MP4, PNG, WEBP, real_type, sniff
from tests.media.files import archive, corners, encoded, photo

SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
)


def code(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(MediaRefused) as refused:
        real_type(path)
    assert refused.value.why.endswith(".")
    return refused.value.code


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_pictures_are_what_pillow_reads_them_as(format: str) -> None:
    found = sniff(encoded(corners(), format)[:HEAD])
    assert found
    assert (found.family, found.reader) == ("image", format)


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\0\0\0\x20ftypisom\0\0\2\0", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x1cftypM4A \0\0\0\0", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", "video/webm"),
        (b"OggS\0\2\0\0\0\0\0\0", "audio/ogg"),
        (b"ID3\4\0\0\0\0\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\0\0\0\0", "audio/mpeg"),
        (b"\xff\xf1\x50\x80\0\0\0\0", "audio/aac"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
    ],
)
def test_videos_and_sounds_are_known(head: bytes, content_type: str) -> None:
    found = sniff(head)
    assert found
    assert (found.family, found.content_type) == ("clip", content_type)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SVG,
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7\n",
        b"\x7fELF\2\1\1\0",
        b"#EXTM3U\nhttp://169.254.169.254/latest\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"RIFF\x24\0\0\0AVI LIST",
        b"\xff\xff\xff\xff" * 10,
        b"II*\0\x08\0\0\0",
        archive(),
    ],
)
def test_what_is_not_on_the_list_is_refused(tmp_path: Path, content: bytes) -> None:
    assert code(tmp_path, content) == "type"


@pytest.mark.parametrize(
    "content",
    [
        photo() + archive(),
        encoded(corners(), "PNG") + archive(),
        encoded(corners(), "JPEG", comment=b"<ScRiPt>alert(1)</script>"),
        b"GIF89a/*<svg onload=alert(1)>*/" + encoded(corners(), "GIF"),
        encoded(Image.new("RGB", (9, 9)), "JPEG", comment=b"<?php system($_GET[0]); ?>"),
    ],
)
def test_what_is_two_things_at_once_is_refused(tmp_path: Path, content: bytes) -> None:
    assert code(tmp_path, content) == "polyglot"


@pytest.mark.parametrize("kind", ["image", "gif", "sticker"])
def test_no_picture_may_be_uploaded_that_is_not_read(kind: str) -> None:
    read = {real.content_type for real in (JPEG, PNG, GIF, WEBP, AVIF, MP4)}
    assert set(CONTENT_TYPES[kind]) <= read


@given(st.binary(max_size=64))
def test_no_bytes_confuse_it(head: bytes) -> None:
    found = sniff(head)
    assert found is None or found.family in ("image", "clip")
