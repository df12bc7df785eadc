/*
 * str.h - struct kh_str, the borrowed kind of bytes.
 *
 * A view: pointer and length, by value. It never owns, is never freed, may hold
 * any byte (NUL included) and promises no terminator. An absent string is
 * {NULL, 0}; an empty one has length 0 and any pointer.
 */
#ifndef KH_STR_H
#define KH_STR_H

struct kh_str {
  const char *at;
  size_t len;
};

/* A view of a string literal, without its terminator. */
#define KH_STR(literal) ((struct kh_str){"" literal, sizeof(literal) - 1})
#define KH_NO_STR ((struct kh_str){NULL, 0})
/* For printf's "%.*s": KH_FMT(s) gives both arguments. Lengths are cut at INT_MAX. */
#define KH_FMT(s) (int)((s).len > INT_MAX ? INT_MAX : (s).len), ((s).at ? (s).at : "")

static inline struct kh_str kh_str(const char *at, size_t len)
{
  return (struct kh_str){at, len};
}

/* A view of a C string; NULL gives the absent string. */
static inline struct kh_str kh_str_of(const char *c_string)
{
  return (struct kh_str){c_string, c_string ? strlen(c_string) : 0};
}

static inline bool kh_str_equal(struct kh_str a, struct kh_str b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* By their bytes: below 0 where A comes first, above 0 where B does. */
int kh_str_compare(struct kh_str a, struct kh_str b);
/* ASCII letters compare without case; every other byte exactly. */
bool kh_str_equal_nocase(struct kh_str a, struct kh_str b);
bool kh_str_starts(struct kh_str text, struct kh_str prefix);
bool kh_str_ends(struct kh_str text, struct kh_str suffix);
/* Without one line end, LF or CR LF, at its end. */
struct kh_str kh_str_without_line_end(struct kh_str line);
/* Without the spaces and tabs at both ends. */
struct kh_str kh_str_trim(struct kh_str text);

/*
 * Cuts REST at the first SEPARATOR: returns what stands before it and leaves
 * what stands behind it. Without one, returns everything and leaves the absent
 * string (at == NULL), which is how a loop knows that it is done.
 */
struct kh_str kh_str_cut(struct kh_str *rest, char separator);

/* Decimal digits only, at least one, nothing around them; false also on overflow. */
bool kh_str_u64(struct kh_str text, uint64_t *value);
/* The same with an optional leading '-'. */
bool kh_str_i64(struct kh_str text, int64_t *value);

/* How many bytes of TEXT fit into MAX_BYTES without cutting a UTF-8 character in two. */
size_t kh_str_utf8_cut(struct kh_str text, size_t max_bytes);

#endif
