"""What can be told of the image without building it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]
LAST_STAGE = STEPS[max(i for i, step in enumerate(STEPS) if step[0] == "FROM") :]


def steps(name: str) -> list[str]:
    return [rest for word, rest in LAST_STAGE if word == name]


def test_it_runs_as_somebody_without_rights_and_says_how_it_is() -> None:
    assert steps("USER") == ["lumina"]
    assert any("useradd --system" in run for run in steps("RUN"))
    assert "/healthz" in "".join(steps("HEALTHCHECK"))


def test_it_is_built_in_stages_and_one_image_serves_every_role() -> None:
    assert sum(word == "FROM" for word, _ in STEPS) == 2
    assert steps("COPY") == ["--from=build /opt/lumina /opt/lumina"]
    assert steps("ENTRYPOINT") == ['["lumina"]']
    assert steps("CMD") == ['["serve"]']


def test_it_needs_no_buildkit() -> None:
    text = "\n".join(LINES)
    assert not re.search(r"--mount|<<|--chmod|--link|# *syntax=", text)


def test_what_it_copies_is_there_and_not_kept_from_it() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for word, rest in STEPS:
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source not in ignored
