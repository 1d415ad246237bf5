"""The calls of OpenSSL (3.0 and up) that the connection server and the load generators use."""
from libc.stdint cimport uint32_t, uint64_t

cdef extern from "<openssl/ssl.h>" nogil:
    ctypedef struct SSL_CTX:
        pass
    ctypedef struct SSL:
        pass
    ctypedef struct SSL_METHOD:
        pass
    ctypedef struct SSL_SESSION:
        pass
    enum:
        TLS1_2_VERSION
        SSL_OP_NO_RENEGOTIATION
        SSL_OP_CIPHER_SERVER_PREFERENCE
        SSL_OP_PRIORITIZE_CHACHA
        SSL_OP_IGNORE_UNEXPECTED_EOF
        SSL_MODE_RELEASE_BUFFERS
        SSL_MODE_ENABLE_PARTIAL_WRITE
        SSL_MODE_NO_AUTO_CHAIN
        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
        SSL_SESS_CACHE_OFF
        SSL_FILETYPE_PEM
        SSL_ERROR_WANT_READ
        SSL_ERROR_WANT_WRITE
        SSL_ERROR_ZERO_RETURN
        SSL_ERROR_SYSCALL
        TLS_ST_SW_SESSION_TICKET
        SSL_TLSEXT_ERR_OK
        SSL_TLSEXT_ERR_ALERT_FATAL
        OPENSSL_NPN_NEGOTIATED
        SSL_SENT_SHUTDOWN
        SSL_RECEIVED_SHUTDOWN
    const SSL_METHOD* TLS_server_method()
    const SSL_METHOD* TLS_client_method()
    SSL_CTX* SSL_CTX_new(const SSL_METHOD* method)
    void SSL_CTX_free(SSL_CTX* context)
    int SSL_CTX_set_min_proto_version(SSL_CTX* context, int version)
    int SSL_CTX_set_cipher_list(SSL_CTX* context, const char* names)
    int SSL_CTX_set_ciphersuites(SSL_CTX* context, const char* names)
    uint64_t SSL_CTX_set_options(SSL_CTX* context, uint64_t options)
    long SSL_CTX_set_mode(SSL_CTX* context, long mode)
    long SSL_CTX_set_session_cache_mode(SSL_CTX* context, long mode)
    int SSL_CTX_set_session_id_context(SSL_CTX* context, const unsigned char* id, unsigned int length)
    long SSL_CTX_set_timeout(SSL_CTX* context, long seconds)
    int SSL_CTX_set_num_tickets(SSL_CTX* context, size_t count)
    void SSL_CTX_set_read_ahead(SSL_CTX* context, int yes)
    int SSL_CTX_set_app_data(SSL_CTX* context, void* data)
    void* SSL_CTX_get_app_data(const SSL_CTX* context)
    void SSL_CTX_set_default_passwd_cb(
        SSL_CTX* context, int (*callback)(char* buffer, int size, int writes, void* data) noexcept nogil)
    int SSL_CTX_use_certificate_chain_file(SSL_CTX* context, const char* path)
    int SSL_CTX_use_PrivateKey_file(SSL_CTX* context, const char* path, int kind)
    int SSL_CTX_check_private_key(const SSL_CTX* context)
    void SSL_CTX_set_alpn_select_cb(
        SSL_CTX* context,
        int (*callback)(
            SSL* ssl, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
            unsigned int offered_length, void* data
        ) noexcept nogil,
        void* data)
    int SSL_select_next_proto(
        unsigned char** out, unsigned char* out_length, const unsigned char* ours, unsigned int ours_length,
        const unsigned char* offered, unsigned int offered_length)
    int SSL_CTX_set_tlsext_ticket_key_evp_cb(
        SSL_CTX* context,
        int (*callback)(
            SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts
        ) noexcept nogil)

    SSL* SSL_new(SSL_CTX* context)
    void SSL_free(SSL* ssl)
    int SSL_set_app_data(SSL* ssl, void* data)
    void* SSL_get_app_data(const SSL* ssl)
    SSL_CTX* SSL_get_SSL_CTX(const SSL* ssl)
    void SSL_set_bio(SSL* ssl, BIO* reads, BIO* writes)
    void SSL_set_accept_state(SSL* ssl)
    void SSL_set_connect_state(SSL* ssl)
    int SSL_set_fd(SSL* ssl, int fd)
    int SSL_set_session(SSL* ssl, SSL_SESSION* session)
    SSL_SESSION* SSL_get1_session(SSL* ssl)
    void SSL_SESSION_free(SSL_SESSION* session)
    void SSL_set_shutdown(SSL* ssl, int mode)
    int SSL_do_handshake(SSL* ssl)
    int SSL_read(SSL* ssl, void* bytes, int capacity)
    int SSL_write(SSL* ssl, const void* bytes, int length)
    int SSL_shutdown(SSL* ssl)
    int SSL_get_error(const SSL* ssl, int result)
    int SSL_has_pending(const SSL* ssl)
    int SSL_session_reused(const SSL* ssl)
    int SSL_get_state(const SSL* ssl)

cdef extern from "<openssl/bio.h>" nogil:
    ctypedef struct BIO:
        pass
    ctypedef struct BIO_METHOD:
        pass
    enum:
        BIO_TYPE_SOURCE_SINK
        BIO_CTRL_EOF
        BIO_CTRL_FLUSH
    BIO_METHOD* BIO_meth_new(int kind, const char* name)
    void BIO_meth_free(BIO_METHOD* method)
    int BIO_meth_set_write(BIO_METHOD* method, int (*write)(BIO* bio, const char* bytes, int length) noexcept nogil)
    int BIO_meth_set_read(BIO_METHOD* method, int (*read)(BIO* bio, char* bytes, int capacity) noexcept nogil)
    int BIO_meth_set_ctrl(
        BIO_METHOD* method, long (*control)(BIO* bio, int command, long number, void* data) noexcept nogil)
    BIO* BIO_new(const BIO_METHOD* method)
    void BIO_set_init(BIO* bio, int yes)
    void BIO_set_data(BIO* bio, void* data)
    void* BIO_get_data(BIO* bio)
    void BIO_set_retry_read(BIO* bio)
    void BIO_set_retry_write(BIO* bio)
    void BIO_clear_retry_flags(BIO* bio)

cdef extern from "<openssl/evp.h>" nogil:
    ctypedef struct EVP_CIPHER:
        pass
    ctypedef struct EVP_CIPHER_CTX:
        pass
    ctypedef struct EVP_MAC_CTX:
        pass
    ctypedef struct ENGINE:
        pass
    ctypedef struct OSSL_LIB_CTX:
        pass
    EVP_CIPHER* EVP_CIPHER_fetch(OSSL_LIB_CTX* library, const char* name, const char* properties)
    void EVP_CIPHER_free(EVP_CIPHER* cipher)
    int EVP_CipherInit_ex(
        EVP_CIPHER_CTX* context, const EVP_CIPHER* cipher, ENGINE* engine, const unsigned char* key,
        const unsigned char* iv, int encrypts)
    int EVP_MAC_CTX_set_params(EVP_MAC_CTX* context, const OSSL_PARAM* parameters)

cdef extern from "<openssl/params.h>" nogil:
    ctypedef struct OSSL_PARAM:
        pass
    OSSL_PARAM OSSL_PARAM_construct_octet_string(const char* name, void* bytes, size_t length)
    OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char* name, char* text, size_t length)
    OSSL_PARAM OSSL_PARAM_construct_end()

cdef extern from "<openssl/core_names.h>" nogil:
    const char* OSSL_MAC_PARAM_KEY
    const char* OSSL_MAC_PARAM_DIGEST

    int EVP_EncodeBlock(unsigned char* text, const unsigned char* bytes, int length)

cdef extern from "<openssl/sha.h>" nogil:
    enum:
        SHA_DIGEST_LENGTH
    unsigned char* SHA1(const unsigned char* bytes, size_t length, unsigned char* digest)

cdef extern from "<openssl/rand.h>" nogil:
    int RAND_bytes(unsigned char* bytes, int length)

cdef extern from "<openssl/err.h>" nogil:
    void ERR_clear_error()
    unsigned long ERR_get_error()
    const char* ERR_reason_error_string(unsigned long error)
