"""HTTP to a tracker (RFC 9110 and 9112; BEP 3, 7, 21, 23, 24, 31, 48), decoded. Types only."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.udp_wire cimport INFO_HASH_BYTES

cdef enum:
    # Lines after the request line. Browsers send about 15, proxies add some; others stop at 100 too.
    HEADERS_MAX = 100
    # The longest answer that can be configured, 64 KiB, has room for 505.
    HTTP_SCRAPE_TORRENTS_MAX = 512
    PEER_ID_BYTES = 20
    # Where pages may come from that speak WebSocket to a listener.
    ORIGINS_MAX = 64
    ORIGIN_BYTES_MAX = 255
    # A longer tracker id is not one of ours, and is not sent back.
    TRACKER_ID_BYTES_MAX = 64
    # In place of a port: missing, or not a number that a port can be.
    PORT_NONE = -1

cdef enum HeadVerdict:
    HEAD_COMPLETE = 0
    HEAD_PARTIAL = 1
    HEAD_BAD = 2  # not HTTP, or HTTP of which two readers may disagree where it ends
    HEAD_TOO_LARGE = 3
    HEAD_BODY_TOO_LARGE = 4
    HEAD_BODY_ENCODED = 5  # Transfer-Encoding: nothing that a tracker has use for

cdef enum HttpMethod:
    METHOD_GET = 0
    METHOD_OTHER = 1

# What is looked for in a head, and how much of it is read. Constant after start.
cdef struct HeadRules:
    uint32_t request_bytes_max  # head and body
    # The header in which a proxy tells the client's address; no bytes where there is none.
    uint8_t address_header[64]
    uint32_t address_header_bytes

# A header's last value, without blanks around it. NULL where the header is missing.
cdef struct HeaderValue:
    const uint8_t* text
    uint32_t length

# A request's head. Pointers are into the input, and valid only where the verdict is HEAD_COMPLETE.
cdef struct Head:
    HttpMethod method
    const uint8_t* target
    uint32_t target_bytes
    uint32_t minor_version  # of HTTP/1
    bint asks_close  # Connection: close
    bint asks_keep_alive  # Connection: keep-alive
    bint asks_upgrade  # Connection: upgrade
    bint names_websocket  # Upgrade: websocket
    HeaderValue websocket_key
    HeaderValue websocket_version
    HeaderValue origin
    const uint8_t* client_address  # the value of the last address header, NULL without one
    uint32_t client_address_bytes
    uint32_t headers
    bint has_body_length
    uint64_t body_bytes  # Content-Length
    uint32_t request_bytes  # with what goes before the request line, and with the body

# An origin as browsers send it (RFC 6454, section 6.2), in lower case.
cdef struct Origin:
    uint8_t text[ORIGIN_BYTES_MAX]
    uint8_t length

# Constant after start. None: pages may come from anywhere.
cdef struct Origins:
    uint32_t count
    Origin origins[ORIGINS_MAX]

cdef enum HttpResource:
    RESOURCE_ANNOUNCE = 0
    RESOURCE_SCRAPE = 1
    RESOURCE_ROOT = 2
    RESOURCE_HEALTH = 3
    RESOURCE_UNKNOWN = 4

# What a target asks for. Of a parameter that comes again the last one counts; info hashes of a scrape add up.
cdef struct HttpRequest:
    HttpResource resource
    bint has_bad_info_hash  # of an announce the last one, of a scrape any, is not of 20 bytes
    uint32_t info_hash_count
    uint8_t info_hashes[HTTP_SCRAPE_TORRENTS_MAX * INFO_HASH_BYTES]
    # Announce.
    uint32_t peer_id_bytes  # as sent
    uint8_t peer_id[PEER_ID_BYTES]
    int32_t port  # or PORT_NONE
    uint64_t bytes_left  # the greatest number where it is missing, negative, or no number
    uint32_t event
    int32_t peers_wanted  # below 0 for the default
    bint is_compact  # BEP 23
    uint32_t tracker_id_bytes
    uint8_t tracker_id[TRACKER_ID_BYTES_MAX]
