"""The one exception that ends a start."""


class StartError(Exception):
    """Why the tracker can't start, in one line for the operator; printed as `Error: ...`, exit code 1."""


def reason(error: OSError) -> str:
    """Return what the system said, without its number and the file name."""
    return error.strerror or str(error)
