"""Why a start ends, and why a file is of no use."""


class UnusableFileError(Exception):
    """Why a file that can be read again at work is of no use; caused by an OSError where it cannot be read."""


class StartError(Exception):
    """Why the tracker can't start, in one line for the operator; printed as `Error: ...`, exit code 1."""


def reason(error: OSError) -> str:
    """Return what the system said, without its number and the file name."""
    return error.strerror or str(error)
