"""One call of the data plane, again and again, without the GIL."""

from typing import Final

# What all compiled modules were made with.
COMPILER: Final[str]
BUILD: Final[str]

class Loop:
    """By itself it calls nothing: what every loop costs."""

    @property
    def operations(self) -> int:
        """That one call is."""
    def run(self, calls: int) -> tuple[int, int]:
        """Nanoseconds of this thread's CPU time, and what was done."""
    def run_marked(self, calls: int) -> int:
        """The same between two marks for callgrind; returns what was done."""
