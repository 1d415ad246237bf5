"""Limits of the data plane. Every array and loop that a stranger can influence is bounded by one of these."""

cdef enum:
    # BEP 15: a scrape of 116 hashes is the longest request whose answer still fits RESPONSE_BYTES_MAX.
    SCRAPE_TORRENTS_MAX = 116
    REQUEST_BYTES_MAX = 16 + 20 * 116
    # Below the 1,500 of Ethernet less IPv6, UDP and a tunnel or two: an answer is never fragmented.
    RESPONSE_BYTES_MAX = 1400
    # An answer's peers are copied eight (or twenty) bytes at a time, so the last copy may write past the end.
    RESPONSE_SLACK_BYTES = 32

    BATCH_DATAGRAMS_MAX = 128
    # An odd number of cache lines, so that the heads of a batch's buffers do not fall on the same cache sets.
    REQUEST_STRIDE_BYTES = 39 * 64
    WORKERS_MAX = 256
