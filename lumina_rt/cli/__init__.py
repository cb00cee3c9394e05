"""The `lumina` command. Each command is a file; what goes wrong is one line on stderr."""

from __future__ import annotations

import importlib
import sys

import click

from lumina_rt import __version__

MISUSED = 2

COMMANDS = (
    "dev",
    "serve",
    "migrate",
    "doctor",
    "recount",
    "media",
    "trace",
    "keys",
    "token",
    "staff",
    "chat",
)


class Lazy(click.Group):
    """Imports a command when it is called, so that `lumina --help` does not load the server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"lumina_rt.cli.{name}").command
        assert isinstance(command, click.Command)
        return command


@click.command(
    cls=Lazy,
    epilog="Try it: `lumina dev` starts everything, `lumina chat --as alice --with bob` talks.",
)
@click.version_option(__version__, prog_name="lumina")
def lumina() -> None:
    """Lumina RT: a self-hosted, real-time server for social apps that loses nothing."""


def main() -> None:
    """Run a command. Exit code 2: it was called wrongly or a setting is wrong. 1: it failed."""
    try:
        lumina(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        explained = _explained(error)
        if explained is None:
            raise
        message, code = explained
        click.echo(f"lumina: {message}", err=True)
        sys.exit(code)


def _explained(error: Exception) -> tuple[str, int] | None:
    """What is wrong with the settings is said before the server is loaded, which takes a second."""
    from lumina_rt.config import ConfigError  # noqa: PLC0415  (loads pydantic)

    if isinstance(error, ConfigError):
        return str(error), MISUSED
    from lumina_rt.cli.explain import explain  # noqa: PLC0415  (loads the server)

    return explain(error)
