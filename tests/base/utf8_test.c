/* Characters: against iconv, which is the C library's. */
#include "base/base.h"

#include "base/utf8.h"
#include "support/suite.h"

#include <ctype.h>
#include <iconv.h>

enum { LAST = 0x10FFFF };

/* C as iconv writes it; 0 bytes for what is no character. */
static size_t written_by_iconv(iconv_t to_utf8, uint32_t c, char out[KH_UTF8_MAX_BYTES])
{
  char *from = (char *)&c;
  char *to = out;
  size_t from_len = sizeof c;
  size_t room = KH_UTF8_MAX_BYTES;

  (void)iconv(to_utf8, NULL, NULL, NULL, NULL);
  return iconv(to_utf8, &from, &from_len, &to, &room) == (size_t)-1 ? 0 : KH_UTF8_MAX_BYTES - room;
}

START_TEST(every_character_is_written_and_read_as_iconv_does)
{
  iconv_t to_utf8 = iconv_open("UTF-8", __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "UTF-32LE" : "UTF-32BE");
  size_t characters = 0;

  ck_assert(to_utf8 != (iconv_t)-1);
  for (uint32_t c = 0; c <= LAST; c++) {
    char expected[KH_UTF8_MAX_BYTES], ours[KH_UTF8_MAX_BYTES];
    size_t len = written_by_iconv(to_utf8, c, expected);
    struct kh_str text = kh_str(expected, len);

    if (len == 0)
      continue;
    characters++;
    if (kh_utf8_encode(c, ours) != len || memcmp(ours, expected, len) != 0 || kh_utf8_take(&text) != c ||
        text.len != 0)
      ck_abort_msg("U+%04X", c);
  }
  ck_assert_uint_eq(characters, LAST + 1 - 0x800); /* without the surrogates */
  (void)iconv_close(to_utf8);
}
END_TEST

START_TEST(what_is_not_utf8_is_replaced_byte_by_byte)
{
  static const char *const wrong[] = {
      "\x80", "\xC3", "\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x82\x82\xAC"};

  for (size_t i = 0; i < KH_COUNT(wrong); i++) {
    struct kh_str text = kh_str_of(wrong[i]);

    for (size_t left = text.len; left > 0; left--) {
      ck_assert_uint_eq(kh_utf8_take(&text), KH_UTF8_REPLACEMENT);
      ck_assert_uint_eq(text.len, left - 1);
    }
  }
}
END_TEST

START_TEST(characters_are_counted_and_cut)
{
  const struct kh_str text = KH_STR("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\x89z");
  static const size_t bytes[] = {0, 1, 3, 6, 10, 11, 11};

  ck_assert_uint_eq(kh_utf8_count(text), 5);
  ck_assert_uint_eq(kh_utf8_count(KH_NO_STR), 0);
  for (size_t i = 0; i < KH_COUNT(bytes); i++)
    ck_assert_uint_eq(kh_utf8_bytes(text, i), bytes[i]);
}
END_TEST

/* isalnum and its like in the C locale, which every test runs in. */
START_TEST(classes_are_those_of_ascii)
{
  for (int byte = 0; byte < 256; byte++) {
    const char c = (char)byte;

    ck_assert_int_eq(kh_is_digit(c), isdigit(byte) != 0);
    ck_assert_int_eq(kh_is_letter(c), isalpha(byte) != 0);
    ck_assert_int_eq(kh_hex_digit(c) >= 0, isxdigit(byte) != 0);
    ck_assert_int_eq(kh_str_is_word(kh_str(&c, 1), "-."), isalnum(byte) || c == '-' || c == '.');
    ck_assert_int_eq(kh_str_is_of(kh_str(&c, 1), "0123456789abcdefABCDEF"), isxdigit(byte) != 0);
    ck_assert_int_eq(kh_str_is_ascii_from(kh_str(&c, 1), '!'), isgraph(byte) != 0);
    ck_assert_int_eq(kh_str_is_ascii_from(kh_str(&c, 1), ' '), isprint(byte) != 0);
  }
  ck_assert(!kh_str_is_of(KH_STR("12x4"), "1234") && !kh_str_is_ascii_from(KH_STR("ab c"), '!'));
  ck_assert(!kh_str_is_of(KH_STR(""), "x") && kh_str_is_ascii_from(KH_STR(""), '!'));
  ck_assert_int_eq(kh_hex_digit('7') * 10000 + kh_hex_digit('b') * 100 + kh_hex_digit('F'), 71115);
  ck_assert(!kh_str_is_word(KH_STR(""), "_"));
}
END_TEST

START_TEST(a_name_ends_where_a_variable_does)
{
  static const struct {
    const char *text;
    size_t len;
  } rows[] = {{"", 0}, {"_", 1}, {"A1_b.c", 4}, {"1A", 0}, {"A\xC3\xA4", 1}, {"PATH", 4}, {"-A", 0}};

  for (size_t i = 0; i < KH_COUNT(rows); i++)
    ck_assert_uint_eq(kh_str_name_length(kh_str_of(rows[i].text)), rows[i].len);
}
END_TEST

static Suite *utf8_suite(void)
{
  Suite *suite = suite_create("utf8");
  TCase *cases = kh_test_case(suite, "utf8");

  tcase_add_test(cases, every_character_is_written_and_read_as_iconv_does);
  tcase_add_test(cases, what_is_not_utf8_is_replaced_byte_by_byte);
  tcase_add_test(cases, characters_are_counted_and_cut);
  tcase_add_test(cases, classes_are_those_of_ascii);
  tcase_add_test(cases, a_name_ends_where_a_variable_does);
  return suite;
}

int main(void)
{
  return kh_test_main(utf8_suite());
}
