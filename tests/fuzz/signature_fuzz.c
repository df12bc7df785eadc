/*
 * Target: handler/receive/signature.c. Aborts where it differs from the rules of signature.h, written down
 * here once more in the plainest way: all rules kept means accepted, and a refusal names a rule that is
 * broken.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "receive/signature.h"
#include "support/guard.h"

struct part {
  struct kh_str text, name, value;
  bool has_equals;
};

struct rules {
  bool broken[KH_ERR__COUNT];
  struct kh_str timestamp, signature;
};

static struct part part_of(struct kh_str text)
{
  struct part part = {.text = kh_str_trim(text)};
  const char *equals = part.text.len > 0 ? memchr(part.text.at, '=', part.text.len) : NULL;

  part.has_equals = equals != NULL;
  if (equals) {
    size_t before = (size_t)(equals - part.text.at);

    part.name = kh_str_trim(kh_str(part.text.at, before));
    part.value = kh_str_trim(kh_str(equals + 1, part.text.len - before - 1));
  }
  return part;
}

static void look_at_part(struct part part, struct rules *rules)
{
  bool is_timestamp = kh_str_equal(part.name, KH_STR("timestamp"));
  bool is_signature = kh_str_equal(part.name, KH_STR("signature"));

  rules->broken[KH_ERR_FIELD_EMPTY] |= part.text.len == 0;
  rules->broken[KH_ERR_FIELD_WITHOUT_EQUALS] |= part.text.len > 0 && !part.has_equals;
  if (part.has_equals && is_timestamp) {
    rules->broken[KH_ERR_TIMESTAMP_REPEATED] |= rules->timestamp.at != NULL;
    rules->timestamp = part.value;
  }
  if (part.has_equals && is_signature) {
    rules->broken[KH_ERR_SIGNATURE_REPEATED] |= rules->signature.at != NULL;
    rules->signature = part.value;
  }
}

static bool all_in(struct kh_str text, const char *characters)
{
  for (size_t i = 0; i < text.len; i++)
    if (text.at[i] == '\0' || !strchr(characters, text.at[i]))
      return false;
  return true;
}

static void look(struct kh_str header, struct rules *rules)
{
  size_t start = 0;

  for (size_t i = 0; i <= header.len; i++) {
    if (i < header.len) {
      unsigned char c = (unsigned char)header.at[i];
      rules->broken[KH_ERR_HEADER_CONTROL] |= (c < 0x20 && c != '\t') || c == 0x7F;
    }
    rules->broken[KH_ERR_CREDENTIAL_REPEATED] |= i > 0 && i < header.len && header.at[i - 1] == ',' &&
                                                 (header.at[i] == ' ' || header.at[i] == '\t');
    if (i == header.len || header.at[i] == ',') {
      look_at_part(part_of(kh_str(header.at + start, i - start)), rules);
      start = i + 1;
    }
  }
  rules->broken[KH_ERR_HEADER_TOO_LONG] = header.len > 1024;
  rules->broken[KH_ERR_TIMESTAMP_ABSENT] = !rules->timestamp.at;
  rules->broken[KH_ERR_SIGNATURE_ABSENT] = !rules->signature.at;
  rules->broken[KH_ERR_TIMESTAMP_MALFORMED] = rules->timestamp.at &&
                                              (rules->timestamp.len < 1 || rules->timestamp.len > 12 ||
                                               !all_in(rules->timestamp, "0123456789"));
  rules->broken[KH_ERR_SIGNATURE_LENGTH] = rules->signature.at && rules->signature.len != 64;
  rules->broken[KH_ERR_SIGNATURE_NOT_HEX] = rules->signature.at &&
                                            !all_in(rules->signature, "0123456789abcdef");
}

static void check_result(const struct kh_signature *got, const struct rules *rules)
{
  int64_t seconds = 0;

  for (size_t i = 0; i < rules->timestamp.len; i++)
    seconds = seconds * 10 + (rules->timestamp.at[i] - '0');
  if (got->timestamp_s != seconds || !kh_str_equal(got->timestamp, rules->timestamp))
    abort();
  for (size_t i = 0; i < KH_DIGEST_BYTES; i++) {
    char hex[3];

    (void)snprintf(hex, sizeof hex, "%02x", got->mac[i]);
    if (memcmp(hex, rules->signature.at + 2 * i, 2) != 0)
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct rules rules = {.timestamp = KH_NO_STR};
  struct kh_signature signature;
  struct kh_guard guard = {0};
  bool good = true;

  struct kh_str header = kh_guard_end(&guard, kh_str((const char *)data, size));
  look(header, &rules);
  for (size_t i = 0; i < KH_ERR__COUNT; i++)
    good = good && !rules.broken[i];
  enum kh_err err = kh_signature_parse(header, &signature);
  if ((err == KH_OK) != good || (err && !rules.broken[err]))
    abort();
  if (!err)
    check_result(&signature, &rules);
  kh_guard_release(&guard);
  return 0;
}
