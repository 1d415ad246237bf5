"""Addresses in the forms in which they come, as a Source. Inlined, so that decoders stay self-contained."""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from aquatic.abi.bits cimport be32toh, read_u32, read_u64
from aquatic.abi.datagram cimport FAMILY_IPV4, FAMILY_IPV6, Source
from aquatic.abi.sockets cimport AF_INET, AF_INET6, inet_pton

cdef enum:
    ADDRESS_TEXT_BYTES = 46  # INET6_ADDRSTRLEN: the longest address and its end

cdef inline void source_set_ipv4(Source* source, const uint8_t* ip) noexcept nogil:
    """Set the address, and everything else to zero."""
    memset(source, 0, sizeof(source[0]))
    memcpy(source.ip, ip, 4)
    source.family = FAMILY_IPV4

cdef inline void source_set_ipv6(Source* source, const uint8_t* ip) noexcept nogil:
    """The same; a v4-mapped address (RFC 4291, section 2.5.5.2) is an IPv4 one."""
    if read_u64(ip) == 0 and be32toh(read_u32(ip + 8)) == 0xFFFF:
        source_set_ipv4(source, ip + 12)
        return
    memset(source, 0, sizeof(source[0]))
    memcpy(source.ip, ip, 16)
    source.family = FAMILY_IPV6

cdef inline bint source_set_text(Source* source, const char* text, int family) noexcept nogil:
    """Set what a text says, which is to be an address of this family (AF_INET or AF_INET6); False if it is not."""
    cdef uint8_t[16] ip
    if inet_pton(family, text, ip) != 1:
        return False
    if family == AF_INET:
        source_set_ipv4(source, ip)
    else:
        source_set_ipv6(source, ip)
    return True
