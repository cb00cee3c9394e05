from __future__ import annotations

import pytest

from lumina_rt.cli.chat import harmless


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "plain \u00c9 \U0001f44b\U0001f3fd \u0939\u093f",
            "plain \u00c9 \U0001f44b\U0001f3fd \u0939\u093f",
        ),
        ("\x1b[2J\x1b]0;owned\x07", "\ufffd[2J\ufffd]0;owned\ufffd"),
        ("yes\n12:01 alice  no", "yes \u23ce 12:01 alice  no"),
        ("a\r\x9bb", "a\ufffd\ufffdb"),
        ("\u202egnp", "\ufffdgnp"),
    ],
)
def test_what_a_terminal_would_obey_is_not_printed(said: str, shown: str) -> None:
    assert harmless(said) == shown
