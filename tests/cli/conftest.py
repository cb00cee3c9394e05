from __future__ import annotations

from pathlib import Path

import pytest

from lumina_rt.config import Settings

SECRET = "5b1f0c6e9d2a4f7c8e3b6a1d0f9c2e7b"


@pytest.fixture
def good(settings: Settings, tmp_path: Path) -> dict[str, str]:
    return {
        "database_url": settings.database_url,
        "redis_url": settings.redis_url,
        "redis_prefix": settings.redis_prefix,
        "secret": SECRET,
        "encryption_keys": f"k1:{SECRET}{SECRET[::-1]}",
        "environment": "development",
        "blob_dir": str(tmp_path / "blobs"),
        "port": "0",
        "private_port": "0",
        "log_level": "warning",  # or the first node of an hour says that it makes partitions
    }
