"""A classic BPF program that gives each UDP flow to one of the sockets that share a port.

The kernel's own choice hashes source and destination: it changes with the address that is used.
This one looks at the source alone, so that a client's address and port always meet the same worker.
"""

import ctypes
import secrets
import socket
import struct
from collections.abc import Sequence

SO_ATTACH_REUSEPORT_CBPF = 51

# The program sees the datagram's payload; headers are reached by offsets from the start of the IP header.
NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF
IPV4_SOURCE = NETWORK_HEADER + 12
IPV6_SOURCE = NETWORK_HEADER + 8
IPV6_HEADER_BYTES = 40

# Operation codes of linux/bpf_common.h; A is the accumulator, X the index register, M the scratch memory.
LOAD_WORD = 0x20  # A = 32 bits at k
LOAD_BYTE = 0x30  # A = 8 bits at k
LOAD_HALF_INDEXED = 0x48  # A = 16 bits at X + k
LOAD_X = 0x01  # X = k
LOAD_X_HEADER_LENGTH = 0xB1  # X = 4 * (byte at k & 15), an IPv4 header's length
LOAD_X_MEMORY = 0x61  # X = M[k]
STORE = 0x02  # M[k] = A
AND, RIGHT_SHIFT, MULTIPLY, MODULO = 0x54, 0x74, 0x24, 0x94  # A = A op k
XOR_X = 0xAC  # A = A ^ X
JUMP_IF_EQUAL = 0x15
JUMP = 0x05
RETURN_A = 0x16

# Odd, so that multiplying loses nothing (2**32 divided by the golden ratio).
MIX = 0x9E3779B1

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, k


def steering_program(sockets_count: int, key: int) -> list[Instruction]:
    """Instructions that return the index of a socket, 0 to `sockets_count` - 1, from source address and port.

    `key` (odd, 32 bits) is secret: strangers who choose their ports can't aim at one worker. Behind IPv6
    extension headers the bytes taken for the port are others, still the same ones for each flow.
    """
    ipv4: list[Instruction] = [
        (LOAD_WORD, 0, 0, IPV4_SOURCE),
        (STORE, 0, 0, 0),
        (LOAD_X_HEADER_LENGTH, 0, 0, NETWORK_HEADER),
    ]
    ipv6: list[Instruction] = [(LOAD_WORD, 0, 0, IPV6_SOURCE), *_mixed(key)]
    for word in range(1, 4):
        ipv6 += [
            (STORE, 0, 0, 0),
            (LOAD_X_MEMORY, 0, 0, 0),
            (LOAD_WORD, 0, 0, IPV6_SOURCE + 4 * word),
            (XOR_X, 0, 0, 0),
        ]
        ipv6 += _mixed(key)
    ipv6 += [(STORE, 0, 0, 0), (LOAD_X, 0, 0, IPV6_HEADER_BYTES), (JUMP, 0, 0, len(ipv4))]
    # An IPv6 socket that also serves IPv4 gets both kinds of header, so the program asks the packet.
    version: list[Instruction] = [
        (LOAD_BYTE, 0, 0, NETWORK_HEADER),
        (AND, 0, 0, 0xF0),
        (JUMP_IF_EQUAL, len(ipv6), 0, 0x40),
    ]
    choose: list[Instruction] = [
        (LOAD_HALF_INDEXED, 0, 0, NETWORK_HEADER),
        (MULTIPLY, 0, 0, MIX),
        (LOAD_X_MEMORY, 0, 0, 0),
        (XOR_X, 0, 0, 0),
        *_mixed(key),
        (RIGHT_SHIFT, 0, 0, 16),
        (MODULO, 0, 0, sockets_count),
        (RETURN_A, 0, 0, 0),
    ]
    return version + ipv6 + ipv4 + choose


def _mixed(key: int) -> list[Instruction]:
    """A = A * key, its upper half folded into the lower one: multiplying alone moves nothing downwards."""
    return [
        (MULTIPLY, 0, 0, key),
        (STORE, 0, 0, 1),
        (LOAD_X_MEMORY, 0, 0, 1),
        (RIGHT_SHIFT, 0, 0, 15),
        (XOR_X, 0, 0, 0),
        (MULTIPLY, 0, 0, MIX),
    ]


def attach_steering(sockets: Sequence[socket.socket]) -> None:
    """Steer a port's datagrams among `sockets`, given in the order in which they were bound; OSError."""
    program = steering_program(len(sockets), secrets.randbits(32) | 1)
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    # struct sock_fprog: the number of instructions and a pointer to them.
    sockets[0].setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_REUSEPORT_CBPF,
        struct.pack("@HP", len(program), ctypes.addressof(instructions)),
    )
