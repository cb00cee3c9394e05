"""Golden vectors and schemas: they say what the code does, and they say it of everything."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import generate
import pytest
from lumina_protocol import EVENTS, REQUESTS
from lumina_protocol.codec import CODECS, JSON, MSGPACK, Codec, Malformed
from lumina_protocol.errors import ERRORS, ErrorBody
from lumina_protocol.frame import ErrorFrame, ReplyFrame, RequestFrame

from tests.protocol.vectors import PROTOCOL, VECTORS, Vector, encode, malformed, model_of

BAD = malformed()
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=[v.name for v in VECTORS])
each_codec = pytest.mark.parametrize("codec", list(CODECS.values()), ids=list(CODECS))


@each_vector
def test_both_forms_are_the_same_frame(vector: Vector) -> None:
    frames = [vector.frame(codec) for codec in (JSON, MSGPACK)]
    heads = [
        (type(frame), getattr(frame, "id", None), getattr(frame, "op", None)) for frame in frames
    ]
    assert heads[0] == heads[1]
    assert vector.model(JSON) == vector.model(MSGPACK)


@each_vector
@each_codec
def test_the_model_is_written_as_the_vector_says(vector: Vector, codec: Codec) -> None:
    assert encode(codec, vector.frame(codec), vector.model(codec)) == vector.data(codec)


@each_vector
def test_the_body_has_only_what_its_model_knows(vector: Vector) -> None:
    frame = vector.frame(JSON)
    assert set(frame.body) <= set(model_of(frame, vector.subject).model_fields)


@each_vector
def test_only_requests_come_from_clients(vector: Vector) -> None:
    asked = isinstance(vector.frame(JSON), RequestFrame)
    assert vector.direction == ("client to server" if asked else "server to client")


def test_names_are_unique() -> None:
    assert len({vector.name for vector in VECTORS}) == len(VECTORS)


def test_every_request_reply_event_and_error_has_a_vector() -> None:
    frames = [(vector.subject, vector.frame(JSON)) for vector in VECTORS]
    asked = {subject for subject, frame in frames if isinstance(frame, RequestFrame)}
    answered = {subject for subject, frame in frames if isinstance(frame, ReplyFrame)}
    errors = [frame for _, frame in frames if isinstance(frame, ErrorFrame)]
    assert asked == answered == set(REQUESTS)
    assert {subject for subject, _ in frames} == {*REQUESTS, *EVENTS, "error"}
    assert {frame.body["code"] for frame in errors} == set(ERRORS)
    assert any(set(frame.body) == set(ErrorBody.model_fields) for frame in errors)
    assert any(frame.id is None for frame in errors)


def test_every_field_has_a_vector() -> None:
    """Optional ones too: a decoder that has never met one is not tested."""
    shown: dict[str, set[str]] = {}
    for vector in VECTORS:
        model = model_of(vector.frame(JSON), vector.subject)
        shown.setdefault(model.__name__, set()).update(vector.frame(JSON).body)
    models = [*REQUESTS.values(), *(r.reply for r in REQUESTS.values()), *EVENTS.values()]
    assert {
        model.__name__: set(model.model_fields) - shown[model.__name__] for model in models
    } == {model.__name__: set() for model in models}


@pytest.mark.parametrize(
    ("codec", "data"),
    [bad[1:] for bad in BAD],
    ids=[f"{codec.subprotocol[10:]}: {name}" for name, codec, _ in BAD],
)
def test_malformed_is_refused(codec: Codec, data: bytes) -> None:
    with pytest.raises(Malformed):
        codec.decode(data)


def test_malformed_inputs_exist_for_both_codecs() -> None:
    for codec in CODECS.values():
        assert len([name for name, found, _ in BAD if found is codec]) > 40


@each_vector
def test_the_schema_fits_the_vector(vector: Vector) -> None:
    name = model_of(vector.frame(JSON), vector.subject).__name__
    schema = json.loads((PROTOCOL / "schema" / f"{vector.subject}.json").read_text())
    body = schema["$defs"][name]
    assert set(body.get("required", ())) <= set(vector.frame(JSON).body) <= set(body["properties"])


def test_what_is_checked_in_is_what_the_models_say() -> None:
    command = [sys.executable, str(PROTOCOL / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The generated files, to be made stale."""
    for name in ("schema", "vectors"):
        shutil.copytree(PROTOCOL / name, tmp_path / "protocol" / name)
    shutil.copy(PROTOCOL / "README.md", tmp_path / "protocol")
    return tmp_path / "protocol"


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*.*")}


def test_check_names_what_is_stale_and_writes_nothing(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "schema" / "ping.json").write_text("{}")
    (copy / "schema" / "account.forget.json").write_text("{}")
    (copy / "vectors" / "frames.json").unlink()
    readme = copy / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("940109a470696e6780", "00"), "utf-8")
    before = contents(copy)
    assert generate.main(["--check"], copy) == 1
    assert contents(copy) == before
    told = capsys.readouterr().err.splitlines()[1:]
    assert [line.strip() for line in told] == [
        "protocol/README.md",
        "protocol/schema/account.forget.json",
        "protocol/schema/ping.json",
        "protocol/vectors/frames.json",
    ]


def test_writing_mends_what_is_stale(copy: Path) -> None:
    good = contents(copy)
    (copy / "schema" / "ping.json").unlink()
    (copy / "schema" / "account.forget.json").write_text("{}")
    assert generate.main([], copy) == 0
    assert contents(copy) == good
    assert generate.main(["--check"], copy) == 0


def test_an_unknown_option_is_refused(copy: Path) -> None:
    assert generate.main(["--chek"], copy) == 2


def test_the_readme_cannot_ask_for_an_example_that_there_is_not(copy: Path) -> None:
    with (copy / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("<!-- example: account.forget -->\n<!-- end -->\n")
    with pytest.raises(KeyError, match=r"account\.forget"):
        generate.main(["--check"], copy)
