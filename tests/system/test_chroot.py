"""A tracker that has given up its root directory and user does everything it does in a bare directory."""

import contextlib
import os
import pwd
import signal
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aquatic.control.downloads import HEAD
from tests.support.fake_tracker_process import EXPORT_LINE
from tests.support.metrics import fetch
from tests.support.processes import running_fake, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root directory and user")

HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A bare directory that the unprivileged user may write to."""
    bare = tmp_path / "root"
    bare.mkdir()
    bare.chmod(0o777)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(parent.stat().st_mode | 0o005)
    return bare


def parts(root: Path, **changes: Any) -> dict[str, Any]:
    return {"log_level": "info", "privileges": {"drop": True, "chroot_path": str(root)}, **changes}


def test_everything_goes_on_in_a_bare_directory(root: Path) -> None:
    (root / "list").write_text(HASH)
    outputs = {
        "access_list": {"mode": "deny", "path": "list"},
        "scrape_exports": {"enabled": True, "path": "/export.txt"},
        "downloads": {"path": "downloads"},
        "statistics": {
            "interval_seconds": 1,
            "standard_output": True,
            "html_file": True,
            "html_file_path": "statistics.html",
            "prometheus": True,
            "prometheus_address": "127.0.0.1:0",
            "peer_clients": True,
            "response_latency": True,
        },
    }
    with running_fake("beat", parts(root, **outputs)) as process:
        url = process.wait_for_line("/metrics").removeprefix("listening on ")
        assert "aquatic_requests_total" in fetch(url)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(url + "/other")
        process.wait_for_line("General:")
        wait_until((root / "statistics.html").exists)
        wait_until((root / "export.txt").exists)
        assert (root / "export.txt").read_bytes() == EXPORT_LINE
        (root / "list").write_text(f"{HASH}\n{HASH}")
        process.signal(signal.SIGUSR1)
        process.wait_for_line("access list read: 2 info hashes")
        (root / "list").write_text("bad")
        process.signal(signal.SIGUSR1)
        process.wait_for_line("access list list, line 1: 'bad' is not an info hash")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert (root / "downloads").read_bytes().startswith(HEAD)
        nobody = pwd.getpwnam("nobody").pw_uid
        assert {path.stat().st_uid for path in root.iterdir() if path.name != "list"} == {nobody}
        assert not [line for line in process.errors if "rror" in line and "old access list" not in line]


def test_a_running_tracker_has_no_rights_left(root: Path) -> None:
    with running_fake("quiet", parts(root)) as process:
        process.wait_for_line("serving")
        for status in statuses(process.popen.pid):
            lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            nobody = pwd.getpwnam("nobody").pw_uid
            assert lines["Uid"].split() == [str(nobody)] * 4
            assert "0" not in lines["Gid"].split()
            assert lines["Groups"].strip() == ""
            assert int(lines["CapEff"], 16) == int(lines["CapPrm"], 16) == int(lines["CapAmb"], 16) == 0
            assert lines["NoNewPrivs"] == "1"


def statuses(pid: int) -> Iterator[str]:
    """Of the threads that do not end meanwhile."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield (thread / "status").read_text()


def test_a_list_outside_serves_as_with_the_rust_tracker_and_is_warned_of(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "list"
    outside.write_text(HASH)
    access_list = {"mode": "allow", "path": str(outside)}
    with running_fake("quiet", parts(root, access_list=access_list)) as process:
        warning = process.wait_for_line("Warning")
        assert "the access list cannot be reloaded" in warning
        process.wait_for_line("serving")
        process.signal(signal.SIGUSR1)
        process.wait_for_line(f"the old access list stays: cannot read access list {outside}")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert f"access list allow {HASH}" in process.output


def test_a_list_that_is_nowhere_ends_the_start(root: Path) -> None:
    with running_fake("quiet", parts(root, access_list={"mode": "allow", "path": "/none"})) as process:
        assert process.wait() == 1
        assert process.output == []
        assert process.errors == ["Error: cannot read access list /none: No such file or directory"]
