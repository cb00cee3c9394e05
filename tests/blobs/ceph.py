"""A real S3 that checks signatures, for `make test-s3`: Ceph's gateway on a cluster of one, in
memory, in a folder of its own. It ends with the block.

`python -m tests.blobs.ceph COMMAND ...` runs a command against it, given LUMINA_TEST_S3.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "ceph-mgr", "radosgw", "radosgw-admin", "monmaptool")
INSTALL = "apt-get install --no-install-recommends ceph-mon ceph-osd ceph-mgr radosgw ceph-common"
WITHIN_S = 120
CONF = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {folder}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 500
run_dir = {folder}
admin_socket = {folder}/$name.asok
log_file = {folder}/$name.log
public_network = 127.0.0.0/8
ms_bind_ipv6 = false
[mon.a]
mon_data = {folder}/mon
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[osd]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
[mgr]
mgr_data = {folder}/mgr
mgr_initial_modules =
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{http}
rgw_data = {folder}/rgw
rgw_enable_ops_log = false
"""
KEYS = {
    "mon.": ("mon", "allow *"),
    "client.admin": ("mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    "osd.0": ("mon", "allow profile osd", "osd", "allow *", "mgr", "allow profile osd"),
    "mgr.x": ("mon", "allow profile mgr", "osd", "allow *"),
    "client.rgw": ("mon", "allow *", "osd", "allow *", "mgr", "allow *"),
}


class Missing(Exception):
    """It is not installed; the message says how."""


@contextmanager
def ceph() -> Iterator[str]:
    """`ENDPOINT KEY SECRET`. Raises Missing, CalledProcessError, TimeoutError."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise Missing(f"{', '.join(missing)} not found; install with:\n  {INSTALL}")
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="lumina-ceph-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        port = _begin(folder, stack)
        key, secret = secrets.token_hex(10), secrets.token_hex(20)
        given = ("--access-key", key, "--secret-key", secret)
        _run(
            folder, "radosgw-admin", "-n", "client.rgw", "user", "create",
            "--uid=lumina", "--display-name=lumina", *given,
        )  # fmt: skip
        yield f"http://127.0.0.1:{port} {key} {secret}"


def _begin(folder: Path, stack: ExitStack) -> int:
    """Monitor, store, manager, gateway. Returns the port of the gateway."""
    for name in ("mon", "osd", "mgr", "rgw"):
        (folder / name).mkdir()
    v2, v1, http = _ports(3)
    fsid = str(uuid4())
    conf = CONF.format(fsid=fsid, folder=folder, v2=v2, v1=v1, http=http)
    (folder / "ceph.conf").write_text(conf, "utf-8")
    _make_keys(folder)
    where = ("--addv", "a", f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]")
    _run(
        folder, "monmaptool", "--create", "--fsid", fsid, *where, "--set-min-mon-release",
        "pacific", "--enable-all-features", str(folder / "monmap"),
    )  # fmt: skip
    keyring = str(folder / "keyring")
    map_ = ("--monmap", str(folder / "monmap"), "--keyring", keyring)
    _run(folder, "ceph-mon", "--mkfs", "-i", "a", *map_)
    _start(folder, stack, "ceph-mon", "-i", "a")
    uuid = str(uuid4())
    _run(folder, "ceph", "osd", "new", uuid)
    _run(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", uuid)
    _start(folder, stack, "ceph-mgr", "-i", "x")
    _start(folder, stack, "ceph-osd", "-i", "0")
    _until(lambda: "1 up" in _run(folder, "ceph", "osd", "stat"))
    _start(folder, stack, "radosgw", "-n", "client.rgw")
    _until(lambda: _listens(http))
    return http


def _make_keys(folder: Path) -> None:
    keyring = str(folder / "keyring")
    for number, (name, may) in enumerate(KEYS.items()):
        pairs = zip(may[::2], may[1::2], strict=True)
        caps = [word for what, how in pairs for word in ("--cap", what, how)]
        make = () if number else ("--create-keyring",)
        _run(folder, "ceph-authtool", *make, keyring, "--gen-key", "-n", name, *caps)


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "CEPH_CONF": str(folder / "ceph.conf")}


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, env=_environment(folder), check=True, capture_output=True, text=True,
        timeout=WITHIN_S,
    )  # fmt: skip
    return done.stdout


def _start(folder: Path, stack: ExitStack, *command: str) -> None:
    """In the foreground of its own, and killed at the end: what is in memory is not kept."""
    output = stack.enter_context((folder / f"{command[0]}.out").open("wb"))
    process = subprocess.Popen([*command, "-f"], env=_environment(folder), stdout=output,
                               stderr=subprocess.STDOUT)  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.kill)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("Ceph does not begin")
        time.sleep(0.3)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _ports(count: int) -> list[int]:
    bound = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in bound]
    for one in bound:
        one.close()
    return ports


def main(command: Sequence[str]) -> int:
    try:
        with ceph() as s3:
            print(f"Ceph's gateway is at {s3.split()[0]}", flush=True)  # noqa: T201
            return subprocess.run(
                command, env={**os.environ, "LUMINA_TEST_S3": s3}, check=False
            ).returncode
    except Missing as error:
        print(f"make test-s3: {error}", file=sys.stderr)  # noqa: T201
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
