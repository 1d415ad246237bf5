"""The keys that session tickets are sealed with (RFC 5077, RFC 8446 section 4.6.1).

A ticket holds all that resuming a session needs, so any worker can resume what another began, and nothing is stored
for it. Who has a ticket's key can read the session, so keys are drawn at random, replaced after a while, and forgotten
after twice as long.
"""

from cython import NULL, address, bint, cast, declare, p_char, pointer, sizeof
from cython.cimports.aquatic.abi.openssl import (
    EVP_CIPHER,
    OSSL_MAC_PARAM_DIGEST,
    OSSL_MAC_PARAM_KEY,
    OSSL_PARAM,
    EVP_CIPHER_fetch,
    EVP_CIPHER_free,
    EVP_CipherInit_ex,
    EVP_MAC_CTX_set_params,
    OSSL_PARAM_construct_end,
    OSSL_PARAM_construct_octet_string,
    OSSL_PARAM_construct_utf8_string,
    RAND_bytes,
    SSL_CTX_get_app_data,
    SSL_get_SSL_CTX,
)
from cython.cimports.aquatic.abi.threads import (
    boot_ns,
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)
from cython.cimports.aquatic.abi.tls import (
    TICKET_KEY_BYTES,
    TICKET_KEYS,
    TICKET_NAME_BYTES,
    TicketKey,
    TicketKeys,
)
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcmp, memcpy, memset

IV_BYTES = declare(int, 16)
# What OpenSSL's callback returns.
NO_TICKET = declare(int, 0)
TICKET = declare(int, 1)
TICKET_TO_RENEW = declare(int, 2)
FAILED = declare(int, -1)


def ticket_keys_init(keys, rotation_ns):
    """False without memory."""
    memset(keys, 0, sizeof(keys[0]))
    keys.rotation_ns = rotation_ns
    keys.cipher = EVP_CIPHER_fetch(NULL, b"AES-256-CBC", NULL)
    pthread_mutex_init(address(keys.lock), NULL)
    return keys.cipher != NULL


def ticket_keys_end(keys):
    pthread_mutex_destroy(address(keys.lock))
    EVP_CIPHER_free(cast(pointer(EVP_CIPHER), keys.cipher))
    memset(keys, 0, sizeof(keys[0]))


def rotate(keys, now_ns):
    """Draw a new key; called under the lock. False without randomness."""
    fresh = declare(TicketKey)
    if (
        RAND_bytes(fresh.name, TICKET_NAME_BYTES) != 1
        or RAND_bytes(fresh.cipher, TICKET_KEY_BYTES) != 1
        or RAND_bytes(fresh.mac, TICKET_KEY_BYTES) != 1
    ):
        return False
    fresh.made_ns = now_ns
    keys.keys[1] = keys.keys[0]
    keys.keys[0] = fresh
    return True


def newest_key(keys, now_ns, key):
    """The key to seal with."""
    pthread_mutex_lock(address(keys.lock))
    newest = address(keys.keys[0])
    found = declare(bint, True)
    if newest.made_ns == 0 or now_ns - newest.made_ns >= keys.rotation_ns:
        found = rotate(keys, now_ns)
    if found:
        key[0] = newest[0]
    pthread_mutex_unlock(address(keys.lock))
    return found


def find_key(keys, now_ns, name, key):
    """The key that a ticket names: a TICKET, or one TICKET_TO_RENEW, or NO_TICKET of ours any more."""
    found = declare(int, NO_TICKET)
    index = declare(uint32_t)
    pthread_mutex_lock(address(keys.lock))
    for index in range(cast(uint32_t, TICKET_KEYS)):
        candidate = address(keys.keys[index])
        if candidate.made_ns == 0 or memcmp(candidate.name, name, TICKET_NAME_BYTES) != 0:
            continue
        age_ns = now_ns - candidate.made_ns
        if age_ns < 2 * keys.rotation_ns:
            found = TICKET if age_ns < keys.rotation_ns else TICKET_TO_RENEW
            key[0] = candidate[0]
    pthread_mutex_unlock(address(keys.lock))
    return found


def use_key(keys, key, iv, cipher, mac, encrypts):
    """Give the key to OpenSSL, which seals or opens with it and checks the seal first."""
    parameters = declare(OSSL_PARAM[3])
    parameters[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac, TICKET_KEY_BYTES)
    parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, cast(p_char, b"SHA256"), 0)
    parameters[2] = OSSL_PARAM_construct_end()
    return (
        EVP_CipherInit_ex(cipher, cast(pointer(EVP_CIPHER), keys.cipher), NULL, key.cipher, iv, encrypts) == 1
        and EVP_MAC_CTX_set_params(mac, parameters) == 1
    )


def ticket_key_callback(ssl, name, iv, cipher, mac, encrypts):
    """What OpenSSL asks when it makes a ticket or is shown one (SSL_CTX_set_tlsext_ticket_key_evp_cb(3))."""
    keys = cast(pointer(TicketKeys), SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))
    key = declare(TicketKey)
    found = declare(int, TICKET)
    if encrypts:
        if not newest_key(keys, boot_ns(), address(key)) or RAND_bytes(iv, IV_BYTES) != 1:
            return FAILED
        memcpy(name, key.name, TICKET_NAME_BYTES)
    else:
        found = find_key(keys, boot_ns(), name, address(key))
        if found == NO_TICKET:
            return NO_TICKET
    used = declare(bint, use_key(keys, address(key), iv, cipher, mac, encrypts))
    memset(address(key), 0, sizeof(key))
    return found if used else FAILED
