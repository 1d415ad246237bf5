"""A server that parses nothing: one answer for whatever arrives."""

def respond(listener: int, answer: bytes, closes: bool) -> None:
    """Answer until a signal ends the process. `listener`: a non-blocking descriptor. OSError.

    Each time that something arrives, all of it counts as one request; that fits a client with one under way.
    """
