/* Any message: no read beyond it, every field within its bounds, and what is to be passed on is one JSON value. */
#include "decode.c.inc"

#define F(name) __pyx_f_7aquatic_9dataplane_2ws_6decode_##name
#define E(name) __pyx_e_7aquatic_3abi_7ws_wire_##name

typedef struct __pyx_t_7aquatic_3abi_7ws_wire_WsRequest WsRequest;
typedef struct __pyx_t_7aquatic_3abi_7ws_wire_Span Span;

static void check_span(const uint8_t *data, size_t size, const Span *span) {
  if (span->length == 0 || span->start > size || span->length > size - span->start) abort();
  uint8_t *copy = malloc(span->length);
  memcpy(copy, data + span->start, span->length);
  if (F(skip_value)(copy, 0, span->length, 0) != span->length || copy[0] <= ' ') abort();
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static WsRequest request;
  memset(&request, 0xff, sizeof request);
  int verdict = F(decode_message)(data, (uint32_t)size, &request);
  if (verdict > E(WS_FULL_SCRAPE)) abort();
  if (verdict != E(WS_ACCEPTED) && !F(ws_reason)(verdict)[0]) abort();
  if (request.info_hash_count > E(WS_SCRAPE_LIMIT) || request.offer_count > E(WS_OFFERS_LIMIT)) abort();
  if (request.event > 4 || request.action > E(WS_ACTION_SCRAPE)) abort();
  if (verdict != E(WS_ACCEPTED)) return 0;
  if (F(skip_blanks)(data, F(skip_value)(data, 0, (uint32_t)size, 0), (uint32_t)size) != size) abort();
  if (request.info_hash_count == 0) abort();
  if (request.action != E(WS_ACTION_ANNOUNCE)) return 0;
  if (request.info_hash_count != 1) abort();
  for (uint32_t index = 0; index < request.offer_count; index++) check_span(data, size, &request.offers[index].offer);
  if (request.has_answer) check_span(data, size, &request.answer);
  return 0;
}
