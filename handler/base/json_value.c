#include "base/base.h"

#include "base/json_parts.h"

static const struct kh_json_value missing = {NULL, 0};

/* NULL when VALUE is missing, also because its document was emptied. */
static const struct kh_json_token *token_of(struct kh_json_value value)
{
  return value.doc && value.index < value.doc->count ? &value.doc->tokens[value.index] : NULL;
}

struct kh_json_value kh_json_root(const struct kh_json *doc)
{
  return doc && doc->count > 0 ? (struct kh_json_value){doc, 0} : missing;
}

enum kh_json_type kh_json_type(struct kh_json_value value)
{
  const struct kh_json_token *token = token_of(value);

  return token ? (enum kh_json_type)token->type : KH_JSON_MISSING;
}

struct kh_json_walk kh_json_walk(struct kh_json_value value)
{
  const struct kh_json_token *token = token_of(value);
  struct kh_json_walk walk = {.doc = value.doc};

  if (token && (token->type == KH_JSON_OBJECT || token->type == KH_JSON_ARRAY)) {
    walk.next = value.index + 1;
    walk.end = value.index + token->span;
    walk.object = token->type == KH_JSON_OBJECT;
  }
  return walk;
}

bool kh_json_next(struct kh_json_walk *walk)
{
  walk->key = walk->value = missing;
  if (walk->next >= walk->end)
    return false;
  if (walk->object)
    walk->key = (struct kh_json_value){walk->doc, walk->next++};
  walk->value = (struct kh_json_value){walk->doc, walk->next};
  walk->next += walk->doc->tokens[walk->next].span;
  return true;
}

struct kh_json_value kh_json_get(struct kh_json_value value, struct kh_str key)
{
  const struct kh_json_token *object = token_of(value);

  if (!object || object->type != KH_JSON_OBJECT)
    return missing;
  const struct kh_json_token *tokens = value.doc->tokens;
  uint32_t end = value.index + object->span;

  /* Most keys have another length: fifty rules ask a hundred times. */
  for (uint32_t at = value.index + 1; at < end; at += 1 + tokens[at + 1].span)
    if ((tokens[at].len == key.len || tokens[at].flags) &&
        kh_json_text_is((struct kh_json_value){value.doc, at}, key))
      return (struct kh_json_value){value.doc, at + 1};
  return missing;
}

uint32_t kh_json_length(struct kh_json_value value)
{
  struct kh_json_walk walk = kh_json_walk(value);
  uint32_t length = 0;

  while (kh_json_next(&walk))
    length++;
  return length;
}

struct kh_str kh_json_raw(struct kh_json_value value)
{
  enum kh_json_type type = kh_json_type(value);

  if (type == KH_JSON_MISSING || type == KH_JSON_ARRAY || type == KH_JSON_OBJECT)
    return KH_NO_STR;
  return kh_json_raw_of(value.doc, value.index);
}

struct kh_str kh_json_source(struct kh_json_value value)
{
  const struct kh_json_token *token = token_of(value);

  if (!token)
    return KH_NO_STR;
  const struct kh_str raw = kh_json_raw_of(value.doc, value.index);
  return token->type == KH_JSON_STRING ? kh_str(raw.at - 1, raw.len + 2) : raw;
}

enum kh_err kh_json_text(struct kh_json_value value, struct kh_buf *out)
{
  if (kh_json_type(value) != KH_JSON_STRING)
    return KH_ERR_NOT_FOUND;
  struct kh_str raw = kh_json_raw(value), piece;
  if ((token_of(value)->flags & KH_JSON_ESCAPED) == 0)
    return kh_buf_add(out, raw);
  if (!kh_buf_ok(out) && raw.len <= out->max - out->len) {
    char *to = kh_buf_reserve(out, raw.len);
    if (!to)
      return kh_buf_ok(out);
    out->len += kh_json_unescape(raw, to);
    out->at[out->len] = '\0';
    return KH_OK;
  }
  /* Decoded it may still be short enough. */
  struct kh_json_pieces pieces = {.at = raw.at, .end = raw.at + raw.len};
  while (kh_json_next_piece(&pieces, &piece))
    if (kh_buf_add(out, piece))
      break;
  return kh_buf_ok(out);
}

bool kh_json_has_lone_surrogate(struct kh_json_value value)
{
  const struct kh_json_token *token = token_of(value);

  return token && (token->flags & KH_JSON_LONE_SURROGATE) != 0;
}

bool kh_json_text_is(struct kh_json_value value, struct kh_str text)
{
  const struct kh_json_token *token = token_of(value);

  if (!token || token->type != KH_JSON_STRING)
    return false;
  struct kh_str raw = kh_json_raw_of(value.doc, value.index), piece;
  if ((token->flags & KH_JSON_ESCAPED) == 0)
    return kh_str_equal(raw, text);
  struct kh_json_pieces pieces = {.at = raw.at, .end = raw.at + raw.len};
  while (kh_json_next_piece(&pieces, &piece)) {
    if (!kh_str_starts(text, piece))
      return false;
    text = kh_str(text.at + piece.len, text.len - piece.len);
  }
  return text.len == 0;
}

bool kh_json_int(struct kh_json_value value, int64_t *number)
{
  return kh_json_type(value) == KH_JSON_INTEGER && kh_str_i64(kh_json_raw(value), number);
}

bool kh_json_bool(struct kh_json_value value, bool *truth)
{
  enum kh_json_type type = kh_json_type(value);

  if (type != KH_JSON_TRUE && type != KH_JSON_FALSE)
    return false;
  *truth = type == KH_JSON_TRUE;
  return true;
}
