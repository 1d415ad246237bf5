/* Any text: ours takes for JSON what a second reader takes, which goes byte by byte and calls itself. */
#include <ctype.h>

#include "decode.c.inc"

#define F(name) __pyx_f_7aquatic_9dataplane_2ws_6decode_##name

enum { DEPTH_MAX = 32 };

typedef struct {
  const uint8_t *at, *end;
} Reader;

static int peek(const Reader *reader) { return reader->at < reader->end ? *reader->at : -1; }

static int take(Reader *reader, int byte) {
  if (peek(reader) != byte) return 0;
  reader->at++;
  return 1;
}

static void blanks(Reader *reader) {
  while (take(reader, ' ') || take(reader, '\t') || take(reader, '\n') || take(reader, '\r')) continue;
}

static int digits(Reader *reader) {
  const uint8_t *start = reader->at;
  while (peek(reader) >= '0' && peek(reader) <= '9') reader->at++;
  return reader->at > start;
}

static int number(Reader *reader) {
  take(reader, '-');
  if (!take(reader, '0') && !digits(reader)) return 0;
  if (take(reader, '.') && !digits(reader)) return 0;
  if (take(reader, 'e') || take(reader, 'E')) {
    if (!take(reader, '+')) take(reader, '-');
    return digits(reader);
  }
  return 1;
}

static int string(Reader *reader) {
  if (!take(reader, '"')) return 0;
  while (!take(reader, '"')) {
    int byte = peek(reader);
    if (byte < 0x20) return 0;
    reader->at++;
    if (byte != '\\') continue;
    int letter = peek(reader);
    if (letter < 0 || !strchr("\"\\/bfnrtu", letter) || !letter) return 0;
    reader->at++;
    for (int digit = 0; letter == 'u' && digit < 4; digit++, reader->at++)
      if (peek(reader) < 0 || !isxdigit(peek(reader))) return 0;
  }
  return 1;
}

static int word(Reader *reader, const char *text) {
  for (; *text; text++)
    if (!take(reader, *text)) return 0;
  return 1;
}

static int value(Reader *reader, int depth) {
  blanks(reader);
  int first = peek(reader);
  if (first == '"') return string(reader);
  if (first == 't') return word(reader, "true");
  if (first == 'f') return word(reader, "false");
  if (first == 'n') return word(reader, "null");
  if (first != '{' && first != '[') return number(reader);
  if (depth == DEPTH_MAX) return 0;
  reader->at++;
  int close = first == '{' ? '}' : ']';
  blanks(reader);
  if (take(reader, close)) return 1;
  do {
    blanks(reader);
    if (first == '{') {
      if (!string(reader)) return 0;
      blanks(reader);
      if (!take(reader, ':')) return 0;
    }
    if (!value(reader, depth + 1)) return 0;
    blanks(reader);
  } while (take(reader, ','));
  return take(reader, close);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Reader reader = {data, data + size};
  int theirs = value(&reader, 0);
  blanks(&reader);
  uint32_t end = F(skip_blanks)(data, F(skip_value)(data, 0, (uint32_t)size, 0), (uint32_t)size);
  if ((theirs && reader.at == reader.end) != (end == size)) abort();
  return 0;
}
