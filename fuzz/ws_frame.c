/* Any bytes of a client: no read beyond them, every frame within them and within its limits, and more bytes change
   nothing but "partial". */
#include "frame.c.inc"

#define F(name) __pyx_f_7aquatic_9dataplane_2ws_5frame_##name
#define E(name) __pyx_e_7aquatic_3abi_7ws_wire_##name

typedef struct __pyx_t_7aquatic_3abi_7ws_wire_Frame Frame;
typedef struct __pyx_t_7aquatic_3abi_7ws_wire_FrameRules FrameRules;
typedef struct __pyx_t_7aquatic_3abi_7ws_wire_MessageReader MessageReader;

static const FrameRules rules = {.frame_bytes_max = 300, .message_bytes_max = 500};

/* Bytewise, as the RFC has it. */
static void unmask_slowly(uint8_t *payload, uint32_t length, const uint8_t *mask) {
  for (uint32_t at = 0; at < length; at++) payload[at] ^= mask[at % 4];
}

static void check_payload(const uint8_t *data, const Frame *frame) {
  uint8_t *fast = malloc(frame->payload_bytes + 1), *slow = malloc(frame->payload_bytes + 1);
  memcpy(fast, data + frame->payload, frame->payload_bytes);
  memcpy(slow, fast, frame->payload_bytes);
  F(unmask)(fast, frame->payload_bytes, frame->mask);
  unmask_slowly(slow, frame->payload_bytes, frame->mask);
  if (memcmp(fast, slow, frame->payload_bytes)) abort();
  F(is_utf8)(slow, frame->payload_bytes);
  uint32_t code = F(code_of_close)(slow, frame->payload_bytes);
  if (code && (code < 1000 || code > 4999)) abort();
  free(fast);
  free(slow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  MessageReader reader = {0, 0};
  size_t used = 0;
  while (used < size) {
    Frame frame, early;
    memset(&frame, 0xff, sizeof frame);
    uint32_t left = (uint32_t)(size - used);
    int verdict = F(decode_frame)(data + used, left, &rules, &reader, &frame);
    /* A copy, so that a read beyond the first half shows. */
    uint8_t *half = malloc(left / 2 + 1);
    memcpy(half, data + used, left / 2);
    int early_verdict = F(decode_frame)(half, left / 2, &rules, &reader, &early);
    free(half);
    if (early_verdict != E(FRAME_PARTIAL) && early_verdict != verdict) abort();
    if (verdict != E(FRAME_COMPLETE)) {
      if (verdict != E(FRAME_PARTIAL) && verdict != E(FRAME_BAD) && verdict != E(FRAME_TOO_LARGE)) abort();
      break;
    }
    if (frame.frame_bytes > left || frame.payload + frame.payload_bytes != frame.frame_bytes) abort();
    if (frame.payload_bytes > rules.frame_bytes_max) abort();
    if (frame.opcode >= 8 && (frame.payload_bytes > 125 || !frame.is_final)) abort();
    check_payload(data + used, &frame);
    MessageReader before = reader;
    int ends = F(take_frame)(&reader, &frame);
    if (reader.message_bytes > rules.message_bytes_max) abort();
    if (frame.opcode >= 8 && (ends || memcmp(&before, &reader, sizeof reader))) abort();
    if (ends && (reader.opcode || reader.message_bytes)) abort();
    used += frame.frame_bytes;
  }
  return 0;
}
