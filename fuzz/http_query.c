/* Any target of a request: no read beyond it, and every field within its bounds. */
#include "query.c.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct __pyx_t_7aquatic_3abi_9http_wire_HttpRequest request;
  memset(&request, 0xff, sizeof request);
  __pyx_f_7aquatic_9dataplane_4http_5query_decode_target(data, (uint32_t)size, &request);
  if (request.resource > __pyx_e_7aquatic_3abi_9http_wire_RESOURCE_UNKNOWN) abort();
  if (request.info_hash_count > __pyx_e_7aquatic_3abi_9http_wire_HTTP_SCRAPE_TORRENTS_MAX) abort();
  if (request.resource == __pyx_e_7aquatic_3abi_9http_wire_RESOURCE_ANNOUNCE && request.info_hash_count > 1) abort();
  if (request.port < -1 || request.port > 65535 || request.peers_wanted < -1 || request.event > 4) abort();
  if (request.peer_id_bytes > size || request.tracker_id_bytes > size) abort();
  return 0;
}
