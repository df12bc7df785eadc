#include "base/base.h"

#include "base/utf8.h"
#include "lambda/http_client_parts.h"
#include "net/transport.h"

enum { CHUNK_LINE_MAX_BYTES = 1024, CHUNK_DIGITS_MAX = 15 };

/* One answer while it comes in. */
struct reading {
  struct kh_http_client *client;
  struct kh_http_client_answer *answer;
  int64_t end_us;
  struct kh_diag *diag;
  bool chunked;
  bool has_length;
  bool close;
  uint64_t length;
  size_t behind_bytes; /* chunk extensions and trailers */
};

static enum kh_err refuse(const struct reading *reading, const char *why)
{
  return kh_diag_set(reading->diag, KH_ERR_IO, "%s", why);
}

/* OUT takes no more: what that means. */
static enum kh_err refuse_size(const struct reading *reading, const struct kh_buf *out, const char *what)
{
  if (kh_buf_ok(out) == KH_ERR_NO_MEMORY)
    return KH_ERR_NO_MEMORY;
  return kh_diag_set(reading->diag, KH_ERR_LIMIT, "the %s is larger than %zu bytes", what, out->max);
}

/* *OPEN is false at the end of the connection. */
static enum kh_err fill(struct reading *reading, bool *open)
{
  struct kh_http_client *client = reading->client;
  size_t got = 0;
  enum kh_err err = kh_http_client_receive(client, client->window, sizeof client->window, reading->end_us,
                                           &got, reading->diag);

  client->window_at = 0;
  client->window_len = err ? 0 : got;
  *open = got > 0;
  return err;
}

/* Appends one line with its CR LF to OUT; *LINE is a view of it without them. */
static enum kh_err read_line(struct reading *reading, struct kh_buf *out, struct kh_str *line)
{
  struct kh_http_client *client = reading->client;
  const size_t start = out->len;

  for (;;) {
    const char *from = client->window + client->window_at;
    size_t have = client->window_len - client->window_at;
    const char *end = have > 0 ? memchr(from, '\n', have) : NULL;
    size_t step = end ? (size_t)(end - from) + 1 : have;
    bool open = true;

    if (kh_buf_add(out, kh_str(from, step)))
      return refuse_size(reading, out, "answer's head");
    client->window_at += step;
    if (end)
      break;
    enum kh_err err = fill(reading, &open);
    if (err)
      return err;
    if (!open)
      return refuse(reading, "the connection ended before the answer");
  }
  *line = kh_str(out->at + start, out->len - start - 1);
  if (!kh_str_ends(*line, KH_STR("\r")))
    return refuse(reading, "a line does not end in CR LF");
  line->len--;
  for (size_t i = 0; i < line->len; i++)
    if (((unsigned char)line->at[i] < ' ' && line->at[i] != '\t') || line->at[i] == 0x7F)
      return refuse(reading, "a control character in the head");
  return KH_OK;
}

static bool lists(struct kh_str list, struct kh_str word)
{
  while (list.at)
    if (kh_str_equal_nocase(kh_str_trim(kh_str_cut(&list, ',')), word))
      return true;
  return false;
}

static enum kh_err read_status(struct reading *reading)
{
  struct kh_str line = KH_NO_STR;
  uint64_t status = 0;
  enum kh_err err = read_line(reading, &reading->answer->head, &line);

  if (err)
    return err;
  if (line.len < 12 || !kh_str_starts(line, KH_STR("HTTP/1.")) || (line.at[7] != '0' && line.at[7] != '1') ||
      line.at[8] != ' ' || !kh_str_u64(kh_str(line.at + 9, 3), &status) || status < 100 || status > 599 ||
      (line.len > 12 && line.at[12] != ' '))
    return refuse(reading, "the answer is not HTTP/1.1");
  reading->answer->status = (int)status;
  reading->close = line.at[7] == '0';
  return KH_OK;
}

static enum kh_err take_field(struct reading *reading, struct kh_str line)
{
  struct kh_str value = line;
  struct kh_str name = kh_str_cut(&value, ':');

  if (!value.at || !kh_str_is_word(name, "!#$%&'*+-.^_`|~"))
    return refuse(reading, "a header line has no name");
  value = kh_str_trim(value);
  if (kh_str_equal_nocase(name, KH_STR("Content-Length"))) {
    if (reading->has_length || !kh_str_u64(value, &reading->length))
      return refuse(reading, "Content-Length is repeated or no number");
    reading->has_length = true;
  } else if (kh_str_equal_nocase(name, KH_STR("Transfer-Encoding"))) {
    if (reading->chunked || !kh_str_equal_nocase(value, KH_STR("chunked")))
      return refuse(reading, "Transfer-Encoding is repeated or not chunked");
    reading->chunked = true;
  } else if (kh_str_equal_nocase(name, KH_STR("Connection")) && lists(value, KH_STR("close"))) {
    reading->close = true;
  }
  return KH_OK;
}

/* The head of one answer, interim or final. */
static enum kh_err read_head(struct reading *reading)
{
  struct kh_buf *head = &reading->answer->head;
  struct kh_str line = KH_NO_STR;
  enum kh_err err = read_status(reading);

  reading->chunked = false;
  reading->has_length = false;
  reading->answer->fields_at = head->len;
  while (!err) {
    err = read_line(reading, head, &line);
    if (!err && line.len == 0)
      break;
    if (!err)
      err = take_field(reading, line);
  }
  if (!err && reading->chunked && reading->has_length)
    err = refuse(reading, "the answer has both Content-Length and Transfer-Encoding");
  return err;
}

/* What stands behind the head has a share in its ceiling. */
static enum kh_err count_behind(struct reading *reading, size_t bytes)
{
  reading->behind_bytes += bytes;
  if (reading->answer->head.len + reading->behind_bytes <= KH_ANSWER_HEAD_MAX_BYTES)
    return KH_OK;
  return refuse_size(reading, &reading->answer->head, "answer's head");
}

static size_t take_window(struct kh_http_client *client, char *to, size_t room)
{
  size_t have = client->window_len - client->window_at;
  size_t step = have < room ? have : room;

  memcpy(to, client->window + client->window_at, step);
  client->window_at += step;
  return step;
}

static enum kh_err read_exactly(struct reading *reading, uint64_t count)
{
  struct kh_buf *out = &reading->answer->body;
  enum kh_err err = KH_OK;

  if (count > SIZE_MAX || !kh_buf_reserve(out, (size_t)count))
    return refuse_size(reading, out, "answer's body");
  for (size_t left = (size_t)count; left > 0;) {
    size_t got = take_window(reading->client, out->at + out->len, left);
    bool open = true;

    if (got == 0 && left < sizeof reading->client->window) {
      err = fill(reading, &open);
    } else if (got == 0) {
      err = kh_http_client_receive(reading->client, out->at + out->len, left, reading->end_us, &got,
                                   reading->diag);
      open = got > 0;
    }
    if (err)
      return err;
    if (!open)
      return refuse(reading, "the connection ended within the answer's body");
    out->len += got;
    left -= got;
  }
  return KH_OK;
}

static enum kh_err read_to_the_end(struct reading *reading)
{
  struct kh_http_client *client = reading->client;
  struct kh_buf *out = &reading->answer->body;
  enum kh_err err = KH_OK;
  bool open = true;

  reading->close = true;
  while (!err && open) {
    struct kh_str rest = kh_str(client->window + client->window_at, client->window_len - client->window_at);

    if (kh_buf_add(out, rest))
      return refuse_size(reading, out, "answer's body");
    err = fill(reading, &open);
  }
  return err;
}

static enum kh_err read_chunk(struct reading *reading, struct kh_buf *lines, uint64_t *size)
{
  struct kh_str line = KH_NO_STR;
  enum kh_err err = read_line(reading, lines, &line);

  if (err)
    return err;
  struct kh_str rest = line;
  struct kh_str digits = kh_str_trim(kh_str_cut(&rest, ';'));
  if (digits.len > CHUNK_DIGITS_MAX || !kh_str_hex(digits, size))
    return refuse(reading, "a chunk has no size");
  err = count_behind(reading, line.len - digits.len);
  kh_buf_clear(lines);
  if (err || *size == 0)
    return err;
  err = read_exactly(reading, *size);
  if (!err)
    err = read_line(reading, lines, &line);
  if (!err && line.len > 0)
    err = refuse(reading, "a chunk is longer than it says");
  kh_buf_clear(lines);
  return err;
}

static enum kh_err read_chunks(struct reading *reading)
{
  struct kh_str line = KH_NO_STR;
  struct kh_buf lines;
  uint64_t size = 1;
  enum kh_err err = KH_OK;

  kh_buf_init(&lines, CHUNK_LINE_MAX_BYTES);
  while (!err && size > 0)
    err = read_chunk(reading, &lines, &size);
  lines.max = KH_ANSWER_HEAD_MAX_BYTES; /* from here on trailers, which nobody needs */
  do {
    kh_buf_clear(&lines);
    if (!err)
      err = read_line(reading, &lines, &line);
    if (!err)
      err = count_behind(reading, lines.len);
  } while (!err && line.len > 0);
  kh_buf_release(&lines);
  return err;
}

enum kh_err kh_http_client_read(struct kh_http_client *client, struct kh_http_client_answer *answer,
                                int64_t end_us, bool *keep, struct kh_diag *diag)
{
  struct reading reading = {.client = client, .answer = answer, .end_us = end_us, .diag = diag};
  enum kh_err err = KH_OK;

  answer->status = 0;
  kh_buf_clear(&answer->head);
  kh_buf_clear(&answer->body);
  do
    err = read_head(&reading);
  while (!err && answer->status < 200 && answer->status != 101);
  if (err)
    return err;
  if (answer->status == 101)
    return refuse(&reading, "the answer leaves HTTP");

  if (answer->status == 204 || answer->status == 304)
    err = KH_OK;
  else if (reading.chunked)
    err = read_chunks(&reading);
  else if (reading.has_length)
    err = read_exactly(&reading, reading.length);
  else
    err = read_to_the_end(&reading);
  *keep = !reading.close;
  return err;
}
