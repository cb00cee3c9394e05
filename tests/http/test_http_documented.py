"""What protocol/README.md says of HTTP."""

from __future__ import annotations

import asyncio
import re
import shutil

import orjson
import pytest
from lumina_protocol.accounts import Register
from lumina_protocol.errors import ERRORS, ErrorBody

from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.http.answers import STATUS, answer
from tests.house import nodes
from tests.http.asking import http_url
from tests.protocol.test_readme import rows, section

TEXT = section("## Over HTTP")


def told() -> dict[str, int]:
    """Codes and their statuses, of the rows that name codes."""
    return {
        code: int(row[0])
        for row in rows(TEXT)
        if re.fullmatch(r"\d+", row[0])
        for code in re.findall(r"`([a-z_]+)`", row[1])
    }


def test_the_table_of_statuses_is_the_one_that_is_used() -> None:
    assert {code: told().get(code) for code in STATUS} == STATUS
    assert set(STATUS) - set(ERRORS) == {"upgrade_required"}


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_the_status_says_whether_to_try_again(code: str) -> None:
    error = ErrorBody(code=code, message="x", temporary=ERRORS[code].temporary)
    response = answer(error)
    assert response.status == STATUS.get(code, 400)
    later = code == "slow_mode"  # its time comes, but nobody is to wait for it without being asked
    assert (response.status >= 500 or response.status == 429) is (error.temporary or later)
    assert ("Retry-After" in response.headers) is (response.status in (429, 503))
    assert ("WWW-Authenticate" in response.headers) is (
        response.status == 401 or code == "missing_scope"
    )


@pytest.mark.parametrize(("temporary", "status"), [(True, 503), (False, 400)])
def test_an_unknown_code_goes_by_temporary(temporary: bool, status: int) -> None:
    body = ErrorBody(code="new", message="x", temporary=temporary, retry_after_ms=1001)
    response = answer(body)
    assert response.status == status
    assert response.headers.get("Retry-After") == ("2" if temporary else None)


async def test_the_example_can_be_typed_as_it_is(settings: Settings) -> None:
    if not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("needs curl and jq")
    (example,) = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    async with nodes(settings, 1) as (node,):
        async with Client(node.url) as client:
            await client.call(Register(username="alice", password="lumina-demo"))
        script = example.replace("http://127.0.0.1:8080", http_url(node))
        shell = await asyncio.create_subprocess_exec(
            "sh", "-euc", script, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asyncio.wait_for(shell.communicate(), 10)
    assert shell.returncode == 0
    assert orjson.loads(said) == {"conversations": [], "more": False}
