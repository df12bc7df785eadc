/* JSON put into a buffer piece by piece. The oracle for what a string and a number look like is jansson. */
#include "base/base.h"

#include "base/json_put.h"
#include "support/guard.h"
#include "support/suite.h"

#include <jansson.h>

#define REPLACED "\xEF\xBF\xBD"

enum { ROUNDS = 5000, PIECES_MAX = 40 };

static struct kh_buf out;

static void open_out(void)
{
  kh_buf_init(&out, 64 * 1024);
}

static void close_out(void)
{
  kh_buf_release(&out);
}

static void check_against_jansson(json_t *json)
{
  char *expected = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

  ck_assert_ptr_nonnull(expected);
  ck_assert_str_eq(kh_buf_text(&out), expected);
  free(expected);
  json_decref(json);
}

/* TEXT is UTF-8. It stands at the end of a page, so that no byte behind it is read. */
static void check_text(struct kh_str text)
{
  struct kh_guard guard = {0};

  kh_buf_clear(&out);
  kh_json_put_text(&out, kh_guard_end(&guard, text));
  ck_assert_int_eq(kh_buf_ok(&out), KH_OK);
  check_against_jansson(json_stringn(text.at, text.len));
  kh_guard_release(&guard);
}

START_TEST(each_ascii_character_is_written_as_jansson_does)
{
  for (int c = 0; c < 0x80; c++) {
    char text[] = {'a', (char)c, 'z'};

    check_text(kh_str(text, sizeof text));
    check_text(kh_str(text + 1, 1));
  }
  check_text(KH_STR(""));
}
END_TEST

START_TEST(any_text_is_written_as_jansson_does)
{
  static const struct kh_str pieces[] = {
      {"a", 1},
      {"\"", 1},
      {"\\", 1},
      {"\n", 1},
      {"\0", 1},
      {"\x1F", 1},
      {"\x7F", 1},
      {"/", 1},
      {"\xC3\xB6", 2},
      {"\xE2\x82\xAC", 3},
      {"\xF0\x9F\x98\x80", 4},
      {"a kite over the sea", 19},
      {"\xEF\xBF\xBF", 3},
  };
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  srandom(8259);
  for (int round = 0; round < ROUNDS; round++) {
    kh_buf_clear(&text);
    for (long count = random() % PIECES_MAX; count > 0; count--)
      (void)kh_buf_add(&text, pieces[random() % (long)KH_COUNT(pieces)]);
    check_text(kh_buf_view(&text));
  }
  kh_buf_release(&text);
}
END_TEST

START_TEST(what_is_not_utf8_is_replaced_byte_by_byte)
{
  static const struct {
    struct kh_str given;
    const char *expected;
  } texts[] = {
      {{"\x80", 1}, "\"" REPLACED "\""},
      {{"a\xC3", 2}, "\"a" REPLACED "\""},
      {{"\xC3(", 2}, "\"" REPLACED "(\""},
      {{"\xE2\x82", 2}, "\"" REPLACED REPLACED "\""},
      {{"\xED\xA0\x80", 3}, "\"" REPLACED REPLACED REPLACED "\""},
      {{"\xFF\xC3\xB6\"", 4}, "\"" REPLACED "\xC3\xB6\\\"\""},
  };

  for (size_t i = 0; i < KH_COUNT(texts); i++) {
    kh_buf_clear(&out);
    kh_json_put_text(&out, texts[i].given);
    ck_assert_str_eq(kh_buf_text(&out), texts[i].expected);
  }
  kh_buf_clear(&out);
  kh_json_put_text(&out, KH_NO_STR);
  ck_assert_str_eq(kh_buf_text(&out), "\"\"");
}
END_TEST

START_TEST(integers_are_written_as_jansson_does)
{
  static const int64_t edges[] = {
      0, 1, -1, 9, 10, -10, 99, INT64_MAX, INT64_MIN, INT32_MAX, INT64_MIN + 1, 1700000000123};

  srandom(8259);
  for (int round = 0; round < ROUNDS; round++) {
    int64_t bits = (int64_t)((uint64_t)random() << 33 ^ (uint64_t)random() << 3);
    int64_t number = round < (int)KH_COUNT(edges) ? edges[round] : bits >> random() % 63;

    kh_buf_clear(&out);
    kh_json_put_int(&out, number);
    check_against_jansson(json_integer(number));
  }
}
END_TEST

START_TEST(members_are_parted_by_commas)
{
  (void)kh_buf_add_byte(&out, '{');
  kh_json_put_text_member(&out, "text", KH_STR("{"));
  kh_json_put_int_member(&out, "number", -7);
  kh_json_put_bool_member(&out, "yes", true);
  kh_json_put_bool_member(&out, "no", false);
  kh_json_put_key(&out, "inner");
  (void)kh_buf_add_byte(&out, '{');
  kh_json_put_text_member(&out, "empty", KH_STR(""));
  (void)kh_buf_add(&out, KH_STR("}}"));
  ck_assert_int_eq(kh_buf_ok(&out), KH_OK);
  ck_assert_str_eq(kh_buf_text(&out),
                   "{\"text\":\"{\",\"number\":-7,\"yes\":true,\"no\":false,\"inner\":{\"empty\":\"\"}}");
}
END_TEST

START_TEST(a_full_buffer_fails_as_a_whole)
{
  static const char whole[] = "{\"a\":\"\\u0001\xC3\xB6\",\"b\":12}";

  for (size_t max = 0; max <= sizeof whole - 1; max++) {
    struct kh_buf small;

    kh_buf_init(&small, max);
    (void)kh_buf_add_byte(&small, '{');
    kh_json_put_text_member(&small, "a", KH_STR("\x01\xC3\xB6"));
    kh_json_put_int_member(&small, "b", 12);
    (void)kh_buf_add_byte(&small, '}');
    ck_assert_int_eq(kh_buf_ok(&small), max < sizeof whole - 1 ? KH_ERR_LIMIT : KH_OK);
    ck_assert_str_eq(kh_buf_text(&small), max < sizeof whole - 1 ? "" : whole);
    kh_buf_release(&small);
  }
}
END_TEST

static Suite *json_put_suite(void)
{
  Suite *suite = suite_create("json_put");
  TCase *all = kh_test_case(suite, "put");

  tcase_add_checked_fixture(all, open_out, close_out);
  tcase_add_test(all, each_ascii_character_is_written_as_jansson_does);
  tcase_add_test(all, any_text_is_written_as_jansson_does);
  tcase_add_test(all, what_is_not_utf8_is_replaced_byte_by_byte);
  tcase_add_test(all, integers_are_written_as_jansson_does);
  tcase_add_test(all, members_are_parted_by_commas);
  tcase_add_test(all, a_full_buffer_fails_as_a_whole);
  return suite;
}

int main(void)
{
  return kh_test_main(json_put_suite());
}
