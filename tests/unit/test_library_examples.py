import doctest
from pathlib import Path


def test_examples_in_the_documentation_of_the_library() -> None:
    page = Path(__file__).parents[2] / "docs" / "library.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0
