"""The end of the process when a part of it ended that it can't do without."""

import contextlib
import os
from typing import NoReturn


def end_process(cause: str) -> NoReturn:
    """Say why on standard error and end at once with exit code 1, whatever other threads are doing."""
    # Not sys.stderr: its lock may be held by a thread that will never give it back.
    with contextlib.suppress(OSError):
        os.write(2, f"Error: {cause}\n".encode(errors="backslashreplace"))
    os._exit(1)


def describe(error: BaseException) -> str:
    """An unexpected error in one line, with the place that raised it."""
    text = f"{type(error).__name__}: {error}".replace("\n", " ")
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return text
    return f"{text} ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})"
