"""Print the project's runtime dependencies, one a line, for `pip install -r`."""

import pathlib
import tomllib

pyproject = pathlib.Path(__file__).parent.parent / "pyproject.toml"
print("\n".join(tomllib.loads(pyproject.read_text())["project"]["dependencies"]))
