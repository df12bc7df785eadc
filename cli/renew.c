#include "base/base.h"

#include "base/json.h"
#include "renew.h"

#include <sys/random.h>

enum { RENEWED_MAX = 16, ID_MIN_BYTES = 8 };

/* What stands in the body, and what shall. */
struct renewal {
  struct kh_str old[RENEWED_MAX];
  char fresh[RENEWED_MAX][KH_UUID_BYTES];
  size_t count;
  struct kh_str number; /* absent when the build has none */
};

void kh_uuid(char uuid[KH_UUID_BYTES])
{
  unsigned char bytes[16] = {0};
  char hex[2 * sizeof bytes + 1] = "";

  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
    abort(); /* not from a buffer this small */
  bytes[6] = (unsigned char)(0x40 | (bytes[6] & 0x0f));
  bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3f));
  kh_hex(bytes, sizeof bytes, hex);
  snprintf(uuid, KH_UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool outlives_events(struct kh_json_value key)
{
  return kh_json_text_is(key, KH_STR("organization")) || kh_json_text_is(key, KH_STR("pipeline")) ||
         kh_json_text_is(key, KH_STR("sender"));
}

static void collect(struct kh_json_value root, struct renewal *renewal)
{
  const struct kh_json_value number = kh_json_get(kh_json_get(root, KH_STR("build")), KH_STR("number"));

  for (struct kh_json_walk it = kh_json_walk(root); kh_json_next(&it) && renewal->count < RENEWED_MAX;) {
    const struct kh_json_value id = kh_json_get(it.value, KH_STR("id"));

    /* A short one could be part of any text. */
    if (outlives_events(it.key) || kh_json_type(id) != KH_JSON_STRING || kh_json_raw(id).len < ID_MIN_BYTES)
      continue;
    renewal->old[renewal->count] = kh_json_raw(id);
    kh_uuid(renewal->fresh[renewal->count++]);
  }
  if (kh_json_type(number) == KH_JSON_INTEGER)
    renewal->number = kh_json_raw(number);
}

/* How many bytes at REST are replaced by what was added to OUT; 0 when nothing begins here. */
static size_t replace(const struct renewal *renewal, struct kh_str rest, const char *new_number,
                      struct kh_buf *out)
{
  const struct kh_str before = KH_STR("/builds/");
  const struct kh_str number = renewal->number;

  if (number.at && rest.at == number.at) {
    kh_buf_add(out, kh_str_of(new_number));
    return number.len;
  }
  if (number.at && kh_str_starts(rest, before)) {
    const struct kh_str behind = kh_str(rest.at + before.len, rest.len - before.len);

    if (kh_str_starts(behind, number) &&
        (behind.len == number.len || behind.at[number.len] < '0' || behind.at[number.len] > '9')) {
      kh_buf_printf(out, "/builds/%s", new_number);
      return before.len + number.len;
    }
  }
  for (size_t i = 0; i < renewal->count; i++)
    if (kh_str_starts(rest, renewal->old[i])) {
      kh_buf_add(out, kh_str_of(renewal->fresh[i]));
      return renewal->old[i].len;
    }
  return 0;
}

enum kh_err kh_renew(struct kh_str body, int64_t number, struct kh_buf *out)
{
  struct renewal renewal = {.count = 0};
  struct kh_json doc;
  char digits[24] = "";

  snprintf(digits, sizeof digits, "%" PRId64, number);
  kh_json_init(&doc, kh_json_default_limits);
  enum kh_err err = kh_json_read(&doc, body, NULL);
  if (err)
    goto done;
  collect(kh_json_root(&doc), &renewal);
  err = KH_ERR_NOT_FOUND;
  if (renewal.count == 0 && !renewal.number.at)
    goto done;
  for (size_t i = 0; i < body.len;) {
    size_t replaced = replace(&renewal, kh_str(body.at + i, body.len - i), digits, out);

    if (replaced == 0)
      kh_buf_add_byte(out, body.at[i]);
    i += replaced > 0 ? replaced : 1;
  }
  err = kh_buf_ok(out);
done:
  kh_json_release(&doc);
  return err;
}
