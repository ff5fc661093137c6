"""Configuration of a Swift cluster in one folder: a proxy that speaks S3, three storage servers, one disk, one replica.

Reads: https://docs.openstack.org/swift/latest/ (deployment guide, s3api, tempauth, ring-builder).
"""

import getpass
import subprocess
from collections.abc import Mapping
from pathlib import Path

STORAGE = ("account", "container", "object")
ACCOUNT = "test"
ACCESS_KEY = f"{ACCOUNT}:tester"
SECRET_KEY = "the-secret-of-the-tests"

PIPELINE = (
    "catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk "
    "s3api tempauth copy slo dlo versioned_writes symlink proxy-logging proxy-server"
)
"""s3api asks for this order: itself before the authentication, and versioned_writes and symlink after slo and dlo."""

FILTERS = (
    "catch_errors",
    "gatekeeper",
    "healthcheck",
    "proxy-logging",
    "listing_formats",
    "bulk",
    "copy",
    "slo",
    "dlo",
    "versioned_writes",
    "symlink",
)


def write_configuration(folder: Path, ports: Mapping[str, int], binaries: Path) -> None:
    """Write settings and rings to `folder`/etc, and make the disk `folder`/disks/disk.

    Args:
        folder: where everything of the cluster lies.
        ports: a loopback port for each of proxy, account, container and object.
        binaries: where Swift's commands are.
    """
    settings = folder / "etc"
    settings.mkdir(parents=True)
    (folder / "disks" / "disk").mkdir(parents=True)
    (settings / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    (settings / "proxy.conf").write_text(_proxy(settings, ports["proxy"]))
    for server in STORAGE:
        (settings / f"{server}.conf").write_text(_storage(settings, server, ports[server]))
        _ring(settings, server, ports[server], binaries)


def _defaults(settings: Path, port: int) -> str:
    """Settings that all servers share. Zero workers: each server is one process, which is the one that was started."""
    return (
        f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nswift_dir = {settings}\nuser = {getpass.getuser()}\n"
        f"devices = {settings.parent / 'disks'}\nmount_check = false\ndisable_fallocate = true\nfallocate_reserve = 0\n"
        f"workers = 0\nlog_level = INFO\nlog_address = {settings / 'no-syslog'}\nlog_udp_host =\n"
    )


def _proxy(settings: Path, port: int) -> str:
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name.replace('-', '_')}\n" for name in FILTERS)
    return (
        f"{_defaults(settings, port)}"
        f"[pipeline:main]\npipeline = {PIPELINE}\n"
        f"[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\nallow_account_management = true\n"
        f"{filters}"
        # No memcached: the address of a port that nothing listens on, for a cache that never has anything.
        f"[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:9\n"
        f"[filter:tempauth]\nuse = egg:swift#tempauth\nuser_{ACCESS_KEY.replace(':', '_')} = {SECRET_KEY} .admin\n"
        f"[filter:s3api]\nuse = egg:swift#s3api\n"
    )


def _storage(settings: Path, server: str, port: int) -> str:
    return (
        f"{_defaults(settings, port)}[pipeline:main]\npipeline = {server}-server\n"
        f"[app:{server}-server]\nuse = egg:swift#{server}\n"
    )


def _ring(settings: Path, server: str, port: int, binaries: Path) -> None:
    """A ring that puts everything on the one disk."""
    builder = [str(binaries / "swift-ring-builder"), str(settings / f"{server}.builder")]
    for step in (["create", "4", "1", "0"], ["add", f"r1z1-127.0.0.1:{port}/disk", "1"], ["rebalance"]):
        subprocess.run([*builder, *step], check=True, capture_output=True)
