"""Whether an address is of a proxy that we believe."""

from cython import NULL, address, declare
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcmp


def is_trusted(trusted, source):
    index = declare(uint32_t)
    if trusted == NULL:
        return False
    for index in range(trusted.count):
        network = address(trusted.networks[index])
        if network.family == source.family and same_prefix(network.ip, source.ip, network.prefix_bits):
            return True
    return False


def same_prefix(a, b, bits):
    whole = declare(uint32_t, bits // 8)
    if memcmp(a, b, whole) != 0:
        return False
    rest = declare(uint32_t, bits % 8)
    return rest == 0 or (a[whole] ^ b[whole]) >> (8 - rest) == 0
