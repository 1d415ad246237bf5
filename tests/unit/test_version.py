"""The version is stated once, in meson.build."""

from pathlib import Path

import aquatic


def test_the_package_states_the_version_of_the_build() -> None:
    assert f"version: '{aquatic.__version__}'" in (Path(__file__).parents[2] / "meson.build").read_text()
