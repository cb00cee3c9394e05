"""Commands for operators also work beside `lumina dev`, without any setting."""

from __future__ import annotations

import os

import click

from lumina_rt.dev import state


def adopt_dev_settings(*, as_owner: bool = False) -> None:
    """Take the settings of `lumina dev` in this folder, if none are given, and say so.

    `as_owner`: to log in as whom the tables belong to, not as a node does.
    """
    kept = state.load()
    if kept and not any(name in os.environ for name in kept.environment):
        os.environ.update(kept.environment)
        if as_owner:
            os.environ.update(kept.owner_environment)
        click.echo(
            f"with the settings of `lumina dev` in {state.HOME} (it must be running)", err=True
        )
