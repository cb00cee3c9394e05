"""What Redis, or Valkey, says about itself."""

from __future__ import annotations

from redis.asyncio import Redis

from lumina_rt.findings import Finding

OLDEST = (6, 2)
EMBEDDED = "lumina-embedded.conf"
"""The name of the configuration file that lumina_rt.dev starts an engine with."""


async def examine(redis: Redis, *, production: bool) -> list[Finding]:
    """Raises RedisError."""
    info = await redis.info()
    version = str(info["redis_version"])
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    return [_engine(name, version, str(info.get("config_file", "")), production), _memory(info)]


def _engine(name: str, version: str, config_file: str, production: bool) -> Finding:
    if config_file.endswith(EMBEDDED):
        problem = (
            "this is the embedded engine, which is for development; "
            "set LUMINA_REDIS_URL to a Redis or Valkey of your own"
        )
        return Finding("redis", f"{name}, embedded", problem if production else "")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        return Finding("redis", name, "Lumina needs Redis 6.2 or newer, or Valkey")
    return Finding("redis", name)


def _memory(info: dict[str, object]) -> Finding:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if info.get("maxmemory") and policy != "noeviction":
        problem = "it may evict the streams between nodes; set maxmemory-policy to noeviction"
        return Finding("redis memory", policy, problem, fatal=False)
    return Finding("redis memory", policy)
