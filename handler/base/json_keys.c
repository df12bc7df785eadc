#include "base/base.h"

#include "base/json_parts.h"

bool kh_json_key_repeats(const struct kh_json *doc, uint32_t object, const struct kh_json_token *key)
{
  const struct kh_json_token *earlier = &doc->tokens[object + 1];
  const char *start = doc->text.at;

  for (; earlier < key; earlier += 1 + earlier[1].span)
    if (earlier->len == key->len && memcmp(start + earlier->at, start + key->at, key->len) == 0)
      return true;
  return false;
}

static int compare(const struct kh_json *doc, uint32_t a, uint32_t b)
{
  struct kh_str raw_a = kh_json_raw_of(doc, a), raw_b = kh_json_raw_of(doc, b);

  if ((doc->tokens[a].flags | doc->tokens[b].flags) & KH_JSON_ESCAPED)
    return kh_json_compare(raw_a, raw_b);
  int order = memcmp(raw_a.at, raw_b.at, raw_a.len < raw_b.len ? raw_a.len : raw_b.len);
  return order != 0 ? order : (raw_a.len > raw_b.len) - (raw_a.len < raw_b.len);
}

/* Merges the sorted FROM[0, MIDDLE) and FROM[MIDDLE, COUNT) into TO. Of equal keys the earlier stays first. */
static void merge(const struct kh_json *doc, const uint32_t *from, uint32_t middle, uint32_t count,
                  uint32_t *to)
{
  uint32_t a = 0, b = middle;

  for (uint32_t i = 0; i < count; i++) {
    bool take_a = a < middle && (b == count || compare(doc, from[a], from[b]) <= 0);

    to[i] = take_a ? from[a++] : from[b++];
  }
}

/* Sorts COUNT keys at KEYS with as much room again at SPARE; returns where the result is. */
static const uint32_t *sort(const struct kh_json *doc, uint32_t *keys, uint32_t *spare, uint32_t count)
{
  for (uint32_t width = 1; width < count; width *= 2) {
    for (uint32_t start = 0; start < count; start += 2 * width) {
      uint32_t left = count - start;
      uint32_t both = left < 2 * width ? left : 2 * width;

      merge(doc, keys + start, both < width ? both : width, both, spare + start);
    }
    uint32_t *sorted = spare;
    spare = keys;
    keys = sorted;
  }
  return keys;
}

enum kh_err kh_json_keys_check(struct kh_json *doc, uint32_t object, uint32_t keys, uint32_t *repeated)
{
  *repeated = 0;
  if (doc->order_room < 2 * keys) {
    uint32_t *grown = reallocarray(doc->order, 2 * (size_t)keys, sizeof *grown);

    if (!grown)
      return KH_ERR_NO_MEMORY;
    doc->order = grown;
    doc->order_room = 2 * keys;
  }
  for (uint32_t i = 0, key = object + 1; i < keys; i++, key += 1 + doc->tokens[key + 1].span)
    doc->order[i] = key;

  const uint32_t *sorted = sort(doc, doc->order, doc->order + keys, keys);
  for (uint32_t i = 1; i < keys; i++)
    if ((*repeated == 0 || sorted[i] < *repeated) && compare(doc, sorted[i - 1], sorted[i]) == 0)
      *repeated = sorted[i];
  return KH_OK;
}
