#include "base/base.h"

#include "base/json_parts.h"
#include "support/json_oracle.h"

#include <jansson.h>
#include <math.h>

enum { JANSSON_DEPTH = 2048, WALK_ALL_KEYS = 128 };

struct comparison {
  struct kh_json doc;
  struct kh_buf decoded;
  char *problem;
};

bool kh_test_json_real(struct kh_json_value value, double *number)
{
  int64_t integer = 0;

  if (kh_json_int(value, &integer)) {
    *number = (double)integer;
    return true;
  }
  if (kh_json_type(value) != KH_JSON_REAL)
    return false;
  *number = kh_json_number_real(kh_json_raw(value));
  return true;
}

KH_PRINTF(2, 3) static bool differ(struct comparison *comparison, const char *format, ...)
{
  va_list values;

  va_start(values, format);
  (void)vsnprintf(comparison->problem, KH_JSON_PROBLEM_BYTES, format, values);
  va_end(values);
  return false;
}

static bool text_is_same(struct comparison *comparison, struct kh_json_value value, struct kh_str theirs)
{
  kh_buf_clear(&comparison->decoded);
  if (kh_json_text(value, &comparison->decoded))
    return differ(comparison, "kh_json_text refuses at token %u", value.index);

  struct kh_str ours = kh_buf_view(&comparison->decoded);
  if (!kh_str_equal(ours, theirs) || !kh_json_text_is(value, theirs))
    return differ(comparison, "the string at token %u differs", value.index);
  if (ours.len > 0 && kh_json_text_is(value, kh_str(ours.at, ours.len - 1)))
    return differ(comparison, "the string at token %u also equals a shorter one", value.index);
  if (kh_json_text_is(value, kh_str(ours.at, ours.len + 1)))
    return differ(comparison, "the string at token %u also equals a longer one", value.index);
  return true;
}

static bool integer_is_same(struct comparison *comparison, struct kh_json_value value, const json_t *theirs)
{
  int64_t integer = 0;
  double real = 0;

  if (!json_is_integer(theirs) || !kh_json_int(value, &integer) || integer != json_integer_value(theirs) ||
      !kh_test_json_real(value, &real) || real < json_number_value(theirs) ||
      real > json_number_value(theirs))
    return differ(comparison, "the integer at token %u differs", value.index);
  return true;
}

static bool real_is_same(struct comparison *comparison, struct kh_json_value value, const json_t *theirs)
{
  double ours = 0, expected = json_real_value(theirs);

  if (!json_is_real(theirs) || !kh_test_json_real(value, &ours) || memcmp(&ours, &expected, sizeof ours) != 0)
    return differ(comparison, "the real at token %u is %.17g, not %.17g", value.index, ours, expected);
  return true;
}

static bool scalar_is_same(struct comparison *comparison, struct kh_json_value value, const json_t *theirs)
{
  bool truth = false;

  switch (kh_json_type(value)) {
  case KH_JSON_NULL:
    return json_is_null(theirs) || differ(comparison, "token %u is no null", value.index);
  case KH_JSON_FALSE:
  case KH_JSON_TRUE:
    return (json_is_boolean(theirs) && kh_json_bool(value, &truth) && truth == json_is_true(theirs)) ||
           differ(comparison, "the boolean at token %u differs", value.index);
  case KH_JSON_INTEGER:
    return integer_is_same(comparison, value, theirs);
  case KH_JSON_REAL:
    return real_is_same(comparison, value, theirs);
  case KH_JSON_STRING:
    return (json_is_string(theirs) || differ(comparison, "token %u is no string", value.index)) &&
           text_is_same(comparison, value, kh_str(json_string_value(theirs), json_string_length(theirs)));
  default:
    return differ(comparison, "token %u has no type", value.index);
  }
}

static bool value_is_same(struct comparison *comparison, struct kh_json_value value, const json_t *theirs);

static bool object_is_same(struct comparison *comparison, struct kh_json_value value, json_t *theirs)
{
  struct kh_json_walk walk = kh_json_walk(value);
  void *iter = json_object_iter(theirs);

  for (; kh_json_next(&walk); iter = json_object_iter_next(theirs, iter)) {
    if (!iter)
      return differ(comparison, "the object at token %u has more members", value.index);
    struct kh_str key = kh_str(json_object_iter_key(iter), json_object_iter_key_len(iter));
    if (!text_is_same(comparison, walk.key, key) ||
        !value_is_same(comparison, walk.value, json_object_iter_value(iter)))
      return false;
    if (walk.key.index - value.index < WALK_ALL_KEYS && kh_json_get(value, key).index != walk.value.index)
      return differ(comparison, "the member at token %u is not found", walk.key.index);
  }
  return !iter || differ(comparison, "the object at token %u has fewer members", value.index);
}

static bool array_is_same(struct comparison *comparison, struct kh_json_value value, const json_t *theirs)
{
  struct kh_json_walk walk = kh_json_walk(value);
  size_t i = 0;

  for (; kh_json_next(&walk); i++)
    if (walk.key.doc || i >= json_array_size(theirs) ||
        !value_is_same(comparison, walk.value, json_array_get(theirs, i)))
      return comparison->problem[0] ? false
                                    : differ(comparison, "the array at token %u differs", value.index);
  return i == json_array_size(theirs) || differ(comparison, "the array at token %u is shorter", value.index);
}

static bool value_is_same(struct comparison *comparison, struct kh_json_value value, const json_t *theirs)
{
  enum kh_json_type type = kh_json_type(value);

  if (type != KH_JSON_OBJECT && type != KH_JSON_ARRAY)
    return scalar_is_same(comparison, value, theirs);
  if ((type == KH_JSON_OBJECT) != json_is_object(theirs) || (type == KH_JSON_ARRAY) != json_is_array(theirs))
    return differ(comparison, "token %u is no container of that kind", value.index);
  if (kh_json_length(value) != (type == KH_JSON_OBJECT ? json_object_size(theirs) : json_array_size(theirs)))
    return differ(comparison, "the container at token %u has another length", value.index);
  return type == KH_JSON_OBJECT ? object_is_same(comparison, value, (json_t *)(uintptr_t)theirs)
                                : array_is_same(comparison, value, theirs);
}

static bool is_surrogate(const char *escape, bool low)
{
  char second = (char)(escape[3] | 0x20);

  return (escape[2] | 0x20) == 'd' &&
         (low ? second >= 'c' && second <= 'f'
              : second == '8' || second == '9' || second == 'a' || second == 'b');
}

static bool is_u_escape(const char *at, const char *end)
{
  return end - at >= 6 && at[0] == '\\' && at[1] == 'u' && strspn(at + 2, "0123456789abcdefABCDEF") >= 4;
}

/* In AT, which ends with a NUL: lone surrogates become \ufffd; with ZERO, \u0000 becomes \ufdd0. */
static void replace_escapes(char *at, const char *end, bool zero)
{
  while (at < end) {
    bool u = is_u_escape(at, end);

    if (u && is_surrogate(at, false) && is_u_escape(at + 6, end) && is_surrogate(at + 6, true)) {
      at += 12;
      continue;
    }
    if (u && (is_surrogate(at, false) || is_surrogate(at, true)))
      memcpy(at + 2, "fffd", 4);
    else if (u && zero && memcmp(at + 2, "0000", 4) == 0)
      memcpy(at + 2, "fdd0", 4);
    at += u ? 6 : *at == '\\' ? 2 : 1;
  }
}

static enum kh_err read_ours(struct comparison *comparison, struct kh_str text, uint32_t depth)
{
  struct kh_diag diag = {0};

  kh_json_release(&comparison->doc);
  kh_json_init(&comparison->doc,
               (struct kh_json_limits){.bytes = UINT32_MAX, .depth = depth, .tokens = UINT32_MAX});
  enum kh_err err = kh_json_read(&comparison->doc, text, &diag);
  if (diag.err != err || (err != KH_OK) != (diag.line > 0 && diag.column > 0 && diag.text[0]))
    (void)differ(comparison, "the error is %s, but the message says \"%s\"", kh_err_token(err), diag.text);
  if ((err == KH_OK) != (kh_json_type(kh_json_root(&comparison->doc)) != KH_JSON_MISSING))
    (void)differ(comparison, "the document is empty after success, or is not after %s", kh_err_token(err));
  return err;
}

static bool refusal_is_same(struct comparison *comparison, enum kh_err err, const json_error_t *error)
{
  enum json_error_code code = json_error_code(error);

  /* Ours may find a repeated key only at the object's end, and something else before. */
  if (code == json_error_duplicate_key)
    return true;
  /* jansson reads one byte past a number before it judges it. */
  if ((err == KH_ERR_JSON_NUMBER && code != json_error_numeric_overflow && code != json_error_invalid_utf8) ||
      err == KH_ERR_JSON_DUPLICATE_KEY || (err == KH_ERR_JSON_UTF8 && code != json_error_invalid_utf8) ||
      (err == KH_ERR_JSON_DEPTH && code != json_error_stack_overflow))
    return differ(comparison, "ours refuses with %s, jansson with: %s", kh_err_token(err), error->text);
  return true;
}

/*
 * jansson's verdict on COPY; both read it changed where jansson does not know NUL in a key. Free with
 * json_decref.
 */
static json_t *read_theirs(struct comparison *comparison, struct kh_str copy, char *at, enum kh_err *err,
                           json_error_t *error)
{
  for (int zero = 0;; zero++) {
    replace_escapes(at, at + copy.len, zero);
    json_t *theirs = json_loadb(copy.at, copy.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
                                error);
    if (theirs || zero || json_error_code(error) != json_error_null_byte_in_key)
      return theirs;
    *err = read_ours(comparison, copy, JANSSON_DEPTH);
  }
}

static bool verdict_is_same(struct comparison *comparison, struct kh_str text, enum kh_err err,
                            const json_t *theirs, const json_error_t *error)
{
  /* jansson counts a scalar as a level. */
  if (!theirs && err == KH_OK && json_error_code(error) == json_error_stack_overflow)
    err = read_ours(comparison, text, JANSSON_DEPTH - 1);
  if (comparison->problem[0])
    return false;
  if ((err == KH_OK) != (theirs != NULL))
    return differ(comparison, "ours says %s, jansson: %s", kh_err_token(err), theirs ? "ok" : error->text);
  return theirs ? value_is_same(comparison, kh_json_root(&comparison->doc), theirs)
                : refusal_is_same(comparison, err, error);
}

static bool compare(struct comparison *comparison, struct kh_str text, bool *accepted)
{
  enum kh_err err = read_ours(comparison, text, JANSSON_DEPTH);
  json_error_t error = {0};
  char *copy = malloc(text.len + 1);

  *accepted = err == KH_OK;
  if (!copy)
    abort();
  if (text.len > 0)
    memcpy(copy, text.at, text.len);
  copy[text.len] = '\0';
  bool same = false;
  if (strlen(copy) < text.len) {
    same = !comparison->problem[0] && (err != KH_OK || differ(comparison, "a NUL byte is accepted"));
  } else {
    json_t *theirs = read_theirs(comparison, kh_str(copy, text.len), copy, &err, &error);

    same = verdict_is_same(comparison, text, err, theirs, &error);
    json_decref(theirs);
  }
  free(copy);
  return same;
}

bool kh_json_agrees(struct kh_str text, bool *accepted, char problem[KH_JSON_PROBLEM_BYTES])
{
  struct comparison comparison = {.problem = problem};

  problem[0] = '\0';
  kh_json_init(&comparison.doc, kh_json_default_limits);
  kh_buf_init(&comparison.decoded, SIZE_MAX / 2);
  bool same = compare(&comparison, text, accepted);
  kh_buf_release(&comparison.decoded);
  kh_json_release(&comparison.doc);
  return same;
}
