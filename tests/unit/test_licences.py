"""The licence check: what it lets pass and what it must not."""

from email.message import Message
from importlib.metadata import Distribution

import pytest

from tools.licences import Package, faults, installed, licence_of


class Recorded(Distribution):
    """A distribution that consists of its metadata."""

    def __init__(self, **fields: str) -> None:
        self.message = Message()
        for name, value in fields.items():
            self.message[name.replace("_", "-")] = value

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        return self.message

    def read_text(self, filename: str) -> None: ...

    def locate_file(self, path: object) -> None: ...  # type: ignore[override]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "MIT OR Apache-2.0"}, "MIT OR Apache-2.0"),
        ({"License": "MIT"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: Apache Software License"}, "Apache-2.0"),
        ({"License": "Do what you like\nwith it"}, "Do what you like"),
        ({}, ""),
    ],
)
def test_the_licence_is_read_from_each_place_where_packages_put_it(
    fields: dict[str, str], expected: str
) -> None:
    assert licence_of(Recorded(**fields)) == expected


@pytest.mark.parametrize(
    ("licence", "shipped", "allowed"),
    [
        ("MIT", True, True),
        ("GPL-3.0-only OR MIT", True, True),
        ("MIT AND BSD-2-Clause", True, True),
        ("MIT AND GPL-3.0-only", True, False),
        ("AGPL-3.0-or-later", False, False),
        ("MPL-2.0", False, True),
        ("MPL-2.0", True, False),
        ("", False, False),
        ("Do what you like", True, False),
    ],
)
def test_unknown_and_forbidden_licences_are_faults(licence: str, shipped: bool, allowed: bool) -> None:
    found = faults([Package("sound", "MIT", shipped=True), Package("looked-at", licence, shipped)])
    assert len(found) == (not allowed)
    assert all(said.startswith("looked-at: ") for said in found)


def test_what_the_project_brings_with_it_counts_as_shipped() -> None:
    shipped = {package.name for package in installed() if package.shipped}
    assert "tomlkit" in shipped
    assert "pytest" not in shipped
