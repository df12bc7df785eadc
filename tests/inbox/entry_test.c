#include "base/base.h"

#include "inbox/entry.h"
#include "support/guard.h"
#include "support/openssl.h"
#include "support/suite.h"
#include "support/webhook.h"

#include <jansson.h>

enum { NOW_S = 1700000000, EVENT_MAX_BYTES = 4096, ENTRY_MAX_BYTES = 1 << 20 };

static struct kh_config *config;
static struct kh_webhook webhook;
static struct kh_buf bytes; /* one entry */
static struct kh_buf event_text;

static void open_entry(void)
{
  config = kh_test_config_new(KH_ACCEPTS_BOTH);
  webhook = (struct kh_webhook){.request.method = KH_METHOD_POST};
  kh_buf_init(&bytes, ENTRY_MAX_BYTES);
  kh_buf_init(&event_text, EVENT_MAX_BYTES);
}

static void close_entry(void)
{
  kh_webhook_release(&webhook);
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
  kh_test_config_free(config);
}

static struct kh_entry entry_of(struct kh_verified verified)
{
  struct kh_entry entry = {.received_us = INT64_C(1700000000123456), .verified = verified};

  (void)snprintf(entry.request_id, sizeof entry.request_id, "3c5b2b6e-0d0c-4a0e-9c77-0d5e6a1f2b3c");
  (void)snprintf(entry.transport, sizeof entry.transport, "fastcgi");
  return entry;
}

/* The bytes of an entry as they lie in the inbox: its line, then the body. */
static enum kh_err write_entry(const struct kh_entry *entry)
{
  struct kh_buf line;

  kh_buf_init(&line, KH_ENTRY_LINE_MAX_BYTES + 1);
  enum kh_err err = kh_entry_line(entry, &line);
  kh_buf_clear(&bytes);
  (void)kh_buf_add(&bytes, kh_buf_view(&line));
  (void)kh_buf_add(&bytes, entry->verified.body);
  kh_buf_release(&line);
  return err;
}

static void write_signed(struct kh_str body, struct kh_str event)
{
  kh_webhook_make(&webhook, KH_TEST_PREVIOUS, NOW_S, body);
  if (event.at)
    kh_request_add_header(&webhook.request, KH_HEADER_EVENT, event);
  struct kh_entry entry = entry_of(kh_webhook_verify(&webhook, config, NOW_S));
  ck_assert_int_eq(write_entry(&entry), KH_OK);
}

static enum kh_err open_bytes(struct kh_str text, struct kh_entry *entry)
{
  struct kh_diag diag = {.err = KH_OK};

  kh_buf_clear(&event_text);
  enum kh_err err = kh_entry_open(text, &config->signatures, &config->tokens, &event_text, entry, &diag);
  ck_assert_msg((err == KH_OK) == (diag.text[0] == '\0'), "%s says: %s", kh_err_token(err), diag.text);
  return err;
}

static json_t *read_line(void)
{
  struct kh_str rest = kh_buf_view(&bytes);
  struct kh_str line = kh_str_cut(&rest, '\n');
  json_error_t error;
  json_t *json = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, &error);

  ck_assert_msg(json_is_object(json), "%.*s", KH_FMT(line));
  return json;
}

/* ---- writing ---- */

START_TEST(the_line_has_the_documented_form)
{
  static const char *const keys[] = {"v",      "received_us", "request_id", "transport", "proof",
                                     "secret", "timestamp_s", "signature",  "event",     "mac"};
  size_t place = 0;
  const char *key;
  json_t *member;

  write_signed(KH_STR("{\"event\":\"ping\"}"), KH_STR("ping"));
  json_t *json = read_line();
  json_object_foreach(json, key, member)
      ck_assert_str_eq(key, place < KH_COUNT(keys) ? keys[place++] : "no more");
  ck_assert_uint_eq(place, KH_COUNT(keys));
  ck_assert_int_eq(json_integer_value(json_object_get(json, "v")), 1);
  ck_assert_int_eq(json_integer_value(json_object_get(json, "received_us")), INT64_C(1700000000123456));
  ck_assert_str_eq(json_string_value(json_object_get(json, "request_id")),
                   "3c5b2b6e-0d0c-4a0e-9c77-0d5e6a1f2b3c");
  ck_assert_str_eq(json_string_value(json_object_get(json, "transport")), "fastcgi");
  ck_assert_str_eq(json_string_value(json_object_get(json, "proof")), "signature");
  ck_assert_str_eq(json_string_value(json_object_get(json, "secret")), "previous");
  ck_assert_int_eq(json_integer_value(json_object_get(json, "timestamp_s")), NOW_S);
  ck_assert(kh_str_ends(kh_buf_view(&webhook.signature),
                        kh_str_of(json_string_value(json_object_get(json, "signature")))));
  ck_assert_uint_eq(json_string_length(json_object_get(json, "signature")), 64);
  ck_assert_str_eq(json_string_value(json_object_get(json, "event")), "ping");
  json_decref(json);
}
END_TEST

/*
 * HMAC-SHA256(secret, "kitehook-entry" ‖ the line without its mac ‖ "\n" ‖ body), by openssl over the file's
 * bytes.
 */
static void seal(struct kh_str line_without_mac, struct kh_str body, struct kh_str key,
                 char hex[KH_HEX_BYTES])
{
  unsigned char mac[KH_DIGEST_BYTES];
  struct kh_buf message;

  kh_buf_init(&message, ENTRY_MAX_BYTES);
  (void)kh_buf_add(&message, KH_STR("kitehook-entry"));
  (void)kh_buf_add(&message, line_without_mac);
  (void)kh_buf_add(&message, KH_STR("\n"));
  (void)kh_buf_add(&message, body);
  ck_assert_int_eq(kh_buf_ok(&message), KH_OK);
  kh_openssl_hmac(key, kh_buf_view(&message), mac);
  kh_hex_write(mac, hex);
  kh_buf_release(&message);
}

START_TEST(the_mac_is_the_documented_one)
{
  const struct kh_str body = KH_STR("{\"event\":\"ping\"}\n\nand more\n");
  char hex[KH_HEX_BYTES];
  struct kh_buf without;

  write_signed(body, KH_STR("ping"));
  struct kh_str rest = kh_buf_view(&bytes);
  struct kh_str line = kh_str_cut(&rest, '\n');
  const char *member = memmem(line.at, line.len, ",\"mac\":\"", 8);
  ck_assert_ptr_nonnull(member);
  ck_assert_ptr_eq(member + 8 + 64 + 2, line.at + line.len);
  kh_buf_init(&without, KH_ENTRY_LINE_MAX_BYTES);
  (void)kh_buf_add(&without, kh_str(line.at, (size_t)(member - line.at)));
  (void)kh_buf_add(&without, KH_STR("}"));
  seal(kh_buf_view(&without), body, KH_STR(KH_TEST_PREVIOUS), hex);
  ck_assert_msg(memcmp(member + 8, hex, 64) == 0, "%.*s", KH_FMT(line));
  kh_buf_release(&without);
}
END_TEST

START_TEST(no_secret_is_written)
{
  struct kh_entry entry;

  write_signed(KH_STR("{}"), KH_NO_STR);
  ck_assert_ptr_null(memmem(bytes.at, bytes.len, "planted", 7));
  kh_webhook_release(&webhook);
  kh_webhook_make_with_token(&webhook, KH_TEST_TOKEN, KH_STR("{}"));
  entry = entry_of(kh_webhook_verify(&webhook, config, NOW_S));
  ck_assert_int_eq(write_entry(&entry), KH_OK);
  ck_assert_ptr_null(memmem(bytes.at, bytes.len, "planted", 7));
}
END_TEST

/* ---- reading back ---- */

static const struct {
  const char *name;
  struct kh_str body, event;
  bool token;
} rounds[] = {
    {"a ping", {"{\"event\":\"ping\"}", 16}, {"ping", 4}, false},
    {"no event header", {"{\"event\":\"ping\"}", 16}, {NULL, 0}, false},
    {"an empty body", {"", 0}, {"ping", 4}, false},
    {"any bytes", {"\0\xFF\n\r{\"mac\":\"\n\n", 13}, {"ping", 4}, false},
    {"a body like an entry", {"{\"v\":1,\"mac\":\"0000\"}\n{}", 23}, {NULL, 0}, false},
    {"a token", {"{\"event\":\"ping\"}", 16}, {"ping", 4}, true},
    {"quotes in the event", {"{}", 2}, {"a\"b\\c", 5}, false},
    {"UTF-8 in the event", {"{}", 2}, {"b\xC3\xB6 \xE2\x9C\x93", 7}, false},
};

START_TEST(an_entry_comes_back_as_it_was)
{
  struct kh_guard guard = {NULL, 0};
  struct kh_entry back;

  if (rounds[_i].token)
    kh_webhook_make_with_token(&webhook, KH_TEST_OLD_TOKEN, rounds[_i].body);
  else
    kh_webhook_make(&webhook, KH_TEST_CURRENT, NOW_S, rounds[_i].body);
  if (rounds[_i].event.at)
    kh_request_add_header(&webhook.request, KH_HEADER_EVENT, rounds[_i].event);
  struct kh_entry entry = entry_of(kh_webhook_verify(&webhook, config, NOW_S));
  ck_assert_int_eq(write_entry(&entry), KH_OK);

  enum kh_err err = open_bytes(kh_guard_end(&guard, kh_buf_view(&bytes)), &back);
  ck_assert_msg(err == KH_OK, "%s: %s", rounds[_i].name, kh_err_token(err));
  ck_assert_int_eq(back.received_us, entry.received_us);
  ck_assert_str_eq(back.request_id, entry.request_id);
  ck_assert_str_eq(back.transport, entry.transport);
  ck_assert_int_eq(back.verified.proof, entry.verified.proof);
  ck_assert_ptr_eq(back.verified.by, entry.verified.by);
  ck_assert_int_eq(back.verified.timestamp_s, entry.verified.timestamp_s);
  ck_assert_str_eq(back.verified.signature, entry.verified.signature);
  ck_assert(kh_str_equal(back.verified.body, rounds[_i].body));
  ck_assert(kh_str_equal(back.verified.event_header, rounds[_i].event));
  kh_guard_release(&guard);
}
END_TEST

/*
 * What the event header holds was never signed. Whatever it is, it comes back or is refused: never changed.
 */
static const struct {
  const char *name;
  struct kh_str event;
} hostile[] = {
    {"a line end", {"a\nb", 3}},
    {"a NUL", {"a\0b", 3}},
    {"control characters", {"\x01\x1f\x7f", 3}},
    {"a stray byte",
     {"a\xFF"
      "b",
      3}},
    {"a cut character", {"a\xE2\x9C", 3}},
    {"a member of its own", {"x\";\"mac\":\"", 10}},
};

START_TEST(a_hostile_event_header_is_kept_or_refused)
{
  struct kh_entry back;

  kh_webhook_make(&webhook, KH_TEST_CURRENT, NOW_S, KH_STR("{}"));
  kh_request_add_header(&webhook.request, KH_HEADER_EVENT, hostile[_i].event);
  struct kh_entry entry = entry_of(kh_webhook_verify(&webhook, config, NOW_S));
  if (write_entry(&entry))
    return;
  ck_assert_int_eq(open_bytes(kh_buf_view(&bytes), &back), KH_OK);
  ck_assert_msg(kh_str_equal(back.verified.event_header, hostile[_i].event), "%s: got \"%.*s\"",
                hostile[_i].name, KH_FMT(back.verified.event_header));
}
END_TEST

START_TEST(a_long_event_header_is_kept_or_refused)
{
  static const size_t lengths[] = {100, 1000, 1700, 2048, 8000};
  struct kh_entry back;
  char text[8000];

  memset(text, 'e', sizeof text);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, NOW_S, KH_STR("{}"));
  kh_request_add_header(&webhook.request, KH_HEADER_EVENT, kh_str(text, lengths[_i]));
  struct kh_entry entry = entry_of(kh_webhook_verify(&webhook, config, NOW_S));
  enum kh_err err = write_entry(&entry);
  ck_assert(lengths[_i] > 1000 || err == KH_OK);
  if (err)
    return;
  ck_assert_uint_le(bytes.len, KH_ENTRY_LINE_MAX_BYTES + 1 + 2);
  ck_assert_int_eq(open_bytes(kh_buf_view(&bytes), &back), KH_OK);
  ck_assert_uint_eq(back.verified.event_header.len, lengths[_i]);
}
END_TEST

START_TEST(freshness_is_never_checked)
{
  struct kh_entry back;
  struct kh_webhook old;

  kh_webhook_make(&old, KH_TEST_CURRENT, 1, KH_STR("{}"));
  struct kh_entry entry = entry_of(kh_webhook_verify(&old, config, 1));
  entry.received_us = 1000000;
  ck_assert_int_eq(write_entry(&entry), KH_OK);
  ck_assert_int_eq(open_bytes(kh_buf_view(&bytes), &back), KH_OK);
  ck_assert_int_eq(back.received_us, 1000000);
  ck_assert_int_eq(back.verified.timestamp_s, 1);
  kh_webhook_release(&old);
}
END_TEST

/* ---- refusing ---- */

static bool is_refusal(enum kh_err err)
{
  return err == KH_ERR_ENTRY_MALFORMED || err == KH_ERR_ENTRY_SECRET_GONE || err == KH_ERR_ENTRY_MAC;
}

START_TEST(no_byte_can_be_changed)
{
  static const unsigned char flips[] = {0x01, 0x20, 0x80, 0xFF};
  struct kh_entry back;

  write_signed(KH_STR("{\"event\":\"build.finished\",\"build\":{}}"), KH_STR("build.finished"));
  size_t line_bytes = (size_t)((char *)memchr(bytes.at, '\n', bytes.len) - bytes.at) + 1;
  for (size_t i = 0; i < bytes.len; i++) {
    bytes.at[i] = (char)(bytes.at[i] ^ flips[_i]);
    enum kh_err err = open_bytes(kh_buf_view(&bytes), &back);
    ck_assert_msg(is_refusal(err), "byte %zu ^ %#x: %s", i, flips[_i], kh_err_token(err));
    ck_assert_msg(i < line_bytes || err == KH_ERR_ENTRY_MAC, "byte %zu of the body: %s", i,
                  kh_err_token(err));
    ck_assert_ptr_null(back.verified.by);
    bytes.at[i] = (char)(bytes.at[i] ^ flips[_i]);
  }
  ck_assert_int_eq(open_bytes(kh_buf_view(&bytes), &back), KH_OK);
}
END_TEST

START_TEST(no_byte_can_be_missing_or_added)
{
  struct kh_guard guard = {NULL, 0};
  struct kh_entry back;

  write_signed(KH_STR("{\"event\":\"ping\"}"), KH_STR("ping"));
  for (size_t len = 0; len < bytes.len; len++) {
    enum kh_err err = open_bytes(kh_guard_end(&guard, kh_str(bytes.at, len)), &back);
    ck_assert_msg(is_refusal(err), "cut at %zu: %s", len, kh_err_token(err));
    kh_guard_release(&guard);
  }
  for (size_t from = 1; from < bytes.len; from++)
    ck_assert(is_refusal(open_bytes(kh_str(bytes.at + from, bytes.len - from), &back)));
  (void)kh_buf_add_byte(&bytes, '\n');
  ck_assert_int_eq(open_bytes(kh_buf_view(&bytes), &back), KH_ERR_ENTRY_MAC);
  ck_assert(is_refusal(open_bytes(KH_NO_STR, &back)));
}
END_TEST

START_TEST(a_secret_that_is_gone_is_said_so)
{
  const struct kh_secret_list none = {.count = 0};
  struct kh_diag diag = {.err = KH_OK};
  struct kh_entry back;

  write_signed(KH_STR("{}"), KH_NO_STR);
  ck_assert_int_eq(kh_entry_open(kh_buf_view(&bytes), &none, &none, &event_text, &back, &diag),
                   KH_ERR_ENTRY_SECRET_GONE);
  ck_assert_int_eq(diag.err, KH_ERR_ENTRY_SECRET_GONE);
  ck_assert_ptr_null(strstr(diag.text, "planted"));
  /* The same name and value under the other kind is another secret. */
  ck_assert_int_eq(kh_entry_open(kh_buf_view(&bytes), &none, &config->signatures, &event_text, &back, NULL),
                   KH_ERR_ENTRY_SECRET_GONE);
  /* The name under another value: nobody can tell a rotation in place from a forgery. */
  ck_assert_int_eq(kh_secret_set(&config->signatures.at[1].secret, KH_STR("another value")), KH_OK);
  ck_assert_int_eq(open_bytes(kh_buf_view(&bytes), &back), KH_ERR_ENTRY_MAC);
}
END_TEST

#define HEAD "{\"v\":1,\"received_us\":1700000000123456,\"request_id\":\"abc\",\"transport\":\"cgi\""
#define PROVEN \
  ",\"proof\":\"signature\",\"secret\":\"current\",\"timestamp_s\":1700000000,\"signature\":\"" HEX64 "\""
#define HEX64 "386d45f4048c9d11a1f9b77db99c1abe14e27358fe720c86268432946240eaae"

/* Lines without their mac; each is sealed with the right secret, so that only its form is wrong. */
static const struct {
  const char *name;
  const char *line;
  enum kh_err err;
} sealed[] = {
    {"as it should be", HEAD PROVEN "}", KH_OK},
    {"with an event", HEAD PROVEN ",\"event\":\"ping\"}", KH_OK},
    {"another version", "{\"v\":2" PROVEN ",\"received_us\":1,\"request_id\":\"a\",\"transport\":\"cgi\"}",
     KH_ERR_ENTRY_MALFORMED},
    {"no version", "{\"received_us\":1,\"request_id\":\"a\",\"transport\":\"cgi\"" PROVEN "}",
     KH_ERR_ENTRY_MALFORMED},
    {"no proof", HEAD ",\"secret\":\"current\"}", KH_ERR_ENTRY_MALFORMED},
    {"an unknown proof", HEAD ",\"proof\":\"password\",\"secret\":\"current\"}", KH_ERR_ENTRY_MALFORMED},
    {"no timestamp", HEAD ",\"proof\":\"signature\",\"secret\":\"current\",\"signature\":\"" HEX64 "\"}",
     KH_ERR_ENTRY_MALFORMED},
    {"no signature", HEAD ",\"proof\":\"signature\",\"secret\":\"current\",\"timestamp_s\":1}",
     KH_ERR_ENTRY_MALFORMED},
    {"a long signature",
     HEAD ",\"proof\":\"signature\",\"secret\":\"current\",\"timestamp_s\":1,\"signature\":\"" HEX64 "0\"}",
     KH_ERR_ENTRY_MALFORMED},
    {"time as text", "{\"v\":1,\"received_us\":\"1\",\"request_id\":\"a\",\"transport\":\"cgi\"" PROVEN "}",
     KH_ERR_ENTRY_MALFORMED},
    {"no time", "{\"v\":1,\"request_id\":\"a\",\"transport\":\"cgi\"" PROVEN "}", KH_ERR_ENTRY_MALFORMED},
    {"no request id", "{\"v\":1,\"received_us\":1,\"transport\":\"cgi\"" PROVEN "}", KH_ERR_ENTRY_MALFORMED},
    {"a long request id",
     "{\"v\":1,\"received_us\":1,\"request_id\":\"" HEX64 "0\",\"transport\":\"cgi\"" PROVEN "}",
     KH_ERR_ENTRY_MALFORMED},
    {"a long transport",
     "{\"v\":1,\"received_us\":1,\"request_id\":\"a\",\"transport\":\"01234567890123456\"" PROVEN "}",
     KH_ERR_ENTRY_MALFORMED},
    {"no transport", "{\"v\":1,\"received_us\":1,\"request_id\":\"a\"" PROVEN "}", KH_ERR_ENTRY_MALFORMED},
    {"an unknown secret",
     HEAD ",\"proof\":\"signature\",\"secret\":\"nobody\",\"timestamp_s\":1,\"signature\":\"" HEX64 "\"}",
     KH_ERR_ENTRY_SECRET_GONE},
    {"a secret of the other kind", HEAD ",\"proof\":\"token\",\"secret\":\"current\"}",
     KH_ERR_ENTRY_SECRET_GONE},
    {"a key twice", HEAD PROVEN ",\"v\":1}", KH_ERR_ENTRY_MALFORMED},
    {"no JSON", "{\"v\":1,}", KH_ERR_ENTRY_MALFORMED},
    {"no object", "[1}", KH_ERR_ENTRY_MALFORMED},
    {"broken UTF-8", HEAD PROVEN ",\"event\":\"\xFF\"}", KH_ERR_ENTRY_MALFORMED},
};

START_TEST(a_sealed_line_must_have_the_form)
{
  const struct kh_str line = kh_str_of(sealed[_i].line);
  const struct kh_str body = KH_STR("{\"event\":\"ping\"}");
  char hex[KH_HEX_BYTES];
  struct kh_entry back;

  seal(line, body, KH_STR(KH_TEST_CURRENT), hex);
  (void)kh_buf_printf(&bytes, "%.*s,\"mac\":\"%s\"}\n", (int)line.len - 1, line.at, hex);
  (void)kh_buf_add(&bytes, body);
  enum kh_err err = open_bytes(kh_buf_view(&bytes), &back);
  ck_assert_msg(err == sealed[_i].err, "%s: %s", sealed[_i].name, kh_err_token(err));
}
END_TEST

START_TEST(the_mac_is_read_strictly)
{
  const struct kh_str line = KH_STR(HEAD PROVEN "}");
  const char *const forms[] = {"%.*s,\"mac\":\"%.63s\"}\n", "%.*s,\"mac\":\"%s0\"}\n",
                               "%.*s,\"mac\": \"%s\"}\n",   "%.*s,\"mac\":\"%s\",\"x\":1}\n",
                               "%.*s,\"MAC\":\"%s\"}\n",    "%.*s,\"mac\":\"%s\"} \n",
                               "%.*s,\"mac\":\"%s\"}\r\n"};
  char hex[KH_HEX_BYTES];
  struct kh_entry back;

  seal(line, KH_STR("{}"), KH_STR(KH_TEST_CURRENT), hex);
  for (size_t i = 0; i < KH_COUNT(forms); i++) {
    char text[1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof text, forms[i], (int)line.len - 1, line.at, hex);
#pragma GCC diagnostic pop
    kh_buf_clear(&bytes);
    (void)kh_buf_printf(&bytes, "%s{}", text);
    ck_assert_msg(is_refusal(open_bytes(kh_buf_view(&bytes), &back)), "%s", text);
  }
  for (size_t i = 0; i < sizeof hex; i++)
    hex[i] = (char)(hex[i] >= 'a' && hex[i] <= 'f' ? hex[i] - 'a' + 'A' : hex[i]);
  kh_buf_clear(&bytes);
  (void)kh_buf_printf(&bytes, "%.*s,\"mac\":\"%s\"}\n{}", (int)line.len - 1, line.at, hex);
  ck_assert(is_refusal(open_bytes(kh_buf_view(&bytes), &back)));
}
END_TEST

/* A line over the limit, though well sealed. */
START_TEST(a_long_line_is_refused)
{
  struct kh_buf line;
  char hex[KH_HEX_BYTES];
  struct kh_entry back;

  kh_buf_init(&line, 8192);
  (void)kh_buf_printf(&line, "%s%s,\"event\":\"%02000d\"}", HEAD, PROVEN, 0);
  seal(kh_buf_view(&line), KH_STR("{}"), KH_STR(KH_TEST_CURRENT), hex);
  (void)kh_buf_printf(&bytes, "%.*s,\"mac\":\"%s\"}\n{}", (int)line.len - 1, kh_buf_text(&line), hex);
  ck_assert_int_eq(open_bytes(kh_buf_view(&bytes), &back), KH_ERR_ENTRY_MALFORMED);
  kh_buf_release(&line);
}
END_TEST

static Suite *entry_suite(void)
{
  Suite *suite = suite_create("entry");
  TCase *entry = kh_test_case(suite, "entry");

  tcase_add_checked_fixture(entry, open_entry, close_entry);
  tcase_add_test(entry, the_line_has_the_documented_form);
  tcase_add_test(entry, the_mac_is_the_documented_one);
  tcase_add_test(entry, no_secret_is_written);
  tcase_add_loop_test(entry, an_entry_comes_back_as_it_was, 0, (int)KH_COUNT(rounds));
  tcase_add_loop_test(entry, a_hostile_event_header_is_kept_or_refused, 0, (int)KH_COUNT(hostile));
  tcase_add_loop_test(entry, a_long_event_header_is_kept_or_refused, 0, 5);
  tcase_add_test(entry, freshness_is_never_checked);
  tcase_add_loop_test(entry, no_byte_can_be_changed, 0, 4);
  tcase_add_test(entry, no_byte_can_be_missing_or_added);
  tcase_add_test(entry, a_secret_that_is_gone_is_said_so);
  tcase_add_loop_test(entry, a_sealed_line_must_have_the_form, 0, (int)KH_COUNT(sealed));
  tcase_add_test(entry, the_mac_is_read_strictly);
  tcase_add_test(entry, a_long_line_is_refused);
  return suite;
}

int main(void)
{
  return kh_test_main(entry_suite());
}
