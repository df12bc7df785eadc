/*
 * buf.h - struct kh_buf, the owned kind of bytes. No buffer without a ceiling.
 *
 * kh_buf_init gives the ceiling; nothing is allocated before the first byte. A
 * function that fails (ceiling, memory) frees what was there and leaves the
 * buffer failed: every later add fails too, so a half-written value cannot be
 * used, and a series of adds may be checked once, by kh_buf_ok, at its end.
 * The bytes are always followed by a NUL that is not counted. One owner; the
 * struct may be moved but not copied.
 */
#ifndef KH_BUF_H
#define KH_BUF_H

struct kh_buf {
  char *at;
  size_t len;
  size_t room;     /* bytes allocated */
  size_t max;      /* the ceiling, without the final NUL */
  enum kh_err err; /* KH_OK, or why an add failed */
};

void kh_buf_init(struct kh_buf *buf, size_t max_bytes);
/* Frees; the buffer is as after init. */
void kh_buf_release(struct kh_buf *buf);
/* Forgets the bytes and the failure, keeps the memory. */
void kh_buf_clear(struct kh_buf *buf);

/* Each: KH_OK, KH_ERR_LIMIT over the ceiling, KH_ERR_NO_MEMORY. May be ignored until kh_buf_ok. */
enum kh_err kh_buf_add(struct kh_buf *buf, struct kh_str text);
enum kh_err kh_buf_add_byte(struct kh_buf *buf, char byte);
enum kh_err kh_buf_printf(struct kh_buf *buf, const char *format, ...) KH_PRINTF(2, 3);
/* Lower-case hexadecimal, two characters a byte. TEXT has room for 2 * COUNT and a NUL. */
void kh_hex(const unsigned char *bytes, size_t count, char *text);
enum kh_err kh_buf_add_hex(struct kh_buf *buf, const unsigned char *bytes, size_t count);

/* TEXT for a URL (RFC 3986): all but unreserved characters, and those of ALSO, as %XX. */
void kh_buf_add_encoded(struct kh_buf *buf, struct kh_str text, const char *also);
/* "2h 5m 3s", what is 0 left out; "0s" where all is, nothing below 0. */
void kh_buf_add_duration(struct kh_buf *buf, int64_t seconds);

/* Room for EXTRA more bytes behind at[len]; fill them, then add to len. NULL when refused. */
char *kh_buf_reserve(struct kh_buf *buf, size_t extra);

/* As an add that fails: what was to be added cannot be had. */
void kh_buf_fail(struct kh_buf *buf, enum kh_err err);

/* KH_OK, or why an earlier add failed. */
enum kh_err kh_buf_ok(const struct kh_buf *buf) KH_MUST_USE;

/*
 * The array ITEMS, from the heap, with room for one item of BYTES more than COUNT: moved to twice its *ROOM,
 * or FIRST items, where it is full. NULL without memory; ITEMS is as it was then.
 */
void *kh_grown(void *items, size_t count, size_t *room, size_t first, size_t bytes) KH_MUST_USE;

static inline struct kh_str kh_buf_view(const struct kh_buf *buf)
{
  return (struct kh_str){buf->at ? buf->at : "", buf->len};
}

/* The same bytes as a C string; "" while empty. Holds until the next add. */
static inline const char *kh_buf_text(const struct kh_buf *buf)
{
  return buf->at ? buf->at : "";
}

#endif
