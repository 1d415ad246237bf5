"""A decoder with a fault planted in it: if the fuzzer does not find it, it would not find others either."""


def decode(packet, length):
    """Return the byte at the offset in the fourth byte; whether that is inside is, wrongly, not asked."""
    if length < 4 or packet[0] != 0x61 or packet[1] != 0x71 or packet[2] != 0x75:
        return -1
    return packet[packet[3]]
