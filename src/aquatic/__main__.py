"""The `aquatic` command, and `python -m aquatic`."""

import signal
import sys


def main() -> int:
    """Run what the command line says; the process's exit code."""
    # Until somebody knows better, SIGINT ends the process: in the midst of imports it would be a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from aquatic import cli  # noqa: PLC0415

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
