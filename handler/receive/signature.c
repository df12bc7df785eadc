#include "base/base.h"

#include "receive/signature.h"

enum { TIMESTAMP_MAX_DIGITS = 12 };

static bool has_control_character(struct kh_str text)
{
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.at[i];

    if ((c < 0x20 && c != '\t') || c == 0x7F)
      return true;
  }
  return false;
}

static int lower_hex_digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum kh_err parse_mac(struct kh_str text, unsigned char mac[KH_DIGEST_BYTES])
{
  if (text.len != 2 * (size_t)KH_DIGEST_BYTES)
    return KH_ERR_SIGNATURE_LENGTH;
  for (size_t i = 0; i < KH_DIGEST_BYTES; i++) {
    int high = lower_hex_digit(text.at[2 * i]);
    int low = lower_hex_digit(text.at[2 * i + 1]);

    if (high < 0 || low < 0)
      return KH_ERR_SIGNATURE_NOT_HEX;
    mac[i] = (unsigned char)(high << 4 | low);
  }
  return KH_OK;
}

static enum kh_err parse_timestamp(struct kh_str text, int64_t *seconds)
{
  uint64_t value = 0;

  if (text.len > TIMESTAMP_MAX_DIGITS || !kh_str_u64(text, &value))
    return KH_ERR_TIMESTAMP_MALFORMED;
  *seconds = (int64_t)value;
  return KH_OK;
}

/* Takes the parts apart; their values are looked at only when it is clear which ones count. */
static enum kh_err split(struct kh_str header, struct kh_str *timestamp, struct kh_str *signature)
{
  struct kh_str rest = header;

  while (rest.at) {
    struct kh_str value = kh_str_trim(kh_str_cut(&rest, ','));

    if (value.len == 0)
      return KH_ERR_FIELD_EMPTY;
    /* A server's join of two header lines, RFC 9110 section 5.3; Buildkite puts no blank there. */
    if (rest.len > 0 && (rest.at[0] == ' ' || rest.at[0] == '\t'))
      return KH_ERR_CREDENTIAL_REPEATED;
    struct kh_str name = kh_str_trim(kh_str_cut(&value, '='));
    if (!value.at)
      return KH_ERR_FIELD_WITHOUT_EQUALS;

    bool is_timestamp = kh_str_equal(name, KH_STR("timestamp"));
    if (!is_timestamp && !kh_str_equal(name, KH_STR("signature")))
      continue;
    struct kh_str *slot = is_timestamp ? timestamp : signature;
    if (slot->at)
      return is_timestamp ? KH_ERR_TIMESTAMP_REPEATED : KH_ERR_SIGNATURE_REPEATED;
    *slot = kh_str_trim(value);
  }
  return KH_OK;
}

enum kh_err kh_signature_parse(struct kh_str header, struct kh_signature *signature)
{
  struct kh_str mac = KH_NO_STR;

  *signature = (struct kh_signature){.timestamp = KH_NO_STR};
  if (header.len > KH_SIGNATURE_HEADER_MAX_BYTES)
    return KH_ERR_HEADER_TOO_LONG;
  if (has_control_character(header))
    return KH_ERR_HEADER_CONTROL;

  enum kh_err err = split(header, &signature->timestamp, &mac);
  if (err)
    return err;
  if (!signature->timestamp.at)
    return KH_ERR_TIMESTAMP_ABSENT;
  if (!mac.at)
    return KH_ERR_SIGNATURE_ABSENT;
  err = parse_timestamp(signature->timestamp, &signature->timestamp_s);
  return err ? err : parse_mac(mac, signature->mac);
}
