/*
 * json_scan.h - how the JSON reader runs over bytes that mean nothing to it.
 *
 * Private to json_*.c and its test. All runs read [AT, END) and never a byte
 * behind END. Blocks exist twice: of 16 bytes where the compiler targets SSE2,
 * and of 8 in plain C anywhere (KH_JSON_PORTABLE forces it).
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

/*
 * Marks: KH_JSON_MARK_BITS bits for each byte of a block of KH_JSON_BLOCK, the first byte's lowest. Those of
 * kh_json_odd are for bytes that are not plain.
 */
#ifdef KH_JSON_SSE2
enum { KH_JSON_BLOCK = 16, KH_JSON_MARK_BITS = 1 };

static inline uint64_t kh_json_backslashes(const char *at)
{
  __m128i x = _mm_loadu_si128((const void *)at);

  return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
}

static inline uint64_t kh_json_odd(const char *at)
{
  __m128i x = _mm_loadu_si128((const void *)at);
  __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
  __m128i escape = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
  /* Signed, so that bytes from 0x80 are less than a blank too. */
  __m128i other = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));

  return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, escape), other));
}
#else
enum { KH_JSON_BLOCK = 8, KH_JSON_MARK_BITS = 8 };

/* Eight bytes, the first one lowest. */
static inline uint64_t kh_json_block(const char *at)
{
  uint64_t x = kh_json_load8(at);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  x = __builtin_bswap64(x);
#endif
  return x;
}

/*
 * A high bit for each byte from 0x80, and from AT_LEAST, which is at most 0x80. No sum reaches over its byte.
 */
static inline uint64_t kh_json_from(uint64_t x, uint64_t at_least)
{
  return ((x & KH_JSON_EACH(0x7F)) + KH_JSON_EACH(0x80 - at_least)) | x;
}

static inline uint64_t kh_json_backslashes(const char *at)
{
  return ~kh_json_from(kh_json_block(at) ^ KH_JSON_EACH('\\'), 1) & KH_JSON_EACH(0x80);
}

static inline uint64_t kh_json_odd(const char *at)
{
  uint64_t x = kh_json_block(at);
  uint64_t plain = kh_json_from(x ^ KH_JSON_EACH('"'), 1) & kh_json_from(x ^ KH_JSON_EACH('\\'), 1) &
                   kh_json_from(x, 0x20);

  return (~plain | x) & KH_JSON_EACH(0x80);
}
#endif

/* How many bytes stand before the first of MARKS, which are not none. */
static inline size_t kh_json_first(uint64_t marks)
{
  return (size_t)__builtin_ctzll(marks) / KH_JSON_MARK_BITS;
}

/* MARKS as they are from the second byte behind the first of them. */
static inline uint64_t kh_json_behind_pair(uint64_t marks)
{
  return marks >> (kh_json_first(marks) * KH_JSON_MARK_BITS) >> (2 * KH_JSON_MARK_BITS);
}

/* The first byte that is not plain, or END. */
static inline const char *kh_json_plain(const char *at, const char *end)
{
  for (; end - at >= KH_JSON_BLOCK; at += KH_JSON_BLOCK) {
    uint64_t odd = kh_json_odd(at);

    if (odd)
      return at + kh_json_first(odd);
  }
  while (at < end && kh_json_is_plain(*at))
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
