#include "canary.c.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  __pyx_f_6canary_decode(data, size);
  return 0;
}
