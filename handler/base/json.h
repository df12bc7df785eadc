/*
 * json.h - the strict reader for JSON that comes from outside (RFC 8259).
 *
 * One pass over the text into a flat array of tokens. Strings and numbers stay
 * where they are and are decoded only when asked for; nothing is copied. The
 * text must outlive the document. A document is reused for the next text, so a
 * long-lived process stops allocating after its largest webhook.
 *
 * Stricter than the RFC: duplicate keys are refused (compared after decoding), and so are integers outside
 * int64 and reals that overflow a double. Kinder in one place: a lone surrogate escape reads as U+FFFD, for a
 * commit message must not cost a webhook. UTF-8 is validated (no overlong forms, no surrogates, at most
 * U+10FFFF); a byte order mark is refused; "\u0000" is legal, in keys too.
 *
 * json_read.c reads, json_string.c, json_number.c and json_keys.c know the three hard parts, json_value.c
 * answers.
 */
#ifndef KH_JSON_H
#define KH_JSON_H

#include "base/buf.h"

enum kh_json_type {
  KH_JSON_MISSING, /* of a value that is not there */
  KH_JSON_NULL,
  KH_JSON_FALSE,
  KH_JSON_TRUE,
  KH_JSON_INTEGER, /* no fraction, no exponent */
  KH_JSON_REAL,
  KH_JSON_STRING,
  KH_JSON_ARRAY,
  KH_JSON_OBJECT
};

struct kh_json_limits {
  uint32_t bytes;  /* of the text; 1 GiB when more is asked for */
  uint32_t depth;  /* nesting of arrays and objects; a scalar alone has depth 0 */
  uint32_t tokens; /* values and keys */
};

extern const struct kh_json_limits kh_json_default_limits; /* 16 MiB, depth 128, 1,000,000 tokens */

struct kh_json_token {
  uint32_t at;    /* offset of the first byte; of a string, behind the quote */
  uint32_t len;   /* bytes; of a string, without the quotes, escapes not decoded */
  uint32_t span;  /* tokens in this value, itself included: the next sibling is at index + span */
  uint16_t type;  /* enum kh_json_type */
  uint16_t flags; /* of a string: 1, it holds an escape; 2, half of a surrogate pair */
};

/* Use the functions below; the fields are here so that a document needs no allocation of its own. */
struct kh_json {
  struct kh_str text;
  struct kh_json_limits limits;
  struct kh_json_token *tokens;
  uint32_t count; /* 0: the document is empty */
  uint32_t room;
  struct kh_json_frame *frames; /* the open containers while reading */
  uint32_t frames_room;
  struct kh_json_hashed *hashed; /* the keys of a large object while they are compared */
  uint32_t hashed_room;
};

/* A place in a document, by value. {NULL, 0} is "missing", which every function below accepts. */
struct kh_json_value {
  const struct kh_json *doc;
  uint32_t index;
};

void kh_json_init(struct kh_json *doc, struct kh_json_limits limits);
/* Frees; the document is empty, its limits stay. */
void kh_json_release(struct kh_json *doc);
/*
 * Reads TEXT: exactly one value, white space around it allowed. On any error
 * the document is empty and DIAG says what and at which byte (line and column from 1, column in bytes; no
 * place for KH_ERR_JSON_SIZE). Values taken from the document before are void. KH_ERR_JSON_*,
 * KH_ERR_NO_MEMORY.
 */
enum kh_err kh_json_read(struct kh_json *doc, struct kh_str text, struct kh_diag *diag) KH_MUST_USE;

/* The whole value; missing when the document is empty. */
struct kh_json_value kh_json_root(const struct kh_json *doc);
enum kh_json_type kh_json_type(struct kh_json_value value);
static inline bool kh_json_is_missing_or_null(struct kh_json_value value)
{
  return kh_json_type(value) <= KH_JSON_NULL;
}

/* The member KEY of an object; missing when VALUE is no object or has none. KEY is compared decoded. */
struct kh_json_value kh_json_get(struct kh_json_value value, struct kh_str key);

/* Members of an object or items of an array, 0 otherwise. */
uint32_t kh_json_length(struct kh_json_value value);

/* Walks an array or an object in order: `for (it = kh_json_walk(v); kh_json_next(&it);)`. */
struct kh_json_walk {
  const struct kh_json *doc;
  uint32_t next;
  uint32_t end;
  bool object;
  struct kh_json_value key; /* missing in an array */
  struct kh_json_value value;
};
struct kh_json_walk kh_json_walk(struct kh_json_value value);
bool kh_json_next(struct kh_json_walk *walk);

/*
 * The bytes of a string or scalar as they stand in the text, not decoded; absent for missing, array and
 * object.
 */
struct kh_str kh_json_raw(struct kh_json_value value);
/* The bytes of any value as they stand in the text, quotes and brackets included; absent for missing. */
struct kh_str kh_json_source(struct kh_json_value value);
/* Appends a string, decoded. KH_ERR_NOT_FOUND when VALUE is no string; KH_ERR_LIMIT from the buffer. */
enum kh_err kh_json_text(struct kh_json_value value, struct kh_buf *out);
/* True when VALUE is a string that decodes to exactly TEXT. */
bool kh_json_text_is(struct kh_json_value value, struct kh_str text);
/*
 * True for a string with half of a surrogate pair, which kh_json_text reads as U+FFFD. It stands for no bytes
 * at all, so nothing that was signed can have become one.
 */
bool kh_json_has_lone_surrogate(struct kh_json_value value);
/* False, and *NUMBER untouched, when VALUE is not of that kind. */
bool kh_json_int(struct kh_json_value value, int64_t *number);
bool kh_json_bool(struct kh_json_value value, bool *truth);

#endif
