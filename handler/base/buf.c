#include "base/base.h"

#include "base/buf.h"
#include "base/utf8.h"

void kh_buf_init(struct kh_buf *buf, size_t max_bytes)
{
  *buf = (struct kh_buf){.max = max_bytes};
}

void kh_buf_release(struct kh_buf *buf)
{
  free(buf->at);
  kh_buf_init(buf, buf->max);
}

void kh_buf_clear(struct kh_buf *buf)
{
  buf->len = 0;
  buf->err = KH_OK;
  if (buf->at)
    buf->at[0] = '\0';
}

static char *fail(struct kh_buf *buf, enum kh_err err)
{
  free(buf->at);
  buf->at = NULL;
  buf->len = 0;
  buf->room = 0;
  if (!buf->err)
    buf->err = err;
  return NULL;
}

void kh_buf_fail(struct kh_buf *buf, enum kh_err err)
{
  (void)fail(buf, err);
}

static bool grow(struct kh_buf *buf, size_t need)
{
  size_t room = buf->room ? buf->room : 64;

  while (room < need)
    room = room > SIZE_MAX / 2 ? need : room * 2;
  char *grown = realloc(buf->at, room);
  if (!grown) {
    (void)fail(buf, KH_ERR_NO_MEMORY);
    return false;
  }
  buf->at = grown;
  buf->room = room;
  return true;
}

char *kh_buf_reserve(struct kh_buf *buf, size_t extra)
{
  if (buf->err || buf->len > buf->max || extra > buf->max - buf->len)
    return fail(buf, KH_ERR_LIMIT);
  if (extra >= buf->room - buf->len && !grow(buf, buf->len + extra + 1))
    return NULL;
  buf->at[buf->len + extra] = '\0';
  return buf->at + buf->len;
}

enum kh_err kh_buf_ok(const struct kh_buf *buf)
{
  return buf->err;
}

enum kh_err kh_buf_add(struct kh_buf *buf, struct kh_str text)
{
  char *to = kh_buf_reserve(buf, text.len);

  if (!to)
    return buf->err;
  if (text.len > 0)
    memcpy(to, text.at, text.len);
  buf->len += text.len;
  return KH_OK;
}

enum kh_err kh_buf_add_byte(struct kh_buf *buf, char byte)
{
  char *to = kh_buf_reserve(buf, 1);

  if (!to)
    return buf->err;
  *to = byte;
  buf->len++;
  return KH_OK;
}

enum kh_err kh_buf_printf(struct kh_buf *buf, const char *format, ...)
{
  const size_t room = buf->room - buf->len; /* most texts fit where there is room already */
  va_list values;

  va_start(values, format);
  int length = vsnprintf(room > 0 ? buf->at + buf->len : NULL, room, format, values);
  va_end(values);

  char *to = length < 0 ? fail(buf, KH_ERR_LIMIT) : kh_buf_reserve(buf, (size_t)length);
  if (!to)
    return buf->err;
  if ((size_t)length >= room) {
    va_start(values, format);
    (void)vsnprintf(to, (size_t)length + 1, format, values);
    va_end(values);
  }
  buf->len += (size_t)length;
  return KH_OK;
}

void kh_hex(const unsigned char *bytes, size_t count, char *text)
{
  static const char digits[] = "0123456789abcdef";

  for (size_t i = 0; i < count; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  text[2 * count] = '\0';
}

enum kh_err kh_buf_add_hex(struct kh_buf *buf, const unsigned char *bytes, size_t count)
{
  char *to = count > SIZE_MAX / 2 ? fail(buf, KH_ERR_LIMIT) : kh_buf_reserve(buf, count * 2);

  if (!to)
    return buf->err;
  kh_hex(bytes, count, to);
  buf->len += count * 2;
  return KH_OK;
}

void kh_buf_add_encoded(struct kh_buf *buf, struct kh_str text, const char *also)
{
  for (size_t i = 0; i < text.len; i++)
    if (kh_str_is_word(kh_str(text.at + i, 1), "-._~") || (text.at[i] && strchr(also, text.at[i])))
      (void)kh_buf_add_byte(buf, text.at[i]);
    else
      (void)kh_buf_printf(buf, "%%%02X", (unsigned char)text.at[i]);
}

void kh_buf_add_duration(struct kh_buf *buf, int64_t seconds)
{
  static const struct {
    int64_t seconds;
    char letter;
  } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
  const size_t before = buf->len;

  if (seconds == 0)
    (void)kh_buf_add(buf, KH_STR("0s"));
  for (size_t i = 0; i < KH_COUNT(units) && seconds > 0; i++) {
    if (seconds >= units[i].seconds)
      (void)kh_buf_printf(buf, "%s%" PRId64 "%c", buf->len > before ? " " : "", seconds / units[i].seconds,
                          units[i].letter);
    seconds %= units[i].seconds;
  }
}

void *kh_grown(void *items, size_t count, size_t *room, size_t first, size_t bytes)
{
  const size_t more = *room > 0 ? 2 * *room : first;

  if (count < *room)
    return items;
  void *grown = reallocarray(items, more, bytes);
  *room = grown ? more : *room;
  return grown;
}
