"""Dropping privileges: what can be seen without root here, the rest in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aquatic.control.errors import StartError
from aquatic.control.model import Privileges
from aquatic.control.privileges import Identity, find_identity, remaining_privileges
from aquatic.control.setting import FilePath

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root directory and user")

DROP = """
import sys
from aquatic.control.errors import StartError
from aquatic.control.model import Privileges
from aquatic.control.privileges import drop_privileges, find_identity, remaining_privileges
privileges = Privileges(drop=True, chroot_path=sys.argv[1])
identity = find_identity(privileges)
{before}
try:
    drop_privileges(privileges, identity)
except StartError as error:
    sys.exit(str(error))
{after}
"""


def drop(path: Path, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    script = DROP.format(before=before, after=after)
    return subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )


@needs_root
def test_afterwards_nothing_is_left(tmp_path: Path) -> None:
    after = """
import os
print(os.getresuid(), os.getresgid(), os.getgroups(), os.listdir("/"), os.getcwd())
for attempt, argument in ((os.setuid, 0), (os.setgid, 0), (os.chroot, ".."), (os.setgroups, [0])):
    try:
        attempt(argument)
    except PermissionError:
        print("refused")
"""
    tmp_path.chmod(0o755)
    (tmp_path / "only this").touch()
    done = drop(tmp_path, "import os; os.setgroups([0, 4, 27])", after)
    assert done.stderr == ""
    nobody = find_identity(Privileges())
    user, group = nobody.user_id, nobody.group_id
    state = f"({user}, {user}, {user}) ({group}, {group}, {group}) [] ['only this'] /"
    assert done.stdout.splitlines() == [state, *["refused"] * 4]


@needs_root
def test_no_program_run_later_gains_privileges(tmp_path: Path) -> None:
    done = drop(tmp_path, "status = open('/proc/self/status')", "print(status.read())")
    lines = done.stdout.split("\n")
    assert "NoNewPrivs:\t1" in lines
    assert {line.split()[1] for line in lines if line.startswith(("CapPrm", "CapEff", "CapAmb"))} == {
        "0" * 16
    }


@needs_root
def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    done = drop(tmp_path / "missing")
    message = f"cannot change the root directory to {tmp_path}/missing: No such file or directory\n"
    assert done.stderr == message


@needs_root
def test_a_missing_right_is_named() -> None:
    done = drop(Path("/"), "import os; os.setresuid(identity.user_id, identity.user_id, identity.user_id)")
    assert done.returncode == 1
    assert "Operation not permitted (needs root or CAP_SYS_CHROOT)" in done.stderr


@needs_root
def test_what_is_left_is_found() -> None:
    remaining = remaining_privileges(Identity(os.getuid() + 1, os.getgid() + 1))
    assert {each.split()[0] for each in remaining} >= {"user", "group", "capabilities"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user": "no such user"}, 'there is no user "no such user"'),
        ({"group": "no such group"}, 'there is no group "no such group"'),
        ({"user": "root"}, "must not be root's"),
    ],
)
def test_who_it_cannot_become(changes: dict[str, str], message: str) -> None:
    with pytest.raises(StartError, match=message):
        find_identity(Privileges(drop=True, chroot_path=FilePath("/"), **changes))
