"""The backend of ordinary sockets: recvmmsg and sendmmsg, a batch at a time.

Answers leave through the headers that their requests came with: the address is where it was received, and on a
wildcard socket so is the control message that names the address that was asked.
"""

from cython import NULL, address, bint, cast, declare, p_void, pointer, size_t, sizeof
from cython.cimports.aquatic.abi.backend import BACKEND_BROKEN
from cython.cimports.aquatic.abi.bits import read_u32, read_u64
from cython.cimports.aquatic.abi.counters import (
    DROPPED_BY_KERNEL,
    DROPPED_SEND_BUFFER_FULL,
    DROPPED_SEND_ERROR,
    RESENT,
    bump,
)
from cython.cimports.aquatic.abi.limits import REQUEST_BYTES_MAX, REQUEST_STRIDE_BYTES
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.sockets import (
    AF_INET,
    CMSG_DATA,
    CMSG_FIRSTHDR,
    CMSG_LEN,
    CMSG_NXTHDR,
    CMSG_SPACE,
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLLIN,
    IP_PKTINFO,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPV6_PKTINFO,
    MSG_DONTWAIT,
    POLLOUT,
    SO_RXQ_OVFL,
    SO_TIMESTAMPNS,
    SOL_SOCKET,
    close,
    epoll_create1,
    epoll_ctl,
    epoll_event,
    epoll_wait,
    errno,
    getsockname,
    in6_pktinfo,
    in_pktinfo,
    iovec,
    msghdr,
    poll,
    pollfd,
    recvmmsg,
    sendmmsg,
    sendmsg,
    sockaddr,
    sockaddr_in,
    sockaddr_in6,
    socklen_t,
)
from cython.cimports.aquatic.abi.threads import boot_ns, real_ns
from cython.cimports.aquatic.dataplane.source import source_set_ipv4, source_set_ipv6
from cython.cimports.aquatic.dataplane.udp.backend.mmsg import (
    CONTROL_BYTES,
    SOCKETS_MAX,
    Delayed,
    Mmsg,
)
from cython.cimports.libc.errno import EAGAIN, EBADF, EFAULT, EINTR, EINVAL, ENOBUFS, ENOMEM, ENOTSOCK
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memmove, memset
from cython.cimports.posix.time import timespec

# How long a full send buffer may hold up the worker before an answer is dropped.
SEND_WAIT_MS = declare(int, 2)


def mmsg_init(backend, counters, sockets, batch_datagrams, delayed_max, measures_latency):
    """Serve two bound, non-blocking sockets (IPv4 and IPv6; -1: none). False, with errno, without memory or epoll."""
    mmsg = cast(pointer(Mmsg), reserve(sizeof(Mmsg)))
    if mmsg == NULL:
        return False
    backend.state = mmsg
    backend.wait = mmsg_wait
    backend.receive = mmsg_receive
    backend.send = mmsg_send
    backend.clock = mmsg_clock
    mmsg.backend = backend
    mmsg.counters = counters
    mmsg.batch_datagrams = batch_datagrams
    mmsg.delayed_max = delayed_max
    mmsg.measures_latency = measures_latency
    prepare_headers(mmsg)
    mmsg.epoll = epoll_create1(EPOLL_CLOEXEC)
    index = declare(uint32_t)
    for index in range(2):
        mmsg.sockets[index] = sockets[index]
        if not watch(mmsg, index):
            return False
    return mmsg.epoll >= 0


def watch(mmsg, socket):
    """Take up a socket, if there is one; False with errno."""
    event = declare(epoll_event)
    if mmsg.sockets[socket] < 0:
        return True
    if mmsg.delayed_max:
        mmsg.delayed[socket] = cast(pointer(Delayed), reserve(mmsg.delayed_max * sizeof(Delayed)))
        if mmsg.delayed[socket] == NULL:
            return False
    mmsg.answers_from_asked[socket] = is_wildcard(mmsg.sockets[socket])
    event.events = EPOLLIN
    event.data.u64 = socket
    return epoll_ctl(mmsg.epoll, EPOLL_CTL_ADD, mmsg.sockets[socket], address(event)) == 0


def is_wildcard(socket):
    """Whether the socket is bound to all addresses, so that the kernel would have to guess which was asked."""
    bound = declare(sockaddr_in6)
    length = declare(socklen_t, sizeof(bound))
    if getsockname(socket, cast(pointer(sockaddr), address(bound)), address(length)) != 0:
        return False
    if bound.sin6_family == AF_INET:
        return cast(pointer(sockaddr_in), address(bound)).sin_addr.s_addr == 0
    ip = address(bound.sin6_addr.s6_addr[0])
    return read_u64(ip) == 0 and read_u64(ip + 8) == 0


def prepare_headers(mmsg):
    """What stays the same from batch to batch."""
    index = declare(uint32_t)
    for index in range(mmsg.batch_datagrams):
        mmsg.incoming_bytes[index].iov_base = address(mmsg.request_bytes[index * REQUEST_STRIDE_BYTES])
        mmsg.incoming_bytes[index].iov_len = REQUEST_BYTES_MAX
        header = address(mmsg.incoming[index].msg_hdr)
        header.msg_name = address(mmsg.envelopes[index].address)
        header.msg_iov = address(mmsg.incoming_bytes[index])
        header.msg_iovlen = 1
        header.msg_control = address(mmsg.envelopes[index].control[0])
        mmsg.outgoing[index].msg_hdr.msg_iov = address(mmsg.outgoing_bytes[index])
        mmsg.outgoing[index].msg_hdr.msg_iovlen = 1


def mmsg_end(backend):
    """Let go of everything but the sockets, which belong to who opened them."""
    mmsg = cast(pointer(Mmsg), backend.state)
    index = declare(uint32_t)
    if mmsg == NULL:
        return
    for index in range(2):
        if mmsg.delayed[index]:
            unreserve(mmsg.delayed[index], mmsg.delayed_max * sizeof(Delayed))
    if mmsg.epoll >= 0:
        close(mmsg.epoll)
    unreserve(mmsg, sizeof(Mmsg))
    backend.state = NULL


def mmsg_clock(state):
    return boot_ns()


def broken(mmsg, step):
    mmsg.backend.error_number = errno
    mmsg.backend.error_step = step
    return BACKEND_BROKEN


def mmsg_wait(state, timeout_ms):
    mmsg = cast(pointer(Mmsg), state)
    events = declare(epoll_event[SOCKETS_MAX])
    count = declare(int, epoll_wait(mmsg.epoll, events, SOCKETS_MAX, timeout_ms))
    if count < 0:
        return 0 if errno == EINTR else broken(mmsg, b"waiting for datagrams (epoll_wait)")
    ready = declare(int, 0)
    index = declare(int)
    for index in range(count):
        ready |= 1 << events[index].data.u64
    for index in range(2):
        if mmsg.delayed_count[index]:
            send_delayed(mmsg, index)
    return ready


# Receiving


def mmsg_receive(state, socket, batch):
    mmsg = cast(pointer(Mmsg), state)
    index = declare(uint32_t)
    for index in range(mmsg.batch_datagrams):
        header = address(mmsg.incoming[index].msg_hdr)
        header.msg_namelen = sizeof(sockaddr_in6)
        header.msg_controllen = CONTROL_BYTES
    count = declare(
        int,
        recvmmsg(
            mmsg.sockets[socket],
            mmsg.incoming,
            mmsg.batch_datagrams,
            MSG_DONTWAIT,
            cast(pointer(timespec), NULL),
        ),
    )
    batch.request_count = 0
    if count < 0:
        if errno == EBADF or errno == ENOTSOCK or errno == EFAULT or errno == EINVAL:
            return broken(mmsg, b"receiving datagrams (recvmmsg)")
        # EAGAIN and EINTR, or a passing error of the network that concerns no datagram that we could answer.
        return 0
    now_ns = declare(uint64_t, real_ns() if mmsg.measures_latency else 0)
    for index in range(cast(uint32_t, count)):
        datagram = address(batch.requests[index])
        read_source(address(mmsg.envelopes[index].address), address(datagram.source))
        datagram.bytes = cast(pointer(uint8_t), mmsg.incoming_bytes[index].iov_base)
        datagram.length = mmsg.incoming[index].msg_len
        datagram.received_ns = now_ns
        if mmsg.incoming[index].msg_hdr.msg_controllen:
            read_controls(mmsg, socket, address(mmsg.incoming[index].msg_hdr), datagram)
    batch.request_count = count
    return count


def read_source(address6, source):
    """Address and port; a v4-mapped address is an IPv4 one."""
    if address6.sin6_family == AF_INET:
        address4 = cast(pointer(sockaddr_in), address6)
        source_set_ipv4(source, cast(pointer(uint8_t), address(address4.sin_addr)))
        source.port = address4.sin_port
        return
    source_set_ipv6(source, address6.sin6_addr.s6_addr)
    source.port = address6.sin6_port


def read_controls(mmsg, socket, header, datagram):
    control = CMSG_FIRSTHDR(header)
    while control:
        if control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_RXQ_OVFL:
            note_kernel_drops(mmsg, socket, read_u32(CMSG_DATA(control)))
        elif control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_TIMESTAMPNS:
            arrival = cast(pointer(timespec), CMSG_DATA(control))
            datagram.received_ns = cast(uint64_t, arrival.tv_sec) * 1_000_000_000 + arrival.tv_nsec
        control = CMSG_NXTHDR(header, control)


def note_kernel_drops(mmsg, socket, drops):
    """The kernel gives the socket's total so far, in 32 bits that wrap."""
    new_drops = declare(uint32_t, drops - mmsg.kernel_drops[socket])
    mmsg.kernel_drops[socket] = drops
    bump(address(mmsg.counters.values[socket][DROPPED_BY_KERNEL]), new_drops)


# Sending


def mmsg_send(state, socket, batch):
    mmsg = cast(pointer(Mmsg), state)
    index = declare(uint32_t)
    for index in range(batch.response_count):
        address_answer(mmsg, socket, index, batch)
    first = declare(uint32_t, 0)
    while first < batch.response_count:
        sent = declare(uint32_t, send_run(mmsg, socket, first, batch.response_count - first))
        if sent == 0:
            delay_or_drop(mmsg, socket, first, batch.response_count - first)
            return
        first += sent


def address_answer(mmsg, socket, index, batch):
    response = address(batch.responses[index])
    request = address(mmsg.incoming[response.request].msg_hdr)
    header = address(mmsg.outgoing[index].msg_hdr)
    mmsg.outgoing_bytes[index].iov_base = response.bytes
    mmsg.outgoing_bytes[index].iov_len = response.length
    header.msg_name = request.msg_name
    header.msg_namelen = request.msg_namelen
    header.msg_control = NULL
    header.msg_controllen = 0
    if mmsg.answers_from_asked[socket]:
        header.msg_controllen = keep_asked_address(request)
        header.msg_control = request.msg_control if header.msg_controllen else NULL


def keep_asked_address(request):
    """Leave only the address that was asked among the request's control messages; returns their length."""
    control = CMSG_FIRSTHDR(request)
    while control:
        size_bytes = declare(size_t, 0)
        if control.cmsg_level == IPPROTO_IP and control.cmsg_type == IP_PKTINFO:
            asked = cast(pointer(in_pktinfo), CMSG_DATA(control))
            # Routing chooses the interface; a fixed one would break hosts with asymmetric routes.
            asked.ipi_ifindex = 0
            size_bytes = sizeof(in_pktinfo)
        elif control.cmsg_level == IPPROTO_IPV6 and control.cmsg_type == IPV6_PKTINFO:
            asked6 = cast(pointer(in6_pktinfo), CMSG_DATA(control))
            if not is_link_local(asked6.ipi6_addr.s6_addr):
                asked6.ipi6_ifindex = 0
            size_bytes = sizeof(in6_pktinfo)
        if size_bytes:
            if cast(p_void, control) != request.msg_control:
                memmove(request.msg_control, control, CMSG_LEN(size_bytes))
            return CMSG_SPACE(size_bytes)
        control = CMSG_NXTHDR(request, control)
    return 0


def is_link_local(ip):
    return ip[0] == 0xFE and (ip[1] & 0xC0) == 0x80


def send_run(mmsg, socket, first, count):
    """Send until something stands in the way; returns how many are done with, 0 if the buffer stays full."""
    waited = declare(bint, False)
    while True:
        sent = declare(
            int, sendmmsg(mmsg.sockets[socket], address(mmsg.outgoing[first]), count, MSG_DONTWAIT)
        )
        if sent > 0:
            return sent
        if errno == EINTR:
            continue
        if errno != EAGAIN and errno != ENOBUFS and errno != ENOMEM:
            # This one datagram cannot be sent (no route, filtered, an address nobody can answer): the next may.
            bump(address(mmsg.counters.values[socket][DROPPED_SEND_ERROR]), 1)
            return 1
        if waited or mmsg.delayed_max:
            return 0
        wait_writable(mmsg.sockets[socket])
        waited = True


def wait_writable(socket):
    waiting = declare(pollfd)
    waiting.fd = socket
    waiting.events = POLLOUT
    poll(address(waiting), 1, SEND_WAIT_MS)


def delay_or_drop(mmsg, socket, first, count):
    """Keep answers for one more try after the next wait, as far as the operator gave room for."""
    index = declare(uint32_t)
    for index in range(first, first + count):
        if mmsg.delayed_count[socket] == mmsg.delayed_max:
            bump(address(mmsg.counters.values[socket][DROPPED_SEND_BUFFER_FULL]), first + count - index)
            return
        header = address(mmsg.outgoing[index].msg_hdr)
        delayed = address(mmsg.delayed[socket][mmsg.delayed_count[socket]])
        memcpy(address(delayed.envelope.address), header.msg_name, header.msg_namelen)
        delayed.address_bytes = header.msg_namelen
        delayed.control_bytes = header.msg_controllen
        memcpy(delayed.envelope.control, header.msg_control, header.msg_controllen)
        delayed.length = header.msg_iov.iov_len
        memcpy(delayed.bytes, header.msg_iov.iov_base, delayed.length)
        mmsg.delayed_count[socket] += 1


def send_delayed(mmsg, socket):
    """The one more try; what fails again is dropped."""
    header = declare(msghdr)
    content = declare(iovec)
    index = declare(uint32_t)
    for index in range(mmsg.delayed_count[socket]):
        delayed = address(mmsg.delayed[socket][index])
        memset(address(header), 0, sizeof(header))
        content.iov_base = address(delayed.bytes[0])
        content.iov_len = delayed.length
        header.msg_name = address(delayed.envelope.address)
        header.msg_namelen = delayed.address_bytes
        header.msg_iov = address(content)
        header.msg_iovlen = 1
        header.msg_control = address(delayed.envelope.control[0]) if delayed.control_bytes else NULL
        header.msg_controllen = delayed.control_bytes
        if sendmsg(mmsg.sockets[socket], address(header), MSG_DONTWAIT) >= 0:
            bump(address(mmsg.counters.values[socket][RESENT]), 1)
        else:
            bump(address(mmsg.counters.values[socket][DROPPED_SEND_BUFFER_FULL]), 1)
    mmsg.delayed_count[socket] = 0
