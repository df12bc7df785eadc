#include "base/base.h"

#include "fcgi_stream.h"

#include <fastcgi.h>

_Static_assert(sizeof((struct kh_fcgi_stream *)0)->header == FCGI_HEADER_LEN, "a record's header");

enum { BEGIN_BYTES = sizeof(FCGI_BeginRequestBody), HEAD_MAX_BYTES = KH_FCGI_PARAMS_MAX_BYTES + 64 * 1024 };

void kh_fcgi_stream_init(struct kh_fcgi_stream *stream, size_t body_max_bytes, unsigned connections)
{
  stream->body_max_bytes = body_max_bytes;
  stream->connections = connections;
  stream->phase = KH_FCGI_HEADER;
  stream->request = 0;
  stream->keep = false;
  stream->reply_len = 0;
  stream->replies = 0;
  stream->head_bytes = stream->params_bytes = stream->body_bytes = 0;
  stream->header_len = 0;
  stream->content_left = stream->padding_left = 0;
  stream->lengths_len = 0;
  stream->pair_left = 0;
}

static size_t smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

static unsigned two_bytes(const unsigned char *at)
{
  return (unsigned)at[0] << 8 | at[1];
}

static unsigned record_type(const struct kh_fcgi_stream *stream)
{
  return stream->header[1];
}

static unsigned record_request(const struct kh_fcgi_stream *stream)
{
  return two_bytes(stream->header + 2);
}

static size_t record_length(const struct kh_fcgi_stream *stream)
{
  return two_bytes(stream->header + 4);
}

/* ---- replies ---- */

static void reply_begin(struct kh_fcgi_stream *stream, unsigned type, unsigned request)
{
  const unsigned char header[FCGI_HEADER_LEN] = {FCGI_VERSION_1, (unsigned char)type,
                                                 (unsigned char)(request >> 8), (unsigned char)request};

  memcpy(stream->reply, header, sizeof header);
  stream->reply_len = sizeof header;
}

static void reply_add(struct kh_fcgi_stream *stream, const void *bytes, size_t count)
{
  memcpy(stream->reply + stream->reply_len, bytes, count);
  stream->reply_len += count;
  stream->reply[5] = (unsigned char)(stream->reply_len - FCGI_HEADER_LEN);
}

static void reply_end_request(struct kh_fcgi_stream *stream, unsigned request, unsigned char status)
{
  const FCGI_EndRequestBody body = {.protocolStatus = status};

  reply_begin(stream, FCGI_END_REQUEST, request);
  reply_add(stream, &body, sizeof body);
}

/*
 * A name or a value's length at REST: one byte, or four with the highest bit set. False where it is cut off.
 */
static bool take_length(struct kh_str *rest, size_t *length)
{
  const unsigned char *at = (const unsigned char *)rest->at;
  size_t count = rest->len > 0 && at[0] & 0x80 ? 4 : 1;

  if (rest->len < count)
    return false;
  *length = count == 1 ? at[0] : (size_t)(at[0] & 0x7f) << 24 | (size_t)at[1] << 16 | two_bytes(at + 2);
  *rest = kh_str(rest->at + count, rest->len - count);
  return true;
}

static void reply_value(struct kh_fcgi_stream *stream, const char *name, unsigned value)
{
  char text[16];
  int digits = snprintf(text, sizeof text, "%u", value);
  const unsigned char lengths[2] = {(unsigned char)strlen(name), (unsigned char)digits};

  reply_add(stream, lengths, sizeof lengths);
  reply_add(stream, name, lengths[0]);
  reply_add(stream, text, lengths[1]);
}

/* FCGI_GET_VALUES: those that are known, each once. */
static void reply_values(struct kh_fcgi_stream *stream)
{
  const struct {
    const char *name;
    unsigned value;
  } known[] = {
      {FCGI_MAX_CONNS, stream->connections}, {FCGI_MAX_REQS, stream->connections}, {FCGI_MPXS_CONNS, 0}};
  bool told[KH_COUNT(known)] = {false};
  struct kh_str rest = {(const char *)stream->held, stream->held_len};
  size_t name_len;
  size_t value_len;

  reply_begin(stream, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID);
  while (take_length(&rest, &name_len) && take_length(&rest, &value_len) &&
         name_len + value_len <= rest.len) {
    for (size_t i = 0; i < KH_COUNT(known); i++)
      if (!told[i] && kh_str_equal(kh_str(rest.at, name_len), kh_str_of(known[i].name))) {
        reply_value(stream, known[i].name, known[i].value);
        told[i] = true;
      }
    rest = kh_str(rest.at + name_len + value_len, rest.len - name_len - value_len);
  }
}

static void reply_unknown_type(struct kh_fcgi_stream *stream)
{
  const FCGI_UnknownTypeBody body = {.type = (unsigned char)record_type(stream)};

  reply_begin(stream, FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID);
  reply_add(stream, &body, sizeof body);
}

/* ---- records ---- */

static void pass_on(struct kh_fcgi_stream *stream, const void *bytes, size_t count, char *out, size_t *made)
{
  memmove(out + *made, bytes, count);
  *made += count;
  if (stream->phase != KH_FCGI_BODY)
    stream->head_bytes += count;
}

static void pass_header(struct kh_fcgi_stream *stream, char *out, size_t *made)
{
  unsigned char header[FCGI_HEADER_LEN];

  memcpy(header, stream->header, sizeof header);
  header[6] = 0; /* the padding stays here: libfcgi loses its count between parameters and body */
  pass_on(stream, header, sizeof header, out, made);
}

/* Decides what becomes of the record whose header is there. */
static enum kh_fcgi_found open_record(struct kh_fcgi_stream *stream, char *out, size_t *made)
{
  const unsigned type = record_type(stream);
  const bool is_management = record_request(stream) == FCGI_NULL_REQUEST_ID;
  const bool is_ours = stream->phase != KH_FCGI_HEADER && record_request(stream) == stream->request;

  stream->content_left = record_length(stream);
  stream->padding_left = stream->header[6];
  stream->held_len = 0;
  stream->holds = is_management || type == FCGI_BEGIN_REQUEST;
  stream->passes = false;
  if (stream->header[0] != FCGI_VERSION_1 || (stream->holds && stream->content_left > KH_FCGI_HELD_MAX_BYTES))
    return KH_FCGI_BROKEN;
  if (type == FCGI_BEGIN_REQUEST)
    return is_management || is_ours || stream->content_left != BEGIN_BYTES ? KH_FCGI_BROKEN : KH_FCGI_MORE;
  /* What is left of a request that has ended is no mistake (section 3.3). */
  if (!is_ours || type == FCGI_ABORT_REQUEST)
    return KH_FCGI_MORE;
  if (type != (stream->phase == KH_FCGI_PARAMS ? FCGI_PARAMS : FCGI_STDIN))
    return KH_FCGI_BROKEN;
  stream->passes = true;
  if (type == FCGI_PARAMS)
    pass_header(stream, out, made);
  /* Headers count, too: parameters in records of one byte each would take nine times their size. */
  return stream->head_bytes > HEAD_MAX_BYTES ? KH_FCGI_BROKEN : KH_FCGI_MORE;
}

/*
 * Follows names and values through BYTES. False for a length that nothing may have; libfcgi would ask for the
 * memory.
 */
static bool follow_pairs(struct kh_fcgi_stream *stream, struct kh_str bytes)
{
  while (bytes.len > 0) {
    size_t skipped = smaller(stream->pair_left, bytes.len);

    stream->pair_left -= skipped;
    bytes = kh_str(bytes.at + skipped, bytes.len - skipped);
    if (bytes.len == 0)
      break;
    stream->lengths[stream->lengths_len++] = (unsigned char)bytes.at[0];
    bytes = kh_str(bytes.at + 1, bytes.len - 1);

    struct kh_str lengths = {(const char *)stream->lengths, stream->lengths_len};
    size_t name_len;
    size_t value_len;
    if (!take_length(&lengths, &name_len) || !take_length(&lengths, &value_len))
      continue;
    if (name_len + value_len > KH_FCGI_PARAMS_MAX_BYTES)
      return false;
    stream->pair_left = name_len + value_len;
    stream->lengths_len = 0;
  }
  return true;
}

static enum kh_fcgi_found take_content(struct kh_fcgi_stream *stream, struct kh_str content, char *out,
                                       size_t *made)
{
  if (stream->holds) {
    memcpy(stream->held + stream->held_len, content.at, content.len);
    stream->held_len += content.len;
  }
  if (!stream->passes)
    return KH_FCGI_MORE;
  if (stream->phase == KH_FCGI_PARAMS) {
    stream->params_bytes += content.len;
    if (stream->params_bytes > KH_FCGI_PARAMS_MAX_BYTES || !follow_pairs(stream, content))
      return KH_FCGI_BROKEN;
  }
  pass_on(stream, content.at, content.len, out, made);
  if (stream->phase == KH_FCGI_BODY) {
    stream->body_bytes += content.len;
    if (stream->body_bytes > stream->body_max_bytes)
      return KH_FCGI_TOO_LARGE;
  }
  return KH_FCGI_MORE;
}

static enum kh_fcgi_found begin_request(struct kh_fcgi_stream *stream, char *out, size_t *made)
{
  if (stream->phase != KH_FCGI_HEADER) {
    reply_end_request(stream, record_request(stream), FCGI_CANT_MPX_CONN);
    return KH_FCGI_REPLY;
  }
  if (two_bytes(stream->held) != FCGI_RESPONDER) {
    reply_end_request(stream, record_request(stream), FCGI_UNKNOWN_ROLE);
    return KH_FCGI_REFUSED;
  }
  stream->request = record_request(stream);
  stream->keep = stream->held[2] & FCGI_KEEP_CONN;
  stream->phase = KH_FCGI_PARAMS;
  pass_header(stream, out, made);
  pass_on(stream, stream->held, BEGIN_BYTES, out, made);
  return KH_FCGI_MORE;
}

/* What a whole record means. */
static enum kh_fcgi_found close_record(struct kh_fcgi_stream *stream, char *out, size_t *made)
{
  const unsigned type = record_type(stream);

  stream->header_len = 0;
  if (type == FCGI_BEGIN_REQUEST)
    return begin_request(stream, out, made);
  if (stream->holds) {
    if (type == FCGI_GET_VALUES)
      reply_values(stream);
    else
      reply_unknown_type(stream);
    return KH_FCGI_REPLY;
  }
  if (type == FCGI_ABORT_REQUEST && stream->phase != KH_FCGI_HEADER &&
      record_request(stream) == stream->request) {
    reply_end_request(stream, stream->request, FCGI_REQUEST_COMPLETE);
    return KH_FCGI_REFUSED;
  }
  if (!stream->passes || record_length(stream) > 0)
    return KH_FCGI_MORE;
  if (stream->phase == KH_FCGI_BODY)
    return KH_FCGI_REQUEST;
  stream->phase = KH_FCGI_BODY;
  return stream->pair_left > 0 || stream->lengths_len > 0 ? KH_FCGI_BROKEN : KH_FCGI_MORE;
}

/* The next COUNT of BYTES, or as many as there are. */
static struct kh_str cut(struct kh_str *bytes, size_t count)
{
  struct kh_str first = {bytes->at, smaller(count, bytes->len)};

  *bytes = kh_str(bytes->at + first.len, bytes->len - first.len);
  return first;
}

enum kh_fcgi_found kh_fcgi_take(struct kh_fcgi_stream *stream, struct kh_str *bytes, char *out, size_t *made)
{
  enum kh_fcgi_found found = KH_FCGI_MORE;

  *made = 0;
  while (!found && bytes->len > 0) {
    if (stream->header_len < FCGI_HEADER_LEN) {
      struct kh_str part = cut(bytes, FCGI_HEADER_LEN - stream->header_len);

      memcpy(stream->header + stream->header_len, part.at, part.len);
      stream->header_len += part.len;
      if (stream->header_len < FCGI_HEADER_LEN)
        break;
      found = open_record(stream, out, made);
    } else if (stream->content_left > 0) {
      struct kh_str content = cut(bytes, stream->content_left);

      stream->content_left -= content.len;
      found = take_content(stream, content, out, made);
    } else {
      stream->padding_left -= cut(bytes, stream->padding_left).len;
    }
    if (!found && stream->content_left == 0 && stream->padding_left == 0)
      found = close_record(stream, out, made);
  }
  /* Each costs a system call, and asking for it eight bytes. */
  if (found == KH_FCGI_REPLY && ++stream->replies > KH_FCGI_REPLIES_MAX)
    return KH_FCGI_BROKEN;
  return found;
}
