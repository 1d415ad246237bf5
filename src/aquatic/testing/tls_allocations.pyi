"""OpenSSL's allocations, counted and made to fail, in a process of one thread."""

def take_over() -> None:
    """To be called before OpenSSL allocates anything: RuntimeError if it has."""

def fail_allocations(after: int) -> None:
    """Let all allocations fail after so many more; a negative number ends that."""

def allocations_left() -> int:
    """How many more until they fail: 0 when one has."""

def blocks() -> int:
    """What is allocated and not freed."""
