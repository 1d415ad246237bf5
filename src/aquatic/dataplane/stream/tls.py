"""TLS on a connection: OpenSSL, whose bytes come from and go to the worker's backend.

An event lets OpenSSL receive once (`receives_left`), as a plain connection does; what it has decrypted and not handed
out, or received and not decrypted, must be asked for (tls_has_pending), because the socket will not tell.
"""

from cython import NULL, address, cast, declare, p_void, pointer, size_t
from cython.cimports.aquatic.abi.atomics import load_pointer, memory_order_acquire
from cython.cimports.aquatic.abi.connection import Connection, StreamWorker
from cython.cimports.aquatic.abi.memory import malloc_trim
from cython.cimports.aquatic.abi.openssl import (
    BIO_CTRL_EOF,
    BIO_CTRL_FLUSH,
    BIO_METHOD,
    BIO_TYPE_SOURCE_SINK,
    SSL,
    SSL_CTX,
    SSL_ERROR_SYSCALL,
    SSL_ERROR_WANT_READ,
    SSL_ERROR_WANT_WRITE,
    SSL_ERROR_ZERO_RETURN,
    TLS_ST_SW_SESSION_TICKET,
    BIO_clear_retry_flags,
    BIO_get_data,
    BIO_meth_free,
    BIO_meth_new,
    BIO_meth_set_ctrl,
    BIO_meth_set_read,
    BIO_meth_set_write,
    BIO_new,
    BIO_set_data,
    BIO_set_init,
    BIO_set_retry_read,
    BIO_set_retry_write,
    ERR_clear_error,
    SSL_do_handshake,
    SSL_free,
    SSL_get_app_data,
    SSL_get_error,
    SSL_get_SSL_CTX,
    SSL_get_state,
    SSL_has_pending,
    SSL_new,
    SSL_read,
    SSL_session_reused,
    SSL_set_accept_state,
    SSL_set_app_data,
    SSL_set_bio,
    SSL_shutdown,
    SSL_write,
)
from cython.cimports.aquatic.abi.sockets import EPOLLIN, EPOLLOUT
from cython.cimports.aquatic.abi.stream_counters import STREAM_BYTES_RECEIVED, STREAM_BYTES_SENT
from cython.cimports.aquatic.dataplane.stream.note import note
from cython.cimports.libc.errno import EAGAIN, EPROTO
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t

# Of the connections with memory in the allocator's heap, the part that must have gone before it is looked for.
TRIM_PART = declare(uint32_t, 8)


def tls_init(worker):
    """False without memory."""
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, b"aquatic connection")
    worker.tls.method = method
    return (
        method != NULL
        and BIO_meth_set_read(method, bio_read)
        and BIO_meth_set_write(method, bio_write)
        and BIO_meth_set_ctrl(method, bio_control)
    )


def tls_end(worker):
    BIO_meth_free(cast(pointer(BIO_METHOD), worker.tls.method))
    worker.tls.method = NULL


def tls_start(worker, connection, context):
    """Expect a handshake under this SSL_CTX, which the connection keeps; False without memory."""
    ssl = SSL_new(cast(pointer(SSL_CTX), context))
    if ssl == NULL:
        ERR_clear_error()
        return False
    bio = BIO_new(cast(pointer(BIO_METHOD), worker.tls.method))
    if bio == NULL:
        SSL_free(ssl)
        ERR_clear_error()
        return False
    BIO_set_data(bio, worker)
    BIO_set_init(bio, 1)
    SSL_set_bio(ssl, bio, bio)
    SSL_set_accept_state(ssl)
    connection.tls = ssl
    worker.tls.active += 1
    worker.tls.peak = max(worker.tls.peak, worker.tls.active)
    return True


def tls_free(worker, connection):
    """Nothing for a plain connection."""
    if connection.tls == NULL:
        return
    SSL_free(cast(pointer(SSL), connection.tls))
    connection.tls = NULL
    worker.tls.active -= 1


def tls_trim(worker):
    """Give back what connections have left since the last call and none has needed. The allocator would keep it."""
    tls = address(worker.tls)
    tls.held = max(tls.held, tls.peak)
    if (tls.held - tls.peak) * TRIM_PART > tls.held:
        tls.held = tls.peak
        malloc_trim(0)
    tls.peak = tls.active


def enter(worker, connection):
    """Let the callbacks below be this connection's."""
    worker.tls.connection = connection
    worker.tls.error_number = 0
    worker.tls.has_ended = False
    ERR_clear_error()
    return cast(pointer(SSL), connection.tls)


def failure(worker, connection, result):
    """Translate what OpenSSL says of a call without success: 0 for the end, -EAGAIN with the event to wait for.

    Whichever it is: what is read may have to be answered first, and what is written may need an answer.
    """
    reason = declare(int, SSL_get_error(cast(pointer(SSL), connection.tls), result))
    worker.tls.events = EPOLLOUT if reason == SSL_ERROR_WANT_WRITE else EPOLLIN
    if reason == SSL_ERROR_WANT_READ or reason == SSL_ERROR_WANT_WRITE:
        return -EAGAIN
    ERR_clear_error()
    if reason == SSL_ERROR_ZERO_RETURN or worker.tls.has_ended:
        return 0
    if reason == SSL_ERROR_SYSCALL and worker.tls.error_number:
        return -worker.tls.error_number
    return -EPROTO


def tls_shake_hands(worker, connection):
    """1 when it is done; otherwise 0 or -errno, with the event to wait for beside -EAGAIN."""
    result = declare(int, SSL_do_handshake(enter(worker, connection)))
    return 1 if result == 1 else failure(worker, connection, result)


def tls_receive(worker, connection, bytes, capacity):
    result = declare(int, SSL_read(enter(worker, connection), bytes, capacity))
    return result if result > 0 else failure(worker, connection, result)


def tls_send(worker, connection, bytes, length, more_follows):
    """As many whole records as the kernel takes. One that it takes in part must come again with the same bytes."""
    receives_left = worker.tls.receives_left
    worker.tls.receives_left = 1
    worker.tls.more_follows = more_follows
    sent = declare(int64_t, write_records(worker, connection, bytes, length))
    worker.tls.more_follows = False
    worker.tls.receives_left = receives_left
    return sent


def write_records(worker, connection, bytes, length):
    sent = declare(uint32_t, 0)
    while sent < length:
        result = declare(int, SSL_write(enter(worker, connection), bytes + sent, length - sent))
        if result <= 0:
            error = declare(int64_t, failure(worker, connection, result))
            return sent if sent and error == -EAGAIN else (error or -EPROTO)
        sent += result
    return sent


def tls_has_pending(connection):
    return connection.tls != NULL and SSL_has_pending(cast(pointer(SSL), connection.tls)) == 1


def tls_is_resumed(connection):
    return SSL_session_reused(cast(pointer(SSL), connection.tls)) == 1


def tls_is_outdated(worker, connection, grace_seconds):
    """Whether the connection's certificate has been replaced, as was found out by an earlier call, for so long."""
    if connection.tls == NULL:
        return False
    ssl = cast(pointer(SSL), connection.tls)
    listener = address(worker.listeners[connection.listener])
    if SSL_get_SSL_CTX(ssl) == load_pointer(address(listener.tls_context), memory_order_acquire):
        return False
    # The second after, as 0 is none.
    since = declare(uint32_t, cast(uint32_t, cast(size_t, SSL_get_app_data(ssl))))
    if not since:
        since = worker.second + 1
        SSL_set_app_data(ssl, cast(p_void, cast(size_t, since)))
        ERR_clear_error()
    return worker.second + 1 - since >= grace_seconds


def tls_say_goodbye(worker, connection):
    """Send close_notify, if the kernel takes it: the peer can tell the end from an attack then."""
    if connection.tls != NULL:
        worker.tls.more_follows = True
        SSL_shutdown(enter(worker, connection))
        worker.tls.more_follows = False
        ERR_clear_error()


# What OpenSSL calls


def bio_read(bio, bytes, capacity):
    worker = cast(pointer(StreamWorker), BIO_get_data(bio))
    BIO_clear_retry_flags(bio)
    if worker.tls.receives_left == 0:
        BIO_set_retry_read(bio)
        return -1
    worker.tls.receives_left -= 1
    connection = cast(pointer(Connection), worker.tls.connection)
    received = declare(
        int64_t,
        worker.backend.receive(
            worker.backend.state, connection.socket, cast(pointer(uint8_t), bytes), capacity, False
        ),
    )
    if received >= 0:
        worker.tls.has_ended = received == 0
        note(worker, connection, STREAM_BYTES_RECEIVED, received)
        return received
    if received == -EAGAIN:
        BIO_set_retry_read(bio)
    else:
        worker.tls.error_number = cast(int, -received)
    return -1


def is_sending_ticket(connection):
    """The last of a handshake of TLS 1.3, which nobody waits for: the first response goes with it."""
    return SSL_get_state(cast(pointer(SSL), connection.tls)) == TLS_ST_SW_SESSION_TICKET


def bio_write(bio, bytes, length):
    worker = cast(pointer(StreamWorker), BIO_get_data(bio))
    connection = cast(pointer(Connection), worker.tls.connection)
    BIO_clear_retry_flags(bio)
    sent = declare(
        int64_t,
        worker.backend.send(
            worker.backend.state,
            connection.socket,
            cast(pointer(uint8_t), bytes),
            length,
            worker.tls.more_follows or is_sending_ticket(connection),
        ),
    )
    if sent >= 0:
        note(worker, connection, STREAM_BYTES_SENT, sent)
        return sent
    if sent == -EAGAIN:
        BIO_set_retry_write(bio)
    else:
        worker.tls.error_number = cast(int, -sent)
    return -1


def bio_control(bio, command, number, data):
    """There is nothing to flush; everything else but whether this is the end does not concern a connection."""
    if command == BIO_CTRL_EOF:
        return cast(pointer(StreamWorker), BIO_get_data(bio)).tls.has_ended
    return 1 if command == BIO_CTRL_FLUSH else 0
