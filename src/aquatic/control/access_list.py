"""The access list's file: one info hash a line, 40 hexadecimal digits of either case, or a blank line."""

from __future__ import annotations

import re

from aquatic.control.border import SwarmBorder
from aquatic.control.errors import UnusableFileError, reason
from aquatic.control.model import AccessList, AccessListMode

INFO_HASH_BYTES = 20
INFO_HASH_DIGITS = 2 * INFO_HASH_BYTES
INFO_HASH = re.compile(rb"[0-9a-fA-F]{%d}" % INFO_HASH_DIGITS)


class AccessListError(UnusableFileError):
    """Why a file is no access list: path, line where there is one, and cause."""


class ServedAccessList:
    """The list that the workers go by."""

    def __init__(self, settings: AccessList, swarm: SwarmBorder) -> None:
        self._settings = settings
        self._swarm = swarm
        self.entries_count = 0

    @property
    def is_on(self) -> bool:
        """Whether there is a list at all."""
        return self._settings.mode is not AccessListMode.OFF

    def load(self) -> None:
        """Serve what the file says now. AccessListError, and then the old list stays."""
        self.serve(read_access_list(self._settings.path))

    def serve(self, info_hashes: bytes) -> None:
        """Serve this list, 20 bytes an info hash. AccessListError, and then the old list stays."""
        count = len(info_hashes) // INFO_HASH_BYTES
        try:
            self._swarm.set_access_list(self._settings.mode.value, info_hashes)
        except MemoryError:
            text = f"access list {self._settings.path}: no memory for {count:,} info hashes"
            raise AccessListError(text) from None
        self.entries_count = count


def read_access_list(path: str) -> bytes:
    """Return the file's info hashes, 20 bytes each, in a row; AccessListError says what is wrong, where."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise AccessListError(f"cannot read access list {path}: {reason(error)}") from error
    return parse_access_list(text, path)


def parse_access_list(text: bytes, path: str) -> bytes:
    """Do as `read_access_list` with a file's content."""
    # Lists have millions of lines: as little work in Python for each as can be.
    lines = [line.strip() for line in text.splitlines()]
    digits = b"".join(lines)
    if set(map(len, lines)) <= {0, INFO_HASH_DIGITS}:
        try:
            info_hashes = bytes.fromhex(digits.decode("ascii"))
        except ValueError:
            pass
        else:
            # fromhex passes over blanks, which a line has no room for.
            if 2 * len(info_hashes) == len(digits):
                return info_hashes
    raise AccessListError(_first_error(lines, path))


def _first_error(lines: list[bytes], path: str) -> str:
    for number, line in enumerate(lines, start=1):
        if line and not INFO_HASH.fullmatch(line):
            # Shortened and escaped: it may be any file, and goes to a log.
            shown = repr(line[: INFO_HASH_DIGITS + 20])[1:]
            expected = f"an info hash of {INFO_HASH_DIGITS} hexadecimal digits"
            return f"access list {path}, line {number}: {shown} is not {expected}"
    raise AssertionError("a list without a bad line was refused")
