#include "base/base.h"

#include "base/json_parts.h"
#include "base/json_scan.h"

enum { MAX_BYTES = 1 << 30, FIRST_TOKENS = 64, BYTES_A_TOKEN = 16, FIRST_FRAMES = 16 };

static const char repeated_key[] = "a key that the object already has";

const struct kh_json_limits kh_json_default_limits = {
    .bytes = 16 * 1024 * 1024,
    .depth = 128,
    .tokens = 1000000,
};

void kh_json_init(struct kh_json *doc, struct kh_json_limits limits)
{
  if (limits.bytes > MAX_BYTES)
    limits.bytes = MAX_BYTES;
  *doc = (struct kh_json){.limits = limits};
}

void kh_json_release(struct kh_json *doc)
{
  free(doc->tokens);
  free(doc->frames);
  free(doc->hashed);
  kh_json_init(doc, doc->limits);
}

static bool grow_tokens(struct kh_json_reader *reader, const char *at)
{
  struct kh_json *doc = reader->doc;
  uint32_t count = doc->room;
  uint32_t room = count > 0 ? 2 * count : FIRST_TOKENS + (uint32_t)(doc->text.len / BYTES_A_TOKEN);

  if (count >= doc->limits.tokens)
    return kh_json_fail(reader, KH_ERR_JSON_TOKENS, at, "more values and keys than the limit allows");
  if (room > doc->limits.tokens)
    room = doc->limits.tokens;
  struct kh_json_token *grown = reallocarray(doc->tokens, room, sizeof *grown);
  if (!grown)
    return kh_json_fail(reader, KH_ERR_NO_MEMORY, at, "no memory for the values");
  doc->tokens = grown;
  doc->room = room;
  reader->next = grown + count;
  reader->limit = grown + room;
  return true;
}

static bool grow_frames(struct kh_json_reader *reader, const char *at)
{
  struct kh_json *doc = reader->doc;
  uint32_t room = doc->frames_room > 0 ? 2 * doc->frames_room : FIRST_FRAMES;
  struct kh_json_frame *grown = reallocarray(doc->frames, room, sizeof *grown);

  if (!grown)
    return kh_json_fail(reader, KH_ERR_NO_MEMORY, at, "no memory for the nesting");
  doc->frames = grown;
  doc->frames_room = room;
  reader->top = grown + reader->depth;
  return true;
}

/* A token of one, or NULL when there is no room for it. */
static inline struct kh_json_token *add_token(struct kh_json_reader *reader, const char *at, uint32_t len,
                                              enum kh_json_type type)
{
  if (reader->next == reader->limit && !grow_tokens(reader, at))
    return NULL;
  *reader->next = (struct kh_json_token){
      .at = (uint32_t)(at - reader->start), .len = len, .span = 1, .type = (uint16_t)type};
  return reader->next++;
}

/* From the quote at AT. */
static inline const char *read_string(struct kh_json_reader *reader, const char *at)
{
  const char *first = at + 1;
  const char *close = kh_json_plain(first, reader->end);
  uint16_t flags = 0;

  if (close == reader->end || *close != '"') {
    close = kh_json_string_end(reader, close, &flags);
    if (!close)
      return NULL;
  }
  struct kh_json_token *token = add_token(reader, first, (uint32_t)(close - first), KH_JSON_STRING);
  if (!token)
    return NULL;
  token->flags = flags;
  return close + 1;
}

static const char *read_number(struct kh_json_reader *reader, const char *at)
{
  enum kh_json_type type = KH_JSON_INTEGER;
  const char *behind = kh_json_number_end(reader, at, &type);

  return behind && add_token(reader, at, (uint32_t)(behind - at), type) ? behind : NULL;
}

static inline const char *read_word(struct kh_json_reader *reader, const char *at, const char *word,
                                    uint32_t len, enum kh_json_type type)
{
  if (reader->end - at < len || memcmp(at, word, len) != 0)
    return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "only true, false and null are words of JSON");
  return add_token(reader, at, len, type) ? at + len : NULL;
}

static inline const char *read_scalar(struct kh_json_reader *reader, const char *at)
{
  switch (*at) {
  case '"':
    return read_string(reader, at);
  case 't':
    return read_word(reader, at, "true", 4, KH_JSON_TRUE);
  case 'f':
    return read_word(reader, at, "false", 5, KH_JSON_FALSE);
  case 'n':
    return read_word(reader, at, "null", 4, KH_JSON_NULL);
  default:
    if (*at == '-' || (*at >= '0' && *at <= '9'))
      return read_number(reader, at);
    return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "a value must stand here");
  }
}

/* From a key to behind its colon. */
static inline const char *read_key(struct kh_json_reader *reader, const char *at)
{
  if (at == reader->end || *at != '"')
    return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "a key in quotes must stand here");
  at = read_string(reader, at);
  if (!at)
    return NULL;
  const struct kh_json_token *key = reader->next - 1;
  if (kh_json_key_is_suspect(reader->top, reader->start, key) &&
      kh_json_key_repeats(reader->doc, reader->top->token, key))
    return kh_json_fail(reader, KH_ERR_JSON_DUPLICATE_KEY, reader->start + key->at - 1, repeated_key);
  at = kh_json_blank(at, reader->end);
  if (at == reader->end || *at != ':')
    return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "a colon must stand here");
  return at + 1;
}

/* At an opening bracket or brace: to the first value in it, or, when *EMPTY, to its closing one. */
static inline const char *open_container(struct kh_json_reader *reader, const char *at, bool *empty)
{
  struct kh_json *doc = reader->doc;
  bool object = *at == '{';
  char closer = object ? '}' : ']';

  if (reader->depth >= doc->limits.depth)
    return kh_json_fail(reader, KH_ERR_JSON_DEPTH, at, "nested deeper than the limit allows");
  if (reader->depth + 1 >= doc->frames_room && !grow_frames(reader, at))
    return NULL;
  struct kh_json_token *token = add_token(reader, at, 0, object ? KH_JSON_OBJECT : KH_JSON_ARRAY);
  if (!token)
    return NULL;
  reader->depth++;
  *++reader->top = (struct kh_json_frame){.token = (uint32_t)(token - doc->tokens), .closer = closer};

  at = kh_json_blank(at + 1, reader->end);
  *empty = at < reader->end && *at == closer;
  return object && !*empty ? read_key(reader, at) : at;
}

/* At the bracket or brace that closes the container on top. */
static inline const char *close_container(struct kh_json_reader *reader, const char *at)
{
  struct kh_json *doc = reader->doc;
  const struct kh_json_frame *frame = reader->top;
  struct kh_json_token *token = &doc->tokens[frame->token];

  if (frame->keys > KH_JSON_FEW_KEYS || frame->escaped) {
    uint32_t repeated = 0;

    if (kh_json_keys_check(doc, frame->token, frame->keys, &repeated))
      return kh_json_fail(reader, KH_ERR_NO_MEMORY, at, "no memory to compare the keys");
    if (repeated)
      return kh_json_fail(reader, KH_ERR_JSON_DUPLICATE_KEY, reader->start + doc->tokens[repeated].at - 1,
                          repeated_key);
  }
  token->len = (uint32_t)(at + 1 - reader->start) - token->at;
  token->span = (uint32_t)(reader->next - token);
  reader->depth--;
  reader->top--;
  return at + 1;
}

/*
 * Behind a value: closes what ends there, up to the next value, or, when *COMPLETE, the end of the outermost
 * one.
 */
static inline const char *leave_value(struct kh_json_reader *reader, const char *at, bool *complete)
{
  while (reader->depth > 0) {
    char closer = reader->top->closer;

    at = kh_json_blank(at, reader->end);
    if (at < reader->end && *at == ',') {
      at = kh_json_blank(at + 1, reader->end);
      return closer == '}' ? read_key(reader, at) : at;
    }
    if (at == reader->end || *at != closer)
      return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at,
                          closer == '}' ? "a comma or } must stand here" : "a comma or ] must stand here");
    at = close_container(reader, at);
    if (!at)
      return NULL;
  }
  *complete = true;
  return at;
}

static const char *read_value(struct kh_json_reader *reader, const char *at)
{
  bool complete = false;

  while (at && !complete) {
    bool inside = false;

    at = kh_json_blank(at, reader->end);
    if (at == reader->end)
      return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "the text ends where a value must stand");
    if (*at == '{' || *at == '[') {
      bool empty = false;

      at = open_container(reader, at, &empty);
      inside = !empty;
    } else {
      at = read_scalar(reader, at);
    }
    if (at && !inside)
      at = leave_value(reader, at, &complete);
  }
  return at;
}

enum kh_err kh_json_read(struct kh_json *doc, struct kh_str text, struct kh_diag *diag)
{
  doc->count = 0;
  doc->text = text.len > 0 ? text : KH_STR("");
  struct kh_json_reader reader = {.doc = doc,
                                  .start = doc->text.at,
                                  .end = doc->text.at + doc->text.len,
                                  .next = doc->tokens,
                                  .limit = doc->tokens ? doc->tokens + doc->room : NULL,
                                  .top = doc->frames,
                                  .diag = diag};

  if (text.len > doc->limits.bytes) {
    reader.err = kh_diag_set(diag, KH_ERR_JSON_SIZE, "the text is longer than the limit of %" PRIu32 " bytes",
                             doc->limits.bytes);
  } else {
    const char *at = read_value(&reader, reader.start);

    if (at)
      at = kh_json_blank(at, reader.end);
    if (at && at < reader.end)
      (void)kh_json_fail(&reader, KH_ERR_JSON_SYNTAX, at, "something stands behind the value");
  }
  if (reader.err)
    doc->text = KH_NO_STR;
  else
    doc->count = (uint32_t)(reader.next - doc->tokens);
  return reader.err;
}
