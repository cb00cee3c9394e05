"""What the house has promised about its own shape."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, get_type_hints

import lumina_protocol
import pytest
from lumina_protocol import EVENTS, REQUESTS
from lumina_protocol.session import Ping, Pong

import lumina_rt.app
from lumina_rt.limits import HOT, SLOW
from lumina_rt.router import HANDLERS, TOGETHER, Ctx, handles

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "protocol" / "lumina_protocol"
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources() -> dict[str, str]:
    """The Python files that git tracks, by their paths."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]
    return {path: (ROOT / path).read_text("utf-8") for path in paths}


def functions() -> Iterator[tuple[int, str]]:
    """How many lines each function has, and where it is."""
    for path, text in sources().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function):
                assert node.end_lineno is not None
                yield node.end_lineno - node.lineno + 1, f"{path}:{node.lineno} {node.name}"


def test_every_request_has_one_handler_and_every_handler_a_request() -> None:
    assert lumina_rt.app
    assert sorted(HANDLERS) == sorted(REQUESTS)


def test_a_second_handler_for_a_request_is_refused() -> None:
    before = dict(HANDLERS)

    async def another(ctx: Ctx, request: Ping) -> Pong:
        return Pong(time=0)

    with pytest.raises(ValueError, match="two handlers for ping"):
        handles(Ping)(another)
    assert before == HANDLERS


@pytest.mark.parametrize("op", sorted(HANDLERS))
def test_a_handler_takes_its_request_and_gives_its_reply(op: str) -> None:
    handler: Callable[..., Any] = HANDLERS[op]
    hints = get_type_hints(handler)
    assert hints["request"] is REQUESTS[op]
    assert hints["return"] is REQUESTS[op].reply


def test_every_operation_is_limited_as_something_that_is_known() -> None:
    assert {model.limited_as for model in REQUESTS.values()} <= {*HOT, *SLOW}


@pytest.mark.parametrize("op", sorted(TOGETHER))
def test_what_keeps_an_order_waits_for_no_limit(op: str) -> None:
    assert REQUESTS[op].limited_as in HOT


def test_every_module_with_a_request_or_an_event_is_imported_by_the_contract() -> None:
    (imported,) = (
        {alias.name for alias in node.names}
        for node in ast.parse((CONTRACT / "__init__.py").read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module == "lumina_protocol"
    )
    found: dict[str, set[str]] = {}
    for path in set(CONTRACT.glob("*.py")) - {
        CONTRACT / "frame.py"
    }:  # it has what they are made of
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and is_operation(node):
                found.setdefault(path.stem, set()).add(node.name)
    assert set(found) <= imported
    assert imported <= set(lumina_protocol.__all__)
    known = {model.__name__ for model in (*REQUESTS.values(), *EVENTS.values())}
    assert set().union(*found.values()) <= known


def is_operation(node: ast.ClassDef) -> bool:
    bases = [ast.unparse(base) for base in node.bases]
    of_them = any(
        re.match(r"((Request|Change|ToSend)\[|(Personal)?Event$)", base) for base in bases
    )
    return of_them and "Generic[R]" not in bases


def test_files_are_small() -> None:
    sizes = {path: len(text.splitlines()) for path, text in sources().items()}
    assert {path: size for path, size in sizes.items() if size > 500} == {}
    assert median(size for size in sizes.values() if size) <= 150


def test_functions_are_small() -> None:
    sizes = list(functions())
    assert [where for size, where in sizes if size > 60] == []
    assert median(size for size, _ in sizes) <= 8


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = {path: {*Path(path).parent.parts, Path(path).stem} for path in sources()}
    assert [path for path, parts in named.items() if parts & FORBIDDEN] == []


def test_the_type_checker_is_overruled_less_than_once_in_a_thousand_lines() -> None:
    ignores = sum(text.count("# type: " + "ignore") for text in sources().values())
    assert ignores < sum(len(text.splitlines()) for text in sources().values()) / 1000


def test_the_rooms_keep_their_order() -> None:
    """Into a cache folder of its own, so that tests that run at once do not share one."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout)


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """A copy of what check_lock looks at, to be changed."""
    for name in ("uv.lock", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def check_lock(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_lock.py", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_the_lock_files_are_for_everybody_and_say_the_same() -> None:
    assert check_lock(ROOT) == (0, "")


INDEX, FILES = "https://pypi.org/simple", "https://files.pythonhosted.org/"
ANYIO = r'name = "anyio"\nversion = "[^"]+"\n'


@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "told"),
    [
        ("uv.lock", INDEX, "https://mirror.example/simple", "https://mirror.example/simple"),
        ("uv.lock", FILES, "https://files.example/", "uv.lock names https://files.example/"),
        ("uv.lock", INDEX, "http://pypi.org/simple", "uv.lock names http://pypi.org/simple"),
        ("uv.lock", INDEX, "../simple", "from {'registry': '../simple'}; only the project itself"),
        ("uv.lock", FILES, "file:///tmp/", "uv.lock names file:///tmp/"),
        (
            "uv.lock",
            rf'({ANYIO})source = {{ registry = "{INDEX}" }}',
            r'\1source = { path = "../anyio" }',
            "uv.lock takes anyio from {'path': '../anyio'}; only the project itself may be local",
        ),
        (
            "uv.lock",
            rf'({ANYIO})source = {{ registry = "{INDEX}" }}',
            r'\1source = { editable = "../anyio" }',
            "uv.lock takes anyio from {'editable': '../anyio'}",
        ),
        (
            "uv.lock",
            rf'({ANYIO})source = {{ registry = "{INDEX}" }}',
            r'\1source = { git = "https://git.example/anyio?rev=1#0" }',
            "uv.lock names https://git.example/anyio",
        ),
        ("uv.lock", r'sdist = \{ url = "[^"]+"', 'sdist = { path = "a.tar.gz"', "must have a url"),
        ("uv.lock", r', hash = "sha256:[^"]+"', "", "uv.lock has no sha256 for a file of"),
        ("uv.lock", r'(name = "anyio"\nversion = )"[^"]+"', r'\1"0.1"', "lacks anyio==0.1, which"),
        ("uv.lock", r"\[\[package\]\]", "[[package]", "TOMLDecodeError: "),
        ("uv.lock", "source = ", "sources = ", "KeyError: 'source'"),
        ("requirements.txt", r"^anyio==.*", r"anyio==0.1 \\", "has anyio==0.1, which uv.lock"),
        ("requirements.txt", r"\A", "left-pad==1.0\n", "has left-pad==1.0, which uv.lock lacks"),
        ("requirements.txt", r"^anyio==(.|\n)*?# via", "# via", "requirements.txt lacks anyio=="),
        (
            "requirements.txt",
            r"(^anyio==.*\n.*--hash=sha256:)[0-9a-f]{4}",
            r"\1ffff",
            "requirements.txt has other hashes for anyio==",
        ),
        ("requirements.txt", r"\A", f"--index-url {INDEX}\n", "requirements.txt:1: '--index-url"),
        ("requirements.txt", r"\A", f"-i {INDEX}\n", "requirements.txt:1: '-i https://"),
        ("requirements.txt", r"\A", "--find-links .\n", "requirements.txt:1: '--find-links"),
        ("requirements.txt", r"\A", "-e .\n", "requirements.txt:1: '-e .' is no pinned package"),
        ("requirements.txt", r"\A", "anyio @ file:///tmp/a.whl\n", "requirements.txt:1: 'anyio @"),
        ("requirements.txt", r"^anyio==", "anyio>=", "'anyio>="),
    ],
)  # fmt: skip
def test_a_lock_file_that_only_some_could_use_is_told(
    locked: Path, name: str, pattern: str, replacement: str, told: str
) -> None:
    text = (locked / name).read_text("utf-8")
    changed, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert count == 1, "the test changes what is there"
    (locked / name).write_text(changed, "utf-8")
    code, said = check_lock(locked)
    assert code == 1
    assert told in said
    assert all(line.startswith("check_lock: ") for line in said.splitlines())
    assert len(said.splitlines()) <= 3


@pytest.mark.parametrize("name", ["uv.lock", "requirements.txt"])
def test_a_lock_file_that_is_missing_is_told(locked: Path, name: str) -> None:
    (locked / name).unlink()
    code, said = check_lock(locked)
    assert code == 1
    assert re.fullmatch(rf"check_lock: FileNotFoundError: .*{name}'\n", said)
