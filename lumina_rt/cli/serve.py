"""`lumina serve`: one node, or one for each core."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click
import uvloop

from lumina_rt.config import read_settings

if TYPE_CHECKING:
    from lumina_rt import app


MAX_WORKERS = 64


@click.command("serve", short_help="Run one node, or one for each core.")
@click.option("--workers", type=click.IntRange(1, MAX_WORKERS), default=1, show_default=True,
              help="Nodes that share the port: one for each core.")  # fmt: skip
def command(workers: int) -> None:
    """Run one node, configured by the environment.

    \b
    LUMINA_DATABASE_URL   postgresql://user:password@host:5432/database   (required)
    LUMINA_REDIS_URL      redis://host:6379/0                             (required)
    LUMINA_SECRET         signs tokens, the same on every node            (required)
    LUMINA_ENCRYPTION_KEYS  name:key, encrypts; likewise; see lumina keys (required)
    LUMINA_HOST, _PORT    where clients connect            127.0.0.1, 8080
    LUMINA_PRIVATE_HOST, _PRIVATE_PORT   health, metrics   127.0.0.1, 9090
    LUMINA_TRUSTED_PROXIES    networks whose X-Forwarded-For is believed      none
    LUMINA_ALLOWED_ORIGINS    web pages that may connect      of the same host
    LUMINA_TLS_CERT, _KEY     files, where no proxy does TLS; SIGHUP loads them anew
    LUMINA_ENVIRONMENT    production or development        production

    All settings, with their defaults, are in lumina_rt/config.py. SIGTERM drains: /readyz
    says 503, requests under way are finished, clients are sent to another node, all within 20 s by
    default. A second SIGTERM ends at once.

    With --workers, LUMINA_NODE is followed by -1, -2 and so on, each has a private port, from
    LUMINA_PRIVATE_PORT on, and one that ends by itself is started again. Limits on connections,
    and LUMINA_DATABASE_POOL, are of each.

    \b
    Examples:
      export LUMINA_SECRET=$(openssl rand -hex 32)
      export LUMINA_ENCRYPTION_KEYS=k1:$(openssl rand -hex 32)
      LUMINA_DATABASE_URL=postgresql://lumina@db/lumina LUMINA_REDIS_URL=redis://cache lumina serve
      lumina serve --workers 8
    """
    settings = read_settings()
    # Only now, for it takes a second: what is wrong with the settings is said at once.
    if workers > 1:
        from lumina_rt.cli.workers import run  # noqa: PLC0415

        sys.exit(asyncio.run(run(settings, workers)))
    from lumina_rt import app  # noqa: PLC0415
    from lumina_rt.telemetry import setup_logging  # noqa: PLC0415

    setup_logging(settings.log_format, settings.log_level)
    uvloop.run(app.serve(settings, started))


def started(node: app.Node) -> None:
    private = f"http://{node.settings.private_host}:{node.private_port}"
    node.telemetry.log.info("ready", url=node.url, private=private, node_id=node.bus.node_id)
