/* Any first bytes of a connection: no read beyond them, and a complete header lies inside them. */
#include "proxy_header.c.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct __pyx_t_7aquatic_9dataplane_6stream_12proxy_header_ProxyHeader header, again;
  memset(&header, 0xff, sizeof header);
  int verdict = __pyx_f_7aquatic_9dataplane_6stream_12proxy_header_proxy_decode(data, (uint32_t)size, &header);
  if (verdict != __pyx_e_7aquatic_9dataplane_6stream_12proxy_header_PROXY_COMPLETE) return 0;
  if (header.length == 0 || header.length > size) abort();
  /* What stands behind it changes nothing, and without its last byte it is not complete. */
  if (__pyx_f_7aquatic_9dataplane_6stream_12proxy_header_proxy_decode(data, header.length, &again) != verdict) abort();
  if (memcmp(&header, &again, sizeof header)) abort();
  verdict = __pyx_f_7aquatic_9dataplane_6stream_12proxy_header_proxy_decode(data, header.length - 1, &again);
  if (verdict != __pyx_e_7aquatic_9dataplane_6stream_12proxy_header_PROXY_PARTIAL) abort();
  return 0;
}
