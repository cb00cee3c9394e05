"""The process that reads a file, as a node meets it: whatever is in the file, the node goes on, and
nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import psutil
import pytest
from PIL import Image

from lumina_rt.media.job import Job, Kind, Limits, MediaFailed, MediaRefused
from lumina_rt.media.process import process
from lumina_rt.media.workroom import sweep, workroom
from tests.media.files import (
    archive,
    corners,
    encoded,
    job,
    made,
    moving,
    needs_ffmpeg,
    photo,
    webp_bomb,
)


async def refused(asked: Job) -> str:
    with pytest.raises(MediaRefused) as error:
        await process(asked)
    return error.value.code


@cache
def slow() -> bytes:
    """A picture that takes seconds, and not to make it."""
    noise = Image.effect_noise((400, 400), 80).convert("RGB")
    return encoded(noise.resize((5000, 5000), Image.Resampling.NEAREST), "JPEG", quality=50)


def children() -> list[psutil.Process]:
    """Also theirs; without the engines, which other tests have started."""
    engines = {"postgres", "valkey-server", "redis-server"}
    return [one for one in psutil.Process().children(recursive=True) if one.name() not in engines]


def went_on(asked: Job) -> bool:
    """It has written what comes after the first progress that it tells."""
    full = asked.folder / "full.jpg"
    return full.exists() and full.stat().st_size > 0


async def test_a_picture_goes_through(tmp_path: Path) -> None:
    shares: list[float] = []
    done = await process(job(tmp_path, photo(600, 300, turned=6), "image"), shares.append)
    assert (done.width, done.height) == (300, 600)
    assert [each.name for each in done.variants] == ["full", "small", "thumb"]
    assert shares == sorted(shares)
    assert len(shares) >= 3
    files = {each.file: each.bytes for each in done.variants}
    assert files == {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert children() == []


async def test_refusals_say_why(tmp_path: Path) -> None:
    assert await refused(job(tmp_path, archive(50_000_000), "image")) == "type"
    assert await refused(job(tmp_path, photo() + archive(), "image")) == "polyglot"
    assert await refused(job(tmp_path, moving(), "video")) == "kind"


async def test_memory_ends(tmp_path: Path) -> None:
    """Of the process alone: this one goes on."""
    large = encoded(Image.new("RGB", (6000, 6000)), "PNG")
    assert await refused(job(tmp_path, large, "image", memory=200 * 2**20)) == "memory"
    assert await refused(job(tmp_path, webp_bomb(), "image")) in ("too_large", "memory", "broken")


async def test_time_ends(tmp_path: Path) -> None:
    assert await refused(job(tmp_path, slow(), "image", cpu_s=1)) == "time"
    began = time.monotonic()
    assert await refused(job(tmp_path, slow(), "image", wall_s=0.3)) == "time"
    assert time.monotonic() - began < 5
    assert children() == []


async def test_what_comes_of_it_may_be_too_much(tmp_path: Path) -> None:
    noise = encoded(Image.effect_noise((500, 500), 80).convert("RGB"), "PNG")
    assert await refused(job(tmp_path, noise, "image", file_bytes=1000)) == "too_large"


async def test_a_cancelled_job_ends_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which was told no secrets, and lets chat go first."""
    monkeypatch.setenv("LUMINA_SECRET", "not for it")
    begun = asyncio.Event()
    asked = job(tmp_path, slow(), "image")
    task = asyncio.create_task(process(asked, lambda share: begun.set()))
    await begun.wait()
    [child] = children()
    assert set(child.environ()) <= {"PATH", "LC_ALL", "LC_CTYPE"}
    assert child.nice() > psutil.Process().nice()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == []
    assert not went_on(asked)


async def test_this_machines_faults_are_not_the_files(tmp_path: Path) -> None:
    asked = job(tmp_path, photo(), "image")
    with pytest.raises(MediaFailed, match="FileNotFoundError"):
        await process(Job(tmp_path / "none", asked.folder, "image"))
    with pytest.raises(MediaFailed, match="FileNotFoundError"):
        await process(Job(asked.source, tmp_path / "none", "image"))


async def test_it_dies_with_its_node(tmp_path: Path) -> None:
    """Who keeps its time is gone then."""
    asked = job(tmp_path, slow(), "image")
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from lumina_rt.media.job import Job\n"
        "from lumina_rt.media.process import process\n"
        f"asked = Job(Path({str(asked.source)!r}), Path({str(asked.folder)!r}), 'image')\n"
        "asyncio.run(process(asked, lambda share: print('begun', flush=True)))\n"
    )
    node = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert node.stdout
    assert node.stdout.readline() == b"begun\n"
    [child] = psutil.Process(node.pid).children()
    node.kill()
    node.wait()
    node.stdout.close()
    child.wait(timeout=10)
    assert not went_on(asked)


def test_a_node_does_not_load_what_reads_files() -> None:
    """What only few need, nobody keeps in memory."""
    code = (
        "import sys, lumina_rt.media.process, lumina_rt.media.workroom\n"
        "print([name for name in sys.modules if name.startswith('PIL')\n"
        "       or name in ('lumina_rt.media.pictures', 'lumina_rt.media.clips')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_folders_of_dead_nodes_are_swept(tmp_path: Path) -> None:
    with workroom(tmp_path) as alive:
        (alive / "file").write_bytes(b"in use")
        left = tmp_path / "job-left"
        (left / "out").mkdir(parents=True)
        (left / "out" / "file").write_bytes(b"left")
        young = tmp_path / "job-young"
        young.mkdir()
        for folder in (alive, left):
            os.utime(folder, (0, 0))
        assert sweep(tmp_path) == 1
        assert sorted(tmp_path.iterdir()) == sorted([alive, young])
        assert alive.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == [young]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut out, doubled, or put elsewhere; the first few stay, or it is soon over."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 3, 20])):
        at = chance.randrange(4, len(data))
        size = chance.choice([1, 2, 4, 100])
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                data[at : at + size] = chance.choice([b"\0", b"\xff"]) * size
            case 2:
                del data[at : at + size]
            case _:
                data[at:at] = data[max(0, at - size) : at]
    return bytes(data[: chance.choice([None, len(data) // 2, len(data)])])


async def survive(tmp_path: Path, content: bytes, kind: Kind) -> None:
    """Either it is taken, or it is refused; a process that crashes is a fault that is told."""
    with workroom(tmp_path) as folder:
        (folder / "out").mkdir()
        (folder / "source").write_bytes(content)
        asked = Job(folder / "source", folder / "out", kind, Limits(cpu_s=10, wall_s=15))
        try:
            done = await process(asked)
        except (MediaRefused, MediaFailed):
            return
        assert done.variants[0].name == "full"


async def test_mutations_of_pictures(tmp_path: Path) -> None:
    chance = random.Random(8)
    formats = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
    good = [photo()] + [encoded(corners(), each) for each in formats] + [moving("WEBP")]
    for number in range(14):
        content = mutated(good[number % len(good)], chance)
        await survive(tmp_path, content, chance.choice(["image", "gif"]))
    assert list(tmp_path.iterdir()) == []
    assert children() == []


@needs_ffmpeg
async def test_mutations_of_clips(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    source = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-f", "lavfi", "-i", "sine")
    good = [
        (made(files / f"a.{ending}", *source, "-t", "1").read_bytes(), kind)
        for ending, kind in (("mp4", "video"), ("webm", "video"), ("ogg", "voice_note"))
    ]
    chance = random.Random(9)
    for number in range(6):
        content, kind = good[number % len(good)]
        await survive(tmp_path / "rooms", mutated(content, chance), kind)  # type: ignore[arg-type]
    assert list((tmp_path / "rooms").iterdir()) == []
    assert children() == []
