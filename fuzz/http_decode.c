/* Any bytes of a connection: no read beyond them, what the head points to lies inside, and more bytes change nothing
   but "partial". */
#include "decode.c.inc"

#define IN_INPUT(pointer, bytes) ((pointer) >= data && (pointer) + (bytes) <= data + size)

typedef struct __pyx_t_7aquatic_3abi_9http_wire_Head Head;
typedef struct __pyx_t_7aquatic_3abi_9http_wire_HeadRules HeadRules;

static int decode(const uint8_t *data, size_t size, Head *head) {
  static const HeadRules rules = {
    .request_bytes_max = 2048, .address_header = "x-forwarded-for", .address_header_bytes = 15};
  memset(head, 0xff, sizeof *head);
  return __pyx_f_7aquatic_9dataplane_4http_6decode_decode_head(data, (uint32_t)size, &rules, head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Head head, early;
  int verdict = decode(data, size, &head);
  if (verdict == __pyx_e_7aquatic_3abi_9http_wire_HEAD_COMPLETE) {
    if (head.request_bytes == 0 || head.request_bytes > size || head.request_bytes > 2048) abort();
    if (head.target_bytes == 0 || !IN_INPUT(head.target, head.target_bytes)) abort();
    if (head.client_address && !IN_INPUT(head.client_address, head.client_address_bytes)) abort();
    if (head.minor_version > 1 || head.body_bytes > 2048) abort();
  }
  /* A copy, so that a read beyond the first half shows. */
  uint8_t *half = malloc(size / 2 + 1);
  memcpy(half, data, size / 2);
  int early_verdict = decode(half, size / 2, &early);
  if (early_verdict != __pyx_e_7aquatic_3abi_9http_wire_HEAD_PARTIAL && early_verdict != verdict) abort();
  free(half);
  return 0;
}
