"""Any text: the data plane takes for JSON what Python's reader takes, of what is nested as deep as we read."""

from aquatic.testing.ws import is_json
from tests.support.python_json import is_python_json


def run(data: bytes) -> None:
    """Hold one reader against the other. What is no UTF-8 is never read as JSON."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    assert is_json(data) == is_python_json(text)
