"""Plays sequences of packets, time and trouble through the whole UDP worker and checks what must always hold."""

def run(data: bytes) -> str | None:
    """Play an input: a byte of options, then steps. Returns the first thing that was wrong, or None.

    See udp_sequence.pxd for the steps. What is checked: exactly the requests that deserve it are answered, in order,
    and with what the protocol allows; counters and totals agree; in the end the store is consistent and, where the
    options say so, empty after everything has expired.
    """
