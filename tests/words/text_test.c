#include "base/base.h"

#include "support/guard.h"
#include "support/suite.h"
#include "words/text.h"

/* ---- one line of plain text ---- */

static const struct {
  const char *rule;
  struct kh_str text;
  size_t max;
  const char *line;
} lines[] = {
    {"plain text stays", {"Fix the thing", 13}, 50, "Fix the thing"},
    {"nothing gives nothing", {"", 0}, 50, ""},
    {"an absent text gives nothing", {NULL, 0}, 50, ""},
    {"the first line only", {"one\ntwo", 7}, 50, "one"},
    {"CRLF ends a line", {"one\r\ntwo", 8}, 50, "one"},
    {"a lone CR ends a line", {"one\rtwo", 7}, 50, "one"},
    {"VT and FF end a line", {"one\vtwo", 7}, 50, "one"},
    {"VT and FF end a line", {"one\ftwo", 7}, 50, "one"},
    {"NEL ends a line", {"one\xC2\x85two", 8}, 50, "one"},
    {"U+2028 ends a line", {"one\xE2\x80\xA8two", 9}, 50, "one"},
    {"U+2029 ends a line", {"one\xE2\x80\xA9two", 9}, 50, "one"},
    {"leading blank lines are skipped", {"\r\n \t\n\nthree", 11}, 50, "three"},
    {"only blanks give nothing", {" \t\r\n ", 5}, 50, ""},
    {"blanks at both ends go", {"  one  \n", 8}, 50, "one"},
    {"runs of blanks become one", {"a \t  b", 6}, 50, "a b"},
    {"control characters go", {"a\x01\x1B[31mb\x7F", 9}, 50, "a[31mb"},
    {"NUL goes", {"a\0b", 3}, 50, "ab"},
    {"C1 controls go", {"a\xC2\x9Bq\xC2\x80", 6}, 50, "aq"},
    {"only controls give nothing", {"\x01\x02\n\x03", 4}, 50, ""},
    {"bidi overrides go",
     {"a\xE2\x80\xAE"
      "cba\xE2\x80\xAC",
      10},
     50,
     "acba"},
    {"bidi isolates go",
     {"\xE2\x81\xA6"
      "a\xE2\x81\xA9",
      7},
     50,
     "a"},
    {"direction marks go",
     {"\xE2\x80\x8F"
      "a\xE2\x80\x8E\xD8\x9C",
      9},
     50,
     "a"},
    {"right-to-left text stays", {"\xD7\xA9\xD7\x9C", 4}, 50, "\xD7\xA9\xD7\x9C"},
    {"zero-width spaces and BOMs go",
     {"\xEF\xBB\xBF"
      "a\xE2\x80\x8B"
      "b",
      8},
     50,
     "ab"},
    {"joiners stay: emoji and Persian need them",
     {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB\xE2\x80\x8C", 14},
     50,
     "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB\xE2\x80\x8C"},
    {"characters of all lengths stay",
     {"z\xC3\xBC\xE2\x9C\x93\xF0\x9F\xAA\x81", 10},
     50,
     "z\xC3\xBC\xE2\x9C\x93\xF0\x9F\xAA\x81"},
    {"the largest character stays", {"\xF4\x8F\xBF\xBF", 4}, 50, "\xF4\x8F\xBF\xBF"},
    {"U+FFFD stays", {"a\xEF\xBF\xBD", 4}, 50, "a\xEF\xBF\xBD"},
    {"a stray byte becomes U+FFFD",
     {"a\xFF"
      "b",
      3},
     50,
     "a\xEF\xBF\xBD"
     "b"},
    {"a cut character becomes U+FFFD", {"a\xE2\x9C", 3}, 50, "a\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"a lead without its followers",
     {"\xC3"
      "a",
      2},
     50,
     "\xEF\xBF\xBD"
     "a"},
    {"overlong forms are no characters", {"\xC0\xBC", 2}, 50, "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"overlong forms are no characters", {"\xE0\x80\xBC", 3}, 50, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"encoded surrogates are no characters", {"\xED\xA0\x80", 3}, 50, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"over U+10FFFF are no characters",
     {"\xF4\x90\x80\x80", 4},
     50,
     "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"markup is nobody's business here", {"<!channel> *b* `c` :x:", 22}, 50, "<!channel> *b* `c` :x:"},

    {"as long as allowed", {"abcde", 5}, 5, "abcde"},
    {"one too long", {"abcdef", 6}, 5, "abcd…"},
    {"much too long", {"abcdefghij", 10}, 5, "abcd…"},
    {"what is dropped does not count",
     {"abc\x01\x02\x03"
      "de\n",
      9},
     5,
     "abcde"},
    {"white space at the end does not count", {"abcde   ", 8}, 5, "abcde"},
    {"the next line does not count", {"abcde\nf", 7}, 5, "abcde"},
    {"a cut in front of a blank", {"abcd efgh", 9}, 5, "abcd…"},
    {"a cut behind a blank", {"abc efgh", 8}, 5, "abc …"},
    {"characters count, not bytes", {"\xC3\xA4\xC3\xB6\xC3\xBC", 6}, 3, "\xC3\xA4\xC3\xB6\xC3\xBC"},
    {"a cut is between characters", {"\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", 8}, 3, "\xC3\xA4\xC3\xB6…"},
    {"at least the ellipsis", {"ab", 2}, 1, "…"},
    {"one character of one", {"a", 1}, 1, "a"},
};

START_TEST(line_is_made)
{
  struct kh_guard guard;
  struct kh_buf out;
  struct kh_str text = lines[_i].text.at ? kh_guard_end(&guard, lines[_i].text) : KH_NO_STR;

  kh_buf_init(&out, 8 + 4 * lines[_i].max);
  (void)kh_buf_add(&out, KH_STR("before "));
  kh_text_line(text, lines[_i].max, &out);
  ck_assert_int_eq(kh_buf_ok(&out), KH_OK);
  ck_assert_msg(strcmp(kh_buf_text(&out) + 7, lines[_i].line) == 0, "%s: \"%s\"", lines[_i].rule,
                kh_buf_text(&out) + 7);
  ck_assert_uint_eq(out.len, 7 + strlen(lines[_i].line));
  kh_buf_release(&out);
  if (lines[_i].text.at)
    kh_guard_release(&guard);
}
END_TEST

START_TEST(line_keeps_its_promise_of_bytes)
{
  enum { CHARACTERS = 1000, MAX = 100 };
  struct kh_buf text;
  struct kh_buf out;

  kh_buf_init(&text, 4 * CHARACTERS);
  for (int i = 0; i < CHARACTERS; i++)
    (void)kh_buf_add(&text, KH_STR("\xF0\x9F\xAA\x81"));
  kh_buf_init(&out, 4 * MAX);
  kh_text_line(kh_buf_view(&text), MAX, &out);
  ck_assert_int_eq(kh_buf_ok(&out), KH_OK);
  ck_assert_uint_eq(out.len, 4 * (MAX - 1) + 3);
  kh_buf_release(&out);

  kh_buf_init(&out, 10); /* and where there is no room, the buffer says so */
  kh_text_line(kh_buf_view(&text), MAX, &out);
  ck_assert_int_eq(kh_buf_ok(&out), KH_ERR_LIMIT);
  kh_buf_release(&out);
  kh_buf_release(&text);
}
END_TEST

/* ---- states ---- */

START_TEST(every_documented_state_has_words)
{
  /* buildkite/docs: _build_states.md and the REST pages of builds and jobs. */
  static const char *const documented[] = {
      "creating",  "scheduled",        "running",           "passed",          "failing",
      "failed",    "blocked",          "canceling",         "canceled",        "skipped",
      "not_run",   "pending",          "waiting",           "waiting_failed",  "blocked_failed",
      "unblocked", "unblocked_failed", "limiting",          "limited",         "reserved",
      "assigned",  "accepted",         "finished",          "expired",         "timing_out",
      "timed_out", "broken",           "platform_limiting", "platform_limited"};

  for (size_t i = 0; i < KH_COUNT(documented); i++)
    ck_assert_msg(kh_text_state(kh_str_of(documented[i])) != NULL, "%s", documented[i]);
  ck_assert_ptr_null(kh_text_state(KH_STR("frobnicating")));
  ck_assert_ptr_null(kh_text_state(KH_STR("Passed")));
  ck_assert_ptr_null(kh_text_state(KH_NO_STR));
}
END_TEST

static Suite *text_suite(void)
{
  Suite *suite = suite_create("text");
  TCase *text = kh_test_case(suite, "text");

  tcase_add_loop_test(text, line_is_made, 0, (int)KH_COUNT(lines));
  tcase_add_test(text, line_keeps_its_promise_of_bytes);
  tcase_add_test(text, every_documented_state_has_words);
  return suite;
}

int main(void)
{
  return kh_test_main(text_suite());
}
