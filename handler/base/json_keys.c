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

/* FNV-1a. Whoever makes keys collide makes this slower, but never more than n log n. */
static uint64_t hash_of(struct kh_str raw)
{
  struct kh_json_pieces pieces = {.at = raw.at, .end = raw.at + raw.len};
  struct kh_str piece = KH_NO_STR;
  uint64_t hash = UINT64_C(0xCBF29CE484222325);

  while (kh_json_next_piece(&pieces, &piece))
    for (size_t i = 0; i < piece.len; i++)
      hash = (hash ^ (unsigned char)piece.at[i]) * UINT64_C(0x100000001B3);
  return hash;
}

static int compare(const struct kh_json *doc, const struct kh_json_hashed *a, const struct kh_json_hashed *b)
{
  if (a->hash != b->hash)
    return a->hash < b->hash ? -1 : 1;
  return kh_json_compare(kh_json_raw_of(doc, a->token), kh_json_raw_of(doc, b->token));
}

/*
 * Merges the sorted FROM[0, MIDDLE) and FROM[MIDDLE, COUNT) into TO. Of equal keys the earlier stays first.
 */
static void merge(const struct kh_json *doc, const struct kh_json_hashed *from, uint32_t middle,
                  uint32_t count, struct kh_json_hashed *to)
{
  uint32_t a = 0, b = middle;

  for (uint32_t i = 0; i < count; i++) {
    bool take_a = a < middle && (b == count || compare(doc, &from[a], &from[b]) <= 0);

    to[i] = take_a ? from[a++] : from[b++];
  }
}

/* Sorts COUNT keys, with as much room again at SPARE; returns where the result is. */
static const struct kh_json_hashed *sort(const struct kh_json *doc, struct kh_json_hashed *keys,
                                         struct kh_json_hashed *spare, uint32_t count)
{
  for (uint32_t width = 1; width < count; width *= 2) {
    for (uint32_t start = 0; start < count; start += 2 * width) {
      uint32_t left = count - start;
      uint32_t both = left < 2 * width ? left : 2 * width;

      merge(doc, keys + start, both < width ? both : width, both, spare + start);
    }
    struct kh_json_hashed *sorted = spare;
    spare = keys;
    keys = sorted;
  }
  return keys;
}

enum kh_err kh_json_keys_check(struct kh_json *doc, uint32_t object, uint32_t keys, uint32_t *repeated)
{
  *repeated = 0;
  if (doc->hashed_room < 2 * keys) {
    struct kh_json_hashed *grown = reallocarray(doc->hashed, 2 * (size_t)keys, sizeof *grown);

    if (!grown)
      return KH_ERR_NO_MEMORY;
    doc->hashed = grown;
    doc->hashed_room = 2 * keys;
  }
  for (uint32_t i = 0, key = object + 1; i < keys; i++, key += 1 + doc->tokens[key + 1].span)
    doc->hashed[i] = (struct kh_json_hashed){hash_of(kh_json_raw_of(doc, key)), key};

  const struct kh_json_hashed *sorted = sort(doc, doc->hashed, doc->hashed + keys, keys);
  for (uint32_t i = 1; i < keys; i++)
    if ((*repeated == 0 || sorted[i].token < *repeated) && compare(doc, &sorted[i - 1], &sorted[i]) == 0)
      *repeated = sorted[i].token;
  return KH_OK;
}
