/*
 * json_scan.h - how the JSON reader runs over bytes that mean nothing to it.
 *
 * Private to json_*.c and its test. All runs read [AT, END) and never a byte
 * behind END. The plain run exists twice: by 16 bytes where the compiler
 * targets SSE2, and by 8 in plain C anywhere (KH_JSON_PORTABLE forces it).
 */
#ifndef KH_JSON_SCAN_H
#define KH_JSON_SCAN_H

#if defined(__SSE2__) && !defined(KH_JSON_PORTABLE)
#define KH_JSON_SSE2
#include <emmintrin.h>
#endif

#define KH_JSON_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t kh_json_load8(const char *at)
{
  uint64_t eight;

  memcpy(&eight, at, sizeof eight);
  return eight;
}

/* True for a byte that may stand in a string as it is and is ASCII. */
static inline bool kh_json_is_plain(char byte)
{
  unsigned char c = (unsigned char)byte;

  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte that is not plain, or END. */
static inline const char *kh_json_plain_portable(const char *at, const char *end)
{
  while (end - at >= 8) {
    uint64_t x = kh_json_load8(at);
    uint64_t quote = (x ^ KH_JSON_EACH('"')) - KH_JSON_EACH(1);
    uint64_t escape = (x ^ KH_JSON_EACH('\\')) - KH_JSON_EACH(1);
    uint64_t control = x - KH_JSON_EACH(0x20);

    /* A borrow can mark a byte that is plain, but only beside one that is not: the bytes below decide. */
    if ((quote | escape | control | x) & KH_JSON_EACH(0x80))
      break;
    at += 8;
  }
  while (at < end && kh_json_is_plain(*at))
    at++;
  return at;
}

#ifdef KH_JSON_SSE2
static inline const char *kh_json_plain_sse2(const char *at, const char *end)
{
  while (end - at >= 16) {
    __m128i x = _mm_loadu_si128((const void *)at);
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    /* Signed, so that bytes from 0x80 are less than a blank too. */
    __m128i other = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
    int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, escape), other));

    if (found)
      return at + __builtin_ctz((unsigned)found);
    at += 16;
  }
  return kh_json_plain_portable(at, end);
}
#endif

static inline const char *kh_json_plain(const char *at, const char *end)
{
#ifdef KH_JSON_SSE2
  return kh_json_plain_sse2(at, end);
#else
  return kh_json_plain_portable(at, end);
#endif
}

/* The first backslash, or END. For texts in which escapes stand so close that memchr would not pay. */
static inline const char *kh_json_backslash(const char *at, const char *end)
{
#ifdef KH_JSON_SSE2
  for (; end - at >= 16; at += 16) {
    __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128((const void *)at), _mm_set1_epi8('\\'));
    int found = _mm_movemask_epi8(same);

    if (found)
      return at + __builtin_ctz((unsigned)found);
  }
#endif
  while (at < end && *at != '\\')
    at++;
  return at;
}

/* The first byte that is not white space, or END. */
static inline const char *kh_json_blank(const char *at, const char *end)
{
  while (at < end && (unsigned char)*at <= ' ') {
    if (*at != ' ' && *at != '\n' && *at != '\r' && *at != '\t')
      break;
    at++;
    while (end - at >= 8 && kh_json_load8(at) == KH_JSON_EACH(' '))
      at += 8;
  }
  return at;
}

#endif
