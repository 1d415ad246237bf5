"""Giving up rights for good: root directory, then group, then user, and a check that none can come back."""

from __future__ import annotations

import contextlib
import ctypes
import grp
import os
import pwd
from dataclasses import dataclass

from aquatic.control.errors import StartError, reason
from aquatic.control.model import Privileges

PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the process becomes. Looked up before chroot, which hides the name services."""

    user_id: int
    group_id: int


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("process_id", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    """Two of these hold the 64 bits of each set: the low halves, then the high ones."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def find_identity(privileges: Privileges) -> Identity:
    """StartError when user or group are unknown or are root's."""
    try:
        user_id = pwd.getpwnam(privileges.user).pw_uid
    except KeyError:
        raise StartError(f'cannot drop privileges: there is no user "{privileges.user}"') from None
    try:
        group_id = grp.getgrnam(privileges.group).gr_gid
    except KeyError:
        raise StartError(f'cannot drop privileges: there is no group "{privileges.group}"') from None
    if user_id == 0 or group_id == 0:
        raise StartError("cannot drop privileges: user and group must not be root's")
    return Identity(user_id, group_id)


def drop_privileges(privileges: Privileges, identity: Identity) -> None:
    """Chroot, change group and user, verify. Call it before any thread starts; StartError if anything fails.

    Files, names, time zone and modules of the old root are out of reach afterwards.
    """
    _chroot(privileges.chroot_path)
    try:
        os.setgroups([])
        os.setresgid(identity.group_id, identity.group_id, identity.group_id)
        os.setresuid(identity.user_id, identity.user_id, identity.user_id)
    except OSError as error:
        raise StartError(
            f"cannot change to user {privileges.user}, group {privileges.group}: {reason(error)}"
            " (needs root or CAP_SETUID and CAP_SETGID)"
        ) from None
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise StartError(f"cannot rule out new privileges: {os.strerror(ctypes.get_errno())}")
    remaining = remaining_privileges(identity)
    if remaining:
        raise StartError(f"privileges are left after dropping them: {', '.join(remaining)}")


def _chroot(path: str) -> None:
    try:
        os.chroot(path)
        os.chdir("/")
    except OSError as error:
        hint = " (needs root or CAP_SYS_CHROOT)" if isinstance(error, PermissionError) else ""
        raise StartError(f"cannot change the root directory to {path}: {reason(error)}{hint}") from None


def remaining_privileges(identity: Identity) -> list[str]:
    """What this process still has or can get back beyond `identity`, in words; empty when all is gone."""
    remaining = []
    if os.getresuid() != (identity.user_id,) * 3:
        remaining.append(f"user ids {os.getresuid()}")
    if os.getresgid() != (identity.group_id,) * 3:
        remaining.append(f"group ids {os.getresgid()}")
    if set(os.getgroups()) - {identity.group_id}:
        remaining.append(f"supplementary groups {os.getgroups()}")
    for regain, what in ((os.setuid, "user root"), (os.setgid, "group root")):
        with contextlib.suppress(OSError):
            regain(0)
            remaining.append(what)
    if _capabilities():
        remaining.append(f"capabilities {_capabilities():#x}")
    return remaining


def _capabilities() -> int:
    """Bits of all capabilities that are effective or can be made so (/proc may be out of reach)."""
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    halves = (_CapabilitySets * 2)()
    if _libc.capget(ctypes.byref(header), halves) != 0:
        raise StartError(f"cannot read this process's capabilities: {os.strerror(ctypes.get_errno())}")
    return sum((half.effective | half.permitted) << (32 * index) for index, half in enumerate(halves))
