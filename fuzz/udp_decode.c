/* Any datagram: no read beyond it, and what the request points to lies inside it. */
#include "decode.c.inc"

#define IN_PACKET(pointer, bytes) \
  ((const uint8_t *)(pointer) >= data && (const uint8_t *)(pointer) + (bytes) <= data + size)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct __pyx_t_7aquatic_3abi_8udp_wire_Request request;
  memset(&request, 0xff, sizeof request);
  int verdict = __pyx_f_7aquatic_9dataplane_3udp_6decode_decode(data, (uint32_t)size, &request);
  if (verdict != __pyx_e_7aquatic_3abi_8udp_wire_VERDICT_ACCEPTED) return 0;
  switch (request.action) {
    case __pyx_e_7aquatic_3abi_8udp_wire_ACTION_CONNECT: break;
    case __pyx_e_7aquatic_3abi_8udp_wire_ACTION_ANNOUNCE:
      if (!IN_PACKET(request.info_hash, 20) || !IN_PACKET(request.peer_id, 20)) abort();
      break;
    case __pyx_e_7aquatic_3abi_8udp_wire_ACTION_SCRAPE:
      if (request.info_hash_count == 0 || !IN_PACKET(request.info_hash, 20 * (size_t)request.info_hash_count)) abort();
      break;
    default: abort();
  }
  return 0;
}
