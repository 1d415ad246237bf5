"""The site of a page that opens a WebSocket connection, as browsers send it (RFC 6454, section 6.2)."""

from __future__ import annotations

import re
from typing import NewType

Origin = NewType("Origin", str)

EXPECTED = 'expected a site as browsers name it, such as "https://example.org", or "null"'
# In lower case, ended by the host or port, and as long as the data plane compares.
WRITTEN_ORIGIN = re.compile(r"null|(?=.{1,255}\Z)[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+")


def parse_origin(text: str) -> Origin:
    """Read `https://example.org` or `null`; ValueError says what is wrong."""
    if not WRITTEN_ORIGIN.fullmatch(text):
        raise ValueError(EXPECTED)
    return Origin(text)
