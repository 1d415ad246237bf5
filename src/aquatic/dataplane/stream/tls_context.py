"""Certificates and keys for listeners. What each method does is said in tls_context.pyi."""

import os

from cython import NULL, address, cast, declare, pointer, uchar
from cython.cimports.aquatic.abi.openssl import (
    OPENSSL_NPN_NEGOTIATED,
    SSL_FILETYPE_PEM,
    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
    SSL_MODE_ENABLE_PARTIAL_WRITE,
    SSL_MODE_NO_AUTO_CHAIN,
    SSL_MODE_RELEASE_BUFFERS,
    SSL_OP_CIPHER_SERVER_PREFERENCE,
    SSL_OP_IGNORE_UNEXPECTED_EOF,
    SSL_OP_NO_RENEGOTIATION,
    SSL_OP_PRIORITIZE_CHACHA,
    SSL_SESS_CACHE_OFF,
    SSL_TLSEXT_ERR_ALERT_FATAL,
    SSL_TLSEXT_ERR_OK,
    TLS1_2_VERSION,
    ERR_clear_error,
    ERR_get_error,
    ERR_reason_error_string,
    SSL_CTX_check_private_key,
    SSL_CTX_free,
    SSL_CTX_new,
    SSL_CTX_set_alpn_select_cb,
    SSL_CTX_set_app_data,
    SSL_CTX_set_cipher_list,
    SSL_CTX_set_ciphersuites,
    SSL_CTX_set_default_passwd_cb,
    SSL_CTX_set_min_proto_version,
    SSL_CTX_set_mode,
    SSL_CTX_set_num_tickets,
    SSL_CTX_set_options,
    SSL_CTX_set_read_ahead,
    SSL_CTX_set_session_cache_mode,
    SSL_CTX_set_session_id_context,
    SSL_CTX_set_timeout,
    SSL_CTX_set_tlsext_ticket_key_evp_cb,
    SSL_CTX_use_certificate_chain_file,
    SSL_CTX_use_PrivateKey_file,
    SSL_select_next_proto,
    TLS_server_method,
)
from cython.cimports.aquatic.dataplane.stream.ticket_keys import (
    ticket_key_callback,
    ticket_keys_end,
    ticket_keys_init,
)
from cython.cimports.libc.stdint import uint64_t

NS_PER_SECOND = 1_000_000_000
# RFC 8446 allows a week; a client comes back within an announce interval or not at all.
ROTATION_SECONDS = 3600
SESSION_SECONDS = 2 * ROTATION_SECONDS


class TlsError(Exception):
    pass


class TlsTicketKeys:
    def __cinit__(self, rotation_seconds: float = ROTATION_SECONDS):
        if not ticket_keys_init(address(self.keys), cast(uint64_t, int(rotation_seconds * NS_PER_SECOND))):
            raise MemoryError(reason_of_failure("session tickets"))

    def __dealloc__(self):
        ticket_keys_end(address(self.keys))


def reason_of_failure(subject):
    """What OpenSSL says about its last failure, in one line."""
    code = ERR_get_error()
    reason = ERR_reason_error_string(code) if code else NULL
    ERR_clear_error()
    return f"{subject}: {'not usable' if reason == NULL else cast(bytes, reason).decode()}"


def choose_protocol(ssl, out, out_length, offered, offered_length, data):
    """ALPN (RFC 7301): who offers protocols and not ours is told so."""
    chosen = declare(
        int,
        SSL_select_next_proto(
            cast(pointer(pointer(uchar)), out),
            out_length,
            cast(pointer(uchar), b"\x08http/1.1"),
            9,
            offered,
            offered_length,
        ),
    )
    return SSL_TLSEXT_ERR_OK if chosen == OPENSSL_NPN_NEGOTIATED else SSL_TLSEXT_ERR_ALERT_FATAL


def refuse_password(buffer, size, writes, data):
    """Otherwise OpenSSL would ask at the terminal."""
    return -1


class TlsContext:
    def __cinit__(self, certificate_path, private_key_path, ticket_keys):
        self.ticket_keys = ticket_keys
        for path in (certificate_path, private_key_path):
            # The system's words for a file that cannot be read, rather than OpenSSL's.
            with open(path, "rb"):
                pass
        self.context = SSL_CTX_new(TLS_server_method())
        if self.context == NULL or not self.set_up():
            raise MemoryError(reason_of_failure("TLS"))
        if SSL_CTX_use_certificate_chain_file(self.context, os.fsencode(certificate_path)) != 1:
            raise TlsError(reason_of_failure(f"certificate {certificate_path}"))
        if SSL_CTX_use_PrivateKey_file(self.context, os.fsencode(private_key_path), SSL_FILETYPE_PEM) != 1:
            raise TlsError(reason_of_failure(f"private key {private_key_path}"))
        if SSL_CTX_check_private_key(self.context) != 1:
            raise TlsError(reason_of_failure(f"{private_key_path} is not the key of {certificate_path}"))

    def __dealloc__(self):
        SSL_CTX_free(self.context)

    def set_up(self):
        context = self.context
        SSL_CTX_set_default_passwd_cb(context, refuse_password)
        SSL_CTX_set_options(
            context,
            SSL_OP_NO_RENEGOTIATION
            | SSL_OP_IGNORE_UNEXPECTED_EOF
            | SSL_OP_CIPHER_SERVER_PREFERENCE
            | SSL_OP_PRIORITIZE_CHACHA,
        )
        SSL_CTX_set_mode(
            context,
            SSL_MODE_RELEASE_BUFFERS
            | SSL_MODE_ENABLE_PARTIAL_WRITE
            | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
            | SSL_MODE_NO_AUTO_CHAIN,
        )
        SSL_CTX_set_read_ahead(context, 1)
        # Sessions live in tickets only. They survive a reload: tickets are sealed with keys that stay.
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF)
        SSL_CTX_set_timeout(context, SESSION_SECONDS)
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL)
        # Forward secrecy and authenticated encryption only, as with the Rust tracker; the cheapest first.
        return (
            SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1
            and SSL_CTX_set_cipher_list(context, b"ECDHE+AESGCM:ECDHE+CHACHA20") == 1
            and SSL_CTX_set_ciphersuites(
                context, b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
            )
            == 1
            and SSL_CTX_set_session_id_context(context, b"aquatic", 7) == 1
            and SSL_CTX_set_num_tickets(context, 1) == 1
            and SSL_CTX_set_app_data(context, address(self.ticket_keys.keys)) == 1
            and SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key_callback) == 1
        )
