#include "base/base.h"

#include "base/buf.h"
#include "base/url.h"
#include "support/guard.h"
#include "support/suite.h"

#define ck_assert_text(got, want) \
  ck_assert_msg(kh_str_equal((got), kh_str_of(want)), "got \"%.*s\", want \"%s\"", KH_FMT(got), (want))

/* ---- str ---- */

START_TEST(str_of_null_is_absent)
{
  ck_assert_ptr_null(kh_str_of(NULL).at);
  ck_assert_uint_eq(kh_str_of(NULL).len, 0);
  ck_assert(kh_str_equal(kh_str_of(NULL), KH_STR("")));
  ck_assert(!kh_str_equal(KH_STR("a"), KH_STR("b")));
  ck_assert(!kh_str_equal(KH_STR("a"), KH_STR("ab")));
  ck_assert(kh_str_equal(kh_str("a\0b", 3), kh_str("a\0b", 3)));
  ck_assert(!kh_str_equal(kh_str("a\0b", 3), kh_str("a\0c", 3)));
}
END_TEST

START_TEST(str_equal_nocase_knows_only_ascii_letters)
{
  ck_assert(kh_str_equal_nocase(KH_STR("X-BuildKite-Token"), KH_STR("x-buildkite-tOKEN")));
  ck_assert(!kh_str_equal_nocase(KH_STR("a"), KH_STR("ab")));
  for (int a = 0; a < 256; a++)
    for (int b = 0; b < 256; b++) {
      char left = (char)a;
      char right = (char)b;
      bool letters = (a | 32) >= 'a' && (a | 32) <= 'z' && (a | 32) == (b | 32);

      ck_assert_int_eq(kh_str_equal_nocase(kh_str(&left, 1), kh_str(&right, 1)), a == b || letters);
    }
}
END_TEST

START_TEST(str_starts_and_ends)
{
  ck_assert(kh_str_starts(KH_STR("build.x"), KH_STR("build.")));
  ck_assert(kh_str_starts(KH_STR("build."), KH_STR("build.")));
  ck_assert(!kh_str_starts(KH_STR("build"), KH_STR("build.")));
  ck_assert(kh_str_starts(KH_NO_STR, KH_STR("")));
  ck_assert(kh_str_ends(KH_STR("a.b"), KH_STR(".b")));
  ck_assert(!kh_str_ends(KH_STR("b"), KH_STR(".b")));
  ck_assert(kh_str_ends(KH_NO_STR, KH_NO_STR));
}
END_TEST

START_TEST(str_trim_takes_spaces_and_tabs)
{
  ck_assert_text(kh_str_trim(KH_STR(" \t a b\t ")), "a b");
  ck_assert_text(kh_str_trim(KH_STR("\na\n")), "\na\n");
  ck_assert_text(kh_str_trim(KH_STR(" \t ")), "");
  ck_assert_text(kh_str_trim(KH_NO_STR), "");
}
END_TEST

START_TEST(str_cut_walks_to_the_absent_string)
{
  struct kh_str rest = KH_STR("a,,b,");
  const char *const want[] = {"a", "", "b", ""};

  for (size_t i = 0; i < KH_COUNT(want); i++) {
    ck_assert_ptr_nonnull(rest.at);
    ck_assert_text(kh_str_cut(&rest, ','), want[i]);
  }
  ck_assert_ptr_null(rest.at);

  rest = KH_STR("");
  ck_assert_text(kh_str_cut(&rest, ','), "");
  ck_assert_ptr_null(rest.at);
}
END_TEST

static const struct {
  const char *text;
  bool good_u64, good_i64;
  uint64_t u64;
  int64_t i64;
} numbers[] = {
    {"0", true, true, 0, 0},
    {"007", true, true, 7, 7},
    {"1700000000", true, true, 1700000000, 1700000000},
    {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
    {"9223372036854775808", true, false, UINT64_C(9223372036854775808), 0},
    {"-9223372036854775808", false, true, 0, INT64_MIN},
    {"-9223372036854775809", false, false, 0, 0},
    {"18446744073709551615", true, false, UINT64_MAX, 0},
    {"18446744073709551616", false, false, 0, 0},
    {"184467440737095516150", false, false, 0, 0},
    {"-1", false, true, 0, -1},
    {"-0", false, true, 0, 0},
    {"--1", false, false, 0, 0},
    {"-", false, false, 0, 0},
    {"", false, false, 0, 0},
    {"+1", false, false, 0, 0},
    {" 1", false, false, 0, 0},
    {"1 ", false, false, 0, 0},
    {"1.0", false, false, 0, 0},
    {"0x1", false, false, 0, 0},
    {"1e3", false, false, 0, 0},
    {"\xD9\xA1", false, false, 0, 0},
};

START_TEST(str_numbers)
{
  struct kh_guard guard = {NULL, 0};
  struct kh_str text = kh_guard_end(&guard, kh_str_of(numbers[_i].text));
  uint64_t u64 = 0;
  int64_t i64 = 0;

  ck_assert_int_eq(kh_str_u64(text, &u64), numbers[_i].good_u64);
  ck_assert_int_eq(kh_str_i64(text, &i64), numbers[_i].good_i64);
  if (numbers[_i].good_u64)
    ck_assert_uint_eq(u64, numbers[_i].u64);
  if (numbers[_i].good_i64)
    ck_assert_int_eq(i64, numbers[_i].i64);
  kh_guard_release(&guard);
}
END_TEST

START_TEST(str_utf8_cut_keeps_characters_whole)
{
  /* 1, 2, 3 and 4 bytes: the good cuts are 0 1 3 6 10. */
  const struct kh_str text = KH_STR("a\xC3\xB6\xE2\x9C\x93\xF0\x9F\xAA\x81");
  const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};

  for (size_t max = 0; max < KH_COUNT(want); max++)
    ck_assert_uint_eq(kh_str_utf8_cut(text, max), want[max]);
}
END_TEST

/* ---- buf ---- */

START_TEST(buf_grows_to_its_ceiling_and_no_further)
{
  struct kh_buf buf;

  kh_buf_init(&buf, 1000);
  ck_assert_str_eq(kh_buf_text(&buf), "");
  for (size_t i = 0; i < 1000; i++) {
    ck_assert_int_eq(kh_buf_add_byte(&buf, (char)('a' + i % 26)), KH_OK);
    ck_assert_uint_eq(buf.len, i + 1);
    ck_assert_int_eq(buf.at[i + 1], '\0');
  }
  ck_assert_int_eq(kh_buf_ok(&buf), KH_OK);
  ck_assert_int_eq(buf.at[999], (char)('a' + 999 % 26));

  ck_assert_int_eq(kh_buf_add_byte(&buf, 'x'), KH_ERR_LIMIT);
  ck_assert_int_eq(kh_buf_ok(&buf), KH_ERR_LIMIT);
  ck_assert_uint_eq(kh_buf_view(&buf).len, 0);
  ck_assert_str_eq(kh_buf_text(&buf), "");
  ck_assert_int_eq(kh_buf_add(&buf, KH_STR("")), KH_ERR_LIMIT);
  ck_assert_ptr_null(kh_buf_reserve(&buf, 0));

  kh_buf_clear(&buf);
  ck_assert_int_eq(kh_buf_add(&buf, KH_STR("again")), KH_OK);
  ck_assert_str_eq(kh_buf_text(&buf), "again");
  kh_buf_release(&buf);
  ck_assert_int_eq(kh_buf_add(&buf, KH_STR("after release")), KH_OK);
  kh_buf_release(&buf);
}
END_TEST

START_TEST(buf_refuses_sizes_that_wrap)
{
  struct kh_buf buf;

  kh_buf_init(&buf, 100);
  ck_assert_int_eq(kh_buf_add(&buf, KH_STR("ab")), KH_OK);
  ck_assert_ptr_null(kh_buf_reserve(&buf, SIZE_MAX));
  kh_buf_clear(&buf);
  ck_assert_ptr_null(kh_buf_reserve(&buf, SIZE_MAX - 1));
  kh_buf_clear(&buf);
  ck_assert_int_eq(kh_buf_add_hex(&buf, (const unsigned char *)"", SIZE_MAX / 2 + 1), KH_ERR_LIMIT);
  kh_buf_release(&buf);
}
END_TEST

START_TEST(buf_formats_and_writes_hex)
{
  const unsigned char bytes[] = {0x00, 0x0f, 0xf0, 0xff, 0x5a};
  struct kh_buf buf;

  kh_buf_init(&buf, 20);
  ck_assert_int_eq(kh_buf_printf(&buf, "%s-%d;", "a", 7), KH_OK);
  ck_assert_int_eq(kh_buf_add_hex(&buf, bytes, sizeof bytes), KH_OK);
  ck_assert_str_eq(kh_buf_text(&buf), "a-7;000ff0ff5a");
  ck_assert_int_eq(kh_buf_printf(&buf, "%s", "123456"), KH_OK);
  ck_assert_uint_eq(buf.len, 20);
  kh_buf_clear(&buf);
  ck_assert_int_eq(kh_buf_printf(&buf, "%s", "one too many, by one."), KH_ERR_LIMIT);
  ck_assert_int_eq(kh_buf_ok(&buf), KH_ERR_LIMIT);
  kh_buf_release(&buf);
}
END_TEST

START_TEST(buf_takes_a_reservation)
{
  struct kh_buf buf;

  kh_buf_init(&buf, 8);
  char *to = kh_buf_reserve(&buf, 8);
  ck_assert_ptr_nonnull(to);
  memcpy(to, "12345678", 8);
  buf.len += 8;
  ck_assert_str_eq(kh_buf_text(&buf), "12345678");
  ck_assert_int_eq(kh_buf_add(&buf, kh_str("\0", 1)), KH_ERR_LIMIT);
  kh_buf_release(&buf);
}
END_TEST

/* ---- err ---- */

START_TEST(err_table_is_whole)
{
  for (enum kh_err a = KH_OK; a < KH_ERR__COUNT; a++) {
    const char *token = kh_err_token(a);

    ck_assert_msg(token && *token, "error %d has no token", a);
    ck_assert_msg(strspn(token, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(token), "%s", token);
    ck_assert_int_ge(kh_err_status(a), 200);
    ck_assert_int_le(kh_err_status(a), 599);
    ck_assert_msg(a == KH_OK || kh_err_status(a) >= 400, "%s answers %d", token, kh_err_status(a));
    ck_assert_int_ge(kh_err_level(a), KH_DEBUG);
    ck_assert_int_le(kh_err_level(a), KH_ERROR);
    for (enum kh_err b = a + 1; b < KH_ERR__COUNT; b++)
      ck_assert_str_ne(token, kh_err_token(b));
  }
  ck_assert_str_eq(kh_err_token(KH_OK), "ok");
  ck_assert_int_eq(kh_err_status(KH_OK), 200);
  ck_assert_ptr_nonnull(kh_err_token(KH_ERR__COUNT));
  ck_assert_ptr_nonnull(kh_err_token((enum kh_err)9999));
  ck_assert_int_ge(kh_err_status((enum kh_err)9999), 500);
}
END_TEST

START_TEST(err_statuses_are_the_documented_ones)
{
  const struct {
    enum kh_err err;
    int status;
    const char *token;
  } rows[] = {
      {KH_ERR_METHOD, 405, "method_not_allowed"},
      {KH_ERR_MEDIA_TYPE, 415, "media_type_not_json"},
      {KH_ERR_TOO_LARGE, 413, "body_too_large"},
      {KH_ERR_CONTENT_LENGTH, 400, "content_length_malformed"},
      {KH_ERR_BODY_CUT, 400, "body_cut"},
      {KH_ERR_CREDENTIAL_REPEATED, 400, "credential_repeated"},
      {KH_ERR_EVENT_REPEATED, 400, "event_repeated"},
      {KH_ERR_JSON_SYNTAX, 400, "json_syntax"},
      {KH_ERR_INBOX_FULL, 503, "inbox_full"},
      {KH_ERR_NO_SPACE, 503, "no_space"},
      {KH_ERR_INBOX_IO, 503, "inbox_io"},
      {KH_ERR_STATE_OWNER, 503, "state_owner"},
      {KH_ERR_STATE_MODE, 503, "state_mode"},
      {KH_ERR_CONFIG, 500, "config"},
  };

  for (size_t i = 0; i < KH_COUNT(rows); i++) {
    ck_assert_int_eq(kh_err_status(rows[i].err), rows[i].status);
    ck_assert_str_eq(kh_err_token(rows[i].err), rows[i].token);
  }
  for (enum kh_err err = KH_OK; err < KH_ERR__COUNT; err++) {
    bool of_the_proof = err >= KH_ERR_CREDENTIAL_ABSENT && err <= KH_ERR_FUTURE;
    bool repeated = err == KH_ERR_CREDENTIAL_REPEATED || err == KH_ERR_EVENT_REPEATED;

    ck_assert_int_eq(kh_err_is_unverified(err), of_the_proof);
    if (of_the_proof)
      ck_assert_int_eq(kh_err_status(err), repeated ? 400 : 401);
    if (err >= KH_ERR_JSON_SYNTAX && err <= KH_ERR_EVENT_MISMATCH)
      ck_assert_int_eq(kh_err_status(err), 400);
  }
}
END_TEST

START_TEST(diag_keeps_the_first_error)
{
  struct kh_diag diag = {.err = KH_OK};
  char long_text[2000];

  memset(long_text, 'x', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  ck_assert_int_eq(kh_diag_set(&diag, KH_ERR_IO, "first %d", 1), KH_ERR_IO);
  ck_assert_int_eq(kh_diag_set(&diag, KH_ERR_LIMIT, "second"), KH_ERR_LIMIT);
  ck_assert_int_eq(diag.err, KH_ERR_IO);
  ck_assert_str_eq(diag.text, "first 1");
  ck_assert_int_eq(kh_diag_set(NULL, KH_ERR_LIMIT, "nobody listens"), KH_ERR_LIMIT);
  diag.err = KH_OK;
  ck_assert_int_eq(kh_diag_set(&diag, KH_ERR_IO, "%s", long_text), KH_ERR_IO);
  ck_assert_uint_eq(strlen(diag.text), sizeof diag.text - 1);
}
END_TEST

static const struct {
  int64_t seconds;
  const char *text;
} durations[] = {{-1, ""},           {0, "0s"},    {1, "1s"},       {59, "59s"},   {60, "1m"},
                 {3599, "59m 59s"},  {3600, "1h"}, {3605, "1h 5s"}, {86400, "1d"}, {90061, "1d 1h 1m 1s"},
                 {86400000, "1000d"}};

START_TEST(buf_writes_a_duration)
{
  struct kh_buf out;

  kh_buf_init(&out, 64);
  (void)kh_buf_add(&out, KH_STR("took "));
  kh_buf_add_duration(&out, durations[_i].seconds);
  ck_assert_str_eq(kh_buf_text(&out) + 5, durations[_i].text);
  kh_buf_release(&out);
}
END_TEST

static const struct {
  const char *value, *added;
} url_parts[] = {{"fix/#12-crash", "fix/%2312-crash"},
                 {"gr\xC3\xB6\xC3\x9F"
                  "e",
                  "gr%C3%B6%C3%9Fe"},
                 {"a?b=c&d e%20+", "a%3Fb%3Dc%26d%20e%2520%2B"},
                 {"a/../b", "a%2F..%2Fb"},
                 {"user@host:8080", "user%40host%3A8080"},
                 {"A-Z_a.z~9", "A-Z_a.z~9"},
                 {"", ""}};

START_TEST(url_takes_a_value)
{
  struct kh_buf out;

  kh_buf_init(&out, 64);
  kh_url_add(&out, kh_str_of(url_parts[_i].value));
  ck_assert_str_eq(kh_buf_text(&out), url_parts[_i].added);
  kh_buf_release(&out);
}
END_TEST

static const struct {
  const char *url;
  bool good;
} urls[] = {
    {"https://buildkite.com/acme/web/builds/7", true},
    {"https://buildkite.com/acme/web/builds/7#01a2-b3", true},
    {"http://ci.example:8080/x?a=b&c=d@e", true},
    {"https://h", true},
    {"https://[::1]/x", true},
    {"", false},
    {"https://", false},
    {"https:///x", false},
    {"buildkite.com/x", false},
    {"//buildkite.com/x", false},
    {"javascript:alert(1)", false},
    {"data:text/html,x", false},
    {"file:///etc/passwd", false},
    {"ftp://buildkite.com/x", false},
    {"slack://channel?id=1", false},
    {" https://buildkite.com/x", false},
    {"https://buildkite.com/x y", false},
    {"https://buildkite.com/x\ny", false},
    {"https://buildkite.com/x\x7F", false},
    {"https://buildkite.com/\xC3\xA9", false},
    {"https://buildkite.com/x|y", false},
    {"https://buildkite.com/x>y", false},
    {"https://buildkite.com/<x", false},
    {"https://buildkite.com/\"x", false},
    {"https://buildkite.com\\@evil.example/", false},
    {"https://user:word@buildkite.com/x", false},
    {"https://buildkite.com@evil.example/x", false},
};

START_TEST(link_is_judged)
{
  ck_assert_msg(kh_url_is_link(kh_str_of(urls[_i].url)) == urls[_i].good, "%s", urls[_i].url);
}
END_TEST

static Suite *base_suite(void)
{
  Suite *suite = suite_create("base");
  TCase *str = kh_test_case(suite, "str");
  TCase *buf = kh_test_case(suite, "buf");
  TCase *err = kh_test_case(suite, "err");

  tcase_add_test(str, str_of_null_is_absent);
  tcase_add_test(str, str_equal_nocase_knows_only_ascii_letters);
  tcase_add_test(str, str_starts_and_ends);
  tcase_add_test(str, str_trim_takes_spaces_and_tabs);
  tcase_add_test(str, str_cut_walks_to_the_absent_string);
  tcase_add_loop_test(str, str_numbers, 0, (int)KH_COUNT(numbers));
  tcase_add_test(str, str_utf8_cut_keeps_characters_whole);
  tcase_add_test(buf, buf_grows_to_its_ceiling_and_no_further);
  tcase_add_test(buf, buf_refuses_sizes_that_wrap);
  tcase_add_test(buf, buf_formats_and_writes_hex);
  tcase_add_test(buf, buf_takes_a_reservation);
  tcase_add_loop_test(buf, buf_writes_a_duration, 0, (int)KH_COUNT(durations));
  tcase_add_loop_test(buf, link_is_judged, 0, (int)KH_COUNT(urls));
  tcase_add_loop_test(buf, url_takes_a_value, 0, (int)KH_COUNT(url_parts));
  tcase_add_test(err, err_table_is_whole);
  tcase_add_test(err, err_statuses_are_the_documented_ones);
  tcase_add_test(err, diag_keeps_the_first_error);
  return suite;
}

int main(void)
{
  return kh_test_main(base_suite());
}
