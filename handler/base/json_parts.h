/*
 * json_parts.h - what json_read.c, json_string.c, json_number.c, json_keys.c and json_value.c share. Private
 * to them.
 *
 * A reading function takes the place where it starts and returns the place
 * behind what it read; NULL means that kh_json_fail was called.
 */
#ifndef KH_JSON_PARTS_H
#define KH_JSON_PARTS_H

#include "base/json.h"

/* Flags of a token. */
enum { KH_JSON_ESCAPED = 1, KH_JSON_LONE_SURROGATE = 2 };

/* An object with more keys, or an escape in one, is checked for repeats at its end; any other key by key. */
enum { KH_JSON_FEW_KEYS = 64 };

/* An open array or object. The first frame stands for the text and is not used. */
struct kh_json_frame {
  uint32_t token;
  uint32_t keys;      /* so far; 0 in an array */
  uint64_t filter[8]; /* one bit for each key read; a bit not set proves that a key is new */
  char closer;        /* '}' or ']' */
  bool escaped;       /* a key holds an escape */
};

/* A key by the hash of its decoded bytes. */
struct kh_json_hashed {
  uint64_t hash;
  uint32_t token;
};

struct kh_json_reader {
  struct kh_json *doc;
  const char *start;
  const char *end;
  struct kh_json_token *next; /* where the next token goes */
  struct kh_json_token *limit;
  struct kh_json_frame *top;
  uint32_t depth;
  enum kh_err err;
  struct kh_diag *diag;
};

/* Notes ERR, and PROBLEM at AT for DIAG; returns NULL. */
static inline const char *kh_json_fail(struct kh_json_reader *reader, enum kh_err err, const char *at,
                                       const char *problem)
{
  struct kh_diag *diag = reader->diag;

  reader->err = err;
  if (diag && diag->err == KH_OK) {
    (void)kh_diag_set(diag, err, "%s", problem);
    diag->line = 1;
    diag->column = 1;
    for (const char *c = reader->start; c < at; c++) {
      diag->column++;
      if (*c == '\n') {
        diag->line++;
        diag->column = 1;
      }
    }
  }
  return NULL;
}

/* json_string.c: from inside a string to its closing quote. Adds to FLAGS. */
const char *kh_json_string_end(struct kh_json_reader *reader, const char *at, uint16_t *flags);

/* A string as runs of decoded bytes: {at, end} walks what stands between the quotes and was read before. */
struct kh_json_pieces {
  const char *at;
  const char *end;
  char decoded[4];
};
/* False at the end. *PIECE is never empty and holds until the next call. */
bool kh_json_next_piece(struct kh_json_pieces *pieces, struct kh_str *piece);
/*
 * All of RAW at once, for a text with many escapes. TO has room for RAW's length, which is never exceeded.
 * How many bytes.
 */
size_t kh_json_unescape(struct kh_str raw, char *to);
/* Orders two strings, as they stand in the text, by their decoded bytes. */
int kh_json_compare(struct kh_str a, struct kh_str b);

/* json_number.c: to the end of the number at AT, its kind in *TYPE. KH_ERR_JSON_NUMBER when out of range. */
const char *kh_json_number_end(struct kh_json_reader *reader, const char *at, enum kh_json_type *type);
/* The value of any number that kh_json_number_end accepts; infinite when it would overflow. */
double kh_json_number_real(struct kh_str number);

/* json_keys.c: true when KEY was in the object at token OBJECT before. Neither may hold an escape. */
bool kh_json_key_repeats(const struct kh_json *doc, uint32_t object, const struct kh_json_token *key);
/*
 * Finds the first of all KEYS keys that repeats an earlier one, in n log n steps; *REPEATED is 0 when none
 * does.
 */
enum kh_err kh_json_keys_check(struct kh_json *doc, uint32_t object, uint32_t keys,
                               uint32_t *repeated) KH_MUST_USE;

/*
 * Counts KEY in its object's frame; false proves that the object has no such key yet, or that it will be
 * checked at its end. The filter knows a key by its length and three bytes; an empty key has a quote in their
 * place.
 */
static inline bool kh_json_key_is_suspect(struct kh_json_frame *object, const char *start,
                                          const struct kh_json_token *key)
{
  const char *raw = start + key->at;
  uint32_t first = (unsigned char)raw[0], middle = (unsigned char)raw[key->len / 2];
  uint32_t last = (unsigned char)*(raw + key->len - 1);
  uint32_t bit = ((first | middle << 8 | last << 16) + (key->len << 24)) * UINT32_C(0x9E3779B1) >> 23;
  uint64_t mask = UINT64_C(1) << (bit & 63);
  bool seen = (object->filter[bit >> 6] & mask) != 0;

  object->keys++;
  object->filter[bit >> 6] |= mask;
  if (key->flags & KH_JSON_ESCAPED)
    object->escaped = true;
  return seen && object->keys <= KH_JSON_FEW_KEYS && !object->escaped;
}

static inline struct kh_str kh_json_raw_of(const struct kh_json *doc, uint32_t index)
{
  return kh_str(doc->text.at + doc->tokens[index].at, doc->tokens[index].len);
}

#endif
