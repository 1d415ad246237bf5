"""Whether every package installed beside the project may be used with it.

A package that ships with the tracker must be under a permissive licence; one that only builds or checks it
may also be under the weak copyleft of `TOOL_LICENCES`. No licence, or one that is in neither list, is a
failure.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SHIPPED_LICENCES = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0"}
TOOL_LICENCES = SHIPPED_LICENCES | {"MPL-2.0"}

# What packages from before SPDX expressions (PEP 639) write in their License field or classifier.
SPDX_OF_OLD_NAMES = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


@dataclass(frozen=True)
class Package:
    """An installed package: `licence` is its SPDX expression, empty when it names none."""

    name: str
    licence: str
    shipped: bool


def licence_of(package: Distribution) -> str:
    """Return the SPDX expression that the package's metadata amounts to."""

    def fields(key: str) -> list[str]:
        return package.metadata.get_all(key) or []

    if expressions := fields("License-Expression"):
        return expressions[0]
    free_text = "".join(fields("License")[:1])
    classifiers = [line.split(" :: ")[-1] for line in fields("Classifier") if line.startswith("License")]
    for name in [free_text, *classifiers]:
        if name in SPDX_OF_OLD_NAMES or name in TOOL_LICENCES:
            return SPDX_OF_OLD_NAMES.get(name, name)
    return free_text.partition("\n")[0]


def fault(package: Package) -> str | None:
    """Say why the package may not be used, None when it may."""
    allowed = SHIPPED_LICENCES if package.shipped else TOOL_LICENCES
    choices = re.split(r"\s+OR\s+", package.licence)
    if any(set(re.split(r"\s+AND\s+", choice)) <= allowed for choice in choices):
        return None
    return f"{package.name}: {package.licence or 'no licence named'} is not on the list of tools/licences.py"


def shipped_names(root: str) -> Iterator[str]:
    """Yield the names of everything that an installation of `root` brings with it."""
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        yield name
        requirements = map(Requirement, distribution(name).requires or [])
        waiting += [r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]


def installed() -> list[Package]:
    """List every package of this environment except the project itself."""
    shipped = set(shipped_names("aquatic"))
    names = {canonicalize_name(found.name): found for found in distributions()}
    return [
        Package(name, licence_of(found), shipped=name in shipped)
        for name, found in sorted(names.items())
        if name != "aquatic"
    ]


def faults(packages: Iterable[Package]) -> list[str]:
    """List what is wrong with these packages' licences."""
    return [said for package in packages if (said := fault(package))]


if __name__ == "__main__":
    packages = installed()
    found = faults(packages)
    print("\n".join(found) or f"licences: {len(packages)} packages, all on the list")
    sys.exit(bool(found))
