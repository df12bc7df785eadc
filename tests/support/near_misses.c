#include "base/base.h"

#include "support/near_misses.h"
#include "support/openssl.h"

#include <check.h>

#define SIGNED_BODY "{\"event\":\"ping\"}"
#define GOOD "timestamp=@T,signature=@S"
#define KEY(literal) .key = "" literal, .key_len = sizeof(literal) - 1

const struct kh_near_miss kh_near_misses[] = {
    {.rule = "exactly one credential: none", .err = KH_ERR_CREDENTIAL_ABSENT},
    {"exactly one credential: none where tokens count", KH_ERR_CREDENTIAL_ABSENT,
     .accepts = KH_ACCEPTS_TOKENS},
    {"exactly one credential: both, both right", KH_ERR_CREDENTIALS_BOTH, KH_ACCEPTS_BOTH, GOOD,
     .token = KH_TEST_TOKEN},
    {"exactly one credential: a right signature and a token", KH_ERR_CREDENTIALS_BOTH, .signature = GOOD,
     .token = KH_TEST_CURRENT},
    {"a credential is sent once: the signature twice", KH_ERR_CREDENTIAL_REPEATED, .signature = GOOD,
     .signature_next = GOOD},
    {"a credential is sent once: a wrong signature behind the right one", KH_ERR_CREDENTIAL_REPEATED,
     .signature = GOOD, .signature_next = "timestamp=@T,signature=@F"},
    {"a credential is sent once: the token twice", KH_ERR_CREDENTIAL_REPEATED, KH_ACCEPTS_TOKENS,
     .token = KH_TEST_TOKEN, .token_next = KH_TEST_TOKEN},
    {"the event is sent once", KH_ERR_EVENT_REPEATED, .signature = GOOD, .event = "ping",
     .event_next = "ping"},
    {"the event is sent once: in token mode", KH_ERR_EVENT_REPEATED, KH_ACCEPTS_TOKENS,
     .token = KH_TEST_TOKEN, .event = "ping", .event_next = "build.finished"},
    {"the mode is configured: a token where signatures count", KH_ERR_TOKEN_NOT_ACCEPTED,
     .token = KH_TEST_CURRENT},
    {"the mode is configured: a signature where tokens count", KH_ERR_SIGNATURE_NOT_ACCEPTED,
     KH_ACCEPTS_TOKENS, GOOD, KEY(KH_TEST_TOKEN)},

    {"1,024 bytes in all", KH_ERR_HEADER_TOO_LONG, .signature = GOOD ",pad=@L"},
    {"no control character: NUL at the end", KH_ERR_HEADER_CONTROL, .signature = GOOD "@0"},
    {"no control character: NUL in a value", KH_ERR_HEADER_CONTROL, .signature = GOOD ",a=b@0c"},
    {"no control character: NUL in the timestamp", KH_ERR_HEADER_CONTROL,
     .signature = "timestamp=@T@0,signature=@S"},
    {"no control character: 0x01", KH_ERR_HEADER_CONTROL, .signature = "timestamp=@T,\x01signature=@S"},
    {"no control character: a line end", KH_ERR_HEADER_CONTROL,
     .signature = "timestamp=@T,\r\n signature=@S"},
    {"no control character: 0x1f", KH_ERR_HEADER_CONTROL, .signature = GOOD ",a=\x1f"},
    {"no control character: DEL", KH_ERR_HEADER_CONTROL, .signature = GOOD ",a=\x7f"},
    {"no empty part: nothing at all", KH_ERR_FIELD_EMPTY, .signature = ""},
    {"no empty part: a blank", KH_ERR_FIELD_EMPTY, .signature = " "},
    {"no empty part: a comma", KH_ERR_FIELD_EMPTY, .signature = ","},
    {"no empty part: at the end", KH_ERR_FIELD_EMPTY, .signature = GOOD ","},
    {"no empty part: at the start", KH_ERR_FIELD_EMPTY, .signature = "," GOOD},
    {"no empty part: in the middle", KH_ERR_FIELD_EMPTY, .signature = "timestamp=@T,,signature=@S"},
    {"no empty part: a blank one", KH_ERR_FIELD_EMPTY, .signature = " \t ,timestamp=@T,signature=@S"},
    {"no blank behind a comma", KH_ERR_CREDENTIAL_REPEATED, .signature = "timestamp=@T, signature=@S"},
    {"no tab behind a comma", KH_ERR_CREDENTIAL_REPEATED, .signature = "timestamp=@T,\tsignature=@S"},
    {"no part without =: the two names alone", KH_ERR_FIELD_WITHOUT_EQUALS,
     .signature = "timestamp,signature"},
    {"no part without =: a third part", KH_ERR_FIELD_WITHOUT_EQUALS, .signature = GOOD ",v1"},
    {"no part without =: the digits alone", KH_ERR_FIELD_WITHOUT_EQUALS, .signature = "@S"},
    {"a timestamp", KH_ERR_TIMESTAMP_ABSENT, .signature = "signature=@S"},
    {"a timestamp: its name in lower case", KH_ERR_TIMESTAMP_ABSENT,
     .signature = "Timestamp=@T,signature=@S"},
    {"a timestamp: its whole name", KH_ERR_TIMESTAMP_ABSENT, .signature = "t=@T,signature=@S"},
    {"a timestamp: nothing before its name", KH_ERR_TIMESTAMP_ABSENT,
     .signature = "xtimestamp=@T,signature=@S"},
    {"a timestamp: one only, the same", KH_ERR_TIMESTAMP_REPEATED,
     .signature = "timestamp=@T,timestamp=@T,signature=@S"},
    {"a timestamp: one only, another", KH_ERR_TIMESTAMP_REPEATED,
     .signature = "timestamp=@U,signature=@S,timestamp=@T"},
    {"1 to 12 digits: none", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD, .timestamp = ""},
    {"1 to 12 digits: 13", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD, .timestamp = "1700000000000"},
    {"1 to 12 digits: 13 with zeros", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD,
     .timestamp = "0001700000000"},
    {"1 to 12 digits: a minus", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD, .timestamp = "-1700000000"},
    {"1 to 12 digits: a plus", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD, .timestamp = "+1700000000"},
    {"1 to 12 digits: a fraction", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD,
     .timestamp = "1700000000.0"},
    {"1 to 12 digits: hexadecimal", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD, .timestamp = "0x6553f100"},
    {"1 to 12 digits: a letter", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD, .timestamp = "170000000o"},
    {"1 to 12 digits: a blank inside", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD,
     .timestamp = "17000 00000"},
    {"1 to 12 digits: =", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD, .timestamp = "=1700000000"},
    {"1 to 12 digits: a date", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD,
     .timestamp = "2023-11-14T22:13:20Z"},
    {"1 to 12 digits: other scripts' digits", KH_ERR_TIMESTAMP_MALFORMED, .signature = GOOD,
     .timestamp = "\xD9\xA1\xD9\xA7"},
    {"a signature", KH_ERR_SIGNATURE_ABSENT, .signature = "timestamp=@T"},
    {"a signature: its name in lower case", KH_ERR_SIGNATURE_ABSENT,
     .signature = "timestamp=@T,SIGNATURE=@S"},
    {"a signature: its whole name", KH_ERR_SIGNATURE_ABSENT, .signature = "timestamp=@T,v1=@S"},
    {"a signature: one only, the same", KH_ERR_SIGNATURE_REPEATED, .signature = GOOD ",signature=@S"},
    {"a signature: one only, a wrong one first", KH_ERR_SIGNATURE_REPEATED,
     .signature = "timestamp=@T,signature=@F,signature=@S"},
    {"64 digits: none", KH_ERR_SIGNATURE_LENGTH, .signature = "timestamp=@T,signature="},
    {"64 digits: 63", KH_ERR_SIGNATURE_LENGTH, .signature = "timestamp=@T,signature=@C"},
    {"64 digits: 65", KH_ERR_SIGNATURE_LENGTH, .signature = GOOD "0"},
    {"64 digits: 128", KH_ERR_SIGNATURE_LENGTH, .signature = GOOD "@S"},
    {"64 digits: the name of the hash first", KH_ERR_SIGNATURE_LENGTH,
     .signature = "timestamp=@T,signature=sha256=@S"},
    {"64 digits: quoted", KH_ERR_SIGNATURE_LENGTH, .signature = "timestamp=@T,signature=\"@S\""},
    {"lower-case hexadecimal: upper case", KH_ERR_SIGNATURE_NOT_HEX,
     .signature = "timestamp=@T,signature=@X"},
    {"lower-case hexadecimal: a g", KH_ERR_SIGNATURE_NOT_HEX, .signature = "timestamp=@T,signature=@H"},
    {"lower-case hexadecimal: a blank inside", KH_ERR_SIGNATURE_NOT_HEX,
     .signature = "timestamp=@T,signature=@M"},

    {"the MAC fits: its first bit", KH_ERR_SIGNATURE_MISMATCH, .signature = "timestamp=@T,signature=@F"},
    {"the MAC fits: its last bit", KH_ERR_SIGNATURE_MISMATCH, .signature = "timestamp=@T,signature=@G"},
    {"the MAC fits: all zero", KH_ERR_SIGNATURE_MISMATCH,
     .signature = "timestamp=@T,signature=0000000000000000000000000000000000000000000000000000000000000000"},
    {"timestamp . body is signed: without the dot", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     .message = "@T@B"},
    {"timestamp . body is signed: the body alone", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     .message = "@B"},
    {"timestamp . body is signed: the body first", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     .message = "@B.@T"},
    {"timestamp . body is signed: a colon", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD, .message = "@T:@B"},
    {"the timestamp is signed: a second later", KH_ERR_SIGNATURE_MISMATCH,
     .signature = "timestamp=@U,signature=@S"},
    {"the timestamp's text is signed, not its value", KH_ERR_SIGNATURE_MISMATCH,
     .signature = "timestamp=0@T,signature=@S"},
    {"the raw body is signed: a bit", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     .body = "{\"event\":\"pinf\"}"},
    {"the raw body is signed: a newline more", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     .body = SIGNED_BODY "\n"},
    {"the raw body is signed: serialised again", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     .body = "{\"event\": \"ping\"}"},
    {"the raw body is signed: cut", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     .body = "{\"event\":\"ping\""},
    {"the raw body is signed: none", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD, .body = ""},
    {"a named secret signs: another", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD, KEY("somebody else's")},
    {"a named secret signs: none", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD, KEY("")},
    {"a named secret signs: with a newline", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     KEY(KH_TEST_CURRENT "\n")},
    {"a named secret signs: cut", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD, KEY("planted-current-9d1")},
    {"a named secret signs: in upper case", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     KEY("PLANTED-CURRENT-9D1C")},
    {"a named secret signs: two joined", KH_ERR_SIGNATURE_MISMATCH, .signature = GOOD,
     KEY(KH_TEST_CURRENT KH_TEST_PREVIOUS)},
    {"a token signs nothing", KH_ERR_SIGNATURE_MISMATCH, KH_ACCEPTS_BOTH, GOOD, KEY(KH_TEST_TOKEN)},
    {"freshness comes last: forged and stale", KH_ERR_SIGNATURE_MISMATCH,
     .signature = "timestamp=@T,signature=@F", .age_s = 301},
    {"freshness comes last: forged and of tomorrow", KH_ERR_SIGNATURE_MISMATCH,
     .signature = "timestamp=@T,signature=@F", .age_s = -86400},
    {"at most 300 s old: 301", KH_ERR_STALE, .signature = GOOD, .age_s = 301},
    {"at most 300 s old: a day", KH_ERR_STALE, .signature = GOOD, .age_s = 86400},
    {"at most 300 s old: 1970", KH_ERR_STALE, .signature = GOOD, .timestamp = "0"},
    {"at most 300 s old: under the previous secret", KH_ERR_STALE, .signature = GOOD, .age_s = 301,
     KEY(KH_TEST_PREVIOUS)},
    {"at most 300 s ahead: 301", KH_ERR_FUTURE, .signature = GOOD, .age_s = -301},
    {"at most 300 s ahead: the last of 12 digits", KH_ERR_FUTURE, .signature = GOOD,
     .timestamp = "999999999999"},

    {"the token, whole: cut", KH_ERR_TOKEN_MISMATCH, KH_ACCEPTS_TOKENS, .token = "planted-token-e0f"},
    {"the token, whole: a byte more", KH_ERR_TOKEN_MISMATCH, KH_ACCEPTS_TOKENS, .token = KH_TEST_TOKEN "x"},
    {"the token, whole: a blank more", KH_ERR_TOKEN_MISMATCH, KH_ACCEPTS_TOKENS, .token = KH_TEST_TOKEN " "},
    {"the token, whole: a NUL more", KH_ERR_TOKEN_MISMATCH, KH_ACCEPTS_TOKENS, .token = KH_TEST_TOKEN "@0"},
    {"the token, exactly: case", KH_ERR_TOKEN_MISMATCH, KH_ACCEPTS_TOKENS, .token = "Planted-token-e0f3"},
    {"the token: empty", KH_ERR_TOKEN_MISMATCH, KH_ACCEPTS_TOKENS, .token = ""},
    {"the token: as a list", KH_ERR_CREDENTIAL_REPEATED, KH_ACCEPTS_TOKENS,
     .token = KH_TEST_TOKEN ", " KH_TEST_TOKEN},
    {"a signature's secret is no token", KH_ERR_TOKEN_MISMATCH, KH_ACCEPTS_BOTH, .token = KH_TEST_CURRENT},
    {.rule = NULL},
};

size_t kh_near_miss_count(void)
{
  size_t count = 0;

  while (kh_near_misses[count].rule)
    count++;
  return count;
}

struct places {
  char timestamp[24];
  char later[24];
  char right[KH_HEX_BYTES];
};

static char flipped(char digit, unsigned bit)
{
  static const char digits[] = "0123456789abcdef";
  const char *found = strchr(digits, digit);

  ck_assert_ptr_nonnull(found);
  return digits[(unsigned)(found - digits) ^ bit];
}

static void add_signature(struct kh_buf *out, const char *right, char form)
{
  char text[KH_HEX_BYTES];

  memcpy(text, right, sizeof text);
  for (size_t i = 0; form == 'X' && i < sizeof text; i++)
    text[i] = (char)(text[i] >= 'a' && text[i] <= 'f' ? text[i] - 'a' + 'A' : text[i]);
  if (form == 'C')
    text[63] = '\0';
  if (form == 'F')
    text[0] = flipped(text[0], 8);
  if (form == 'G')
    text[63] = flipped(text[63], 1);
  if (form == 'H')
    text[63] = 'g';
  if (form == 'M')
    text[32] = ' ';
  (void)kh_buf_add(out, kh_str_of(text));
}

static void expand(const char *template, const struct places *places, struct kh_buf *out)
{
  kh_buf_init(out, 8192);
  (void)kh_buf_add(out, KH_STR(""));
  for (const char *at = template; *at; at++) {
    if (*at != '@') {
      (void)kh_buf_add_byte(out, *at);
      continue;
    }
    switch (*++at) {
    case 'T':
      (void)kh_buf_add(out, kh_str_of(places->timestamp));
      break;
    case 'U':
      (void)kh_buf_add(out, kh_str_of(places->later));
      break;
    case 'B':
      (void)kh_buf_add(out, KH_STR(SIGNED_BODY));
      break;
    case '0':
      (void)kh_buf_add_byte(out, '\0');
      break;
    case 'L':
      while (out->len < 1025)
        (void)kh_buf_add_byte(out, '7');
      break;
    default:
      add_signature(out, places->right, *at);
      break;
    }
  }
  ck_assert_int_eq(kh_buf_ok(out), KH_OK);
}

static void add_header(struct kh_near_miss_request *made, enum kh_header header, const char *template,
                       const struct places *places)
{
  if (!template)
    return;
  ck_assert_uint_lt(made->text_count, KH_COUNT(made->texts));
  struct kh_buf *text = &made->texts[made->text_count++];

  expand(template, places, text);
  kh_request_add_header(&made->request, header, kh_buf_view(text));
}

static void sign(const struct kh_near_miss *miss, struct places *places)
{
  struct kh_str key = miss->key ? kh_str(miss->key, miss->key_len) : KH_STR(KH_TEST_CURRENT);
  unsigned char mac[KH_DIGEST_BYTES];
  struct kh_buf message;

  (void)snprintf(places->later, sizeof places->later, "%" PRId64, KH_NEAR_MISS_NOW_S - miss->age_s + 1);
  if (miss->timestamp)
    (void)snprintf(places->timestamp, sizeof places->timestamp, "%s", miss->timestamp);
  else
    (void)snprintf(places->timestamp, sizeof places->timestamp, "%" PRId64, KH_NEAR_MISS_NOW_S - miss->age_s);
  expand(miss->message ? miss->message : "@T.@B", places, &message);
  kh_openssl_hmac(key, kh_buf_view(&message), mac);
  kh_hex_write(mac, places->right);
  kh_buf_release(&message);
}

void kh_near_miss_make(const struct kh_near_miss *miss, struct kh_near_miss_request *made)
{
  struct places places;

  sign(miss, &places);
  *made = (struct kh_near_miss_request){.request = {.method = KH_METHOD_POST,
                                                    .body = kh_str_of(miss->body ? miss->body : SIGNED_BODY),
                                                    .transport = "cgi"}};
  kh_request_add_header(&made->request, KH_HEADER_CONTENT_TYPE, KH_STR("application/json"));
  add_header(made, KH_HEADER_SIGNATURE, miss->signature, &places);
  add_header(made, KH_HEADER_SIGNATURE, miss->signature_next, &places);
  add_header(made, KH_HEADER_TOKEN, miss->token, &places);
  add_header(made, KH_HEADER_TOKEN, miss->token_next, &places);
  add_header(made, KH_HEADER_EVENT, miss->event, &places);
  add_header(made, KH_HEADER_EVENT, miss->event_next, &places);
}

void kh_near_miss_release(struct kh_near_miss_request *made)
{
  for (size_t i = 0; i < made->text_count; i++)
    kh_buf_release(&made->texts[i]);
  made->text_count = 0;
}
