#include "base/base.h"

#include "rules/branches.h"
#include "support/guard.h"
#include "support/suite.h"

#include <fnmatch.h>

struct row {
  const char *rule; /* which sentence of the grammar it shows */
  const char *patterns;
  const char *name;
  bool matches;
};

/* Known answers of the specification of branch patterns, all of them and in its order. */
static const struct row known_answers[] = {
    {"", "", "anything/at all", true},
    {"", "   ", "x", true},
    {"", "*", "a/b/c", true},
    {"", "trunk", "trunk", true},
    {"", "trunk", "trunk2", false},
    {"", "trunk", "my/trunk", false},
    {"", "trunk", "Trunk", false},
    {"", "trunk  dev", "dev", true},
    {"", "  dev\t", "dev", true},
    {"", "team/*", "team/a/b", true},
    {"", "team/*", "team/", true},
    {"", "team/*", "team", false},
    {"", "*-rc", "web-2-rc", true},
    {"", "*-rc", "-rc", true},
    {"", "*-rc", "web-rc1", false},
    {"", "r*.x", "r10.x", true},
    {"", "r*.x", "r10-x", false},
    {"", "a*b*c", "a--b-b--c", true},
    {"", "a*b*c", "a--c--b", false},
    {"", "!trunk", "dev", true},
    {"", "!trunk", "trunk", false},
    {"", "!trunk !stable", "stable", false},
    {"", "!wip/*", "wip/x/y", false},
    {"", "rel/* !rel/old-*", "rel/new", true},
    {"", "rel/* !rel/old-*", "rel/old-1", false},
    {"", "!rel/old-* rel/*", "rel/old-1", false},
    {"", "rel/* !rel/old-*", "trunk", false},
    {"", "trunk !trunk", "trunk", false},
    {"", "a.c", "abc", false},
    {"", "v[0-9]", "v1", false},
    {"", "jane:*", "jane:patch-1", true},
};

/* The examples on Buildkite's page, and each rule of the grammar from both sides. */
static const struct row table[] = {
    {"documented: one name", "main", "main", true},
    {"documented: one name", "main", "other", false},
    {"documented: not a name", "!production", "main", true},
    {"documented: not a name", "!production", "production", false},
    {"documented: name or prefix", "main features/*", "main", true},
    {"documented: name or prefix", "main features/*", "features/a/b", true},
    {"documented: name or prefix", "main features/*", "feature/a", false},
    {"documented: suffix", "*-test", "my-test", true},
    {"documented: suffix", "*-test", "my-tests", false},
    {"documented: all but one", "stages/* !stages/production", "stages/demo", true},
    {"documented: all but one", "stages/* !stages/production", "stages/production", false},
    {"documented: star inside", "v*.0", "v1.0", true},
    {"documented: star inside", "v*.0", "v1.1.0", true},
    {"documented: star inside", "v*.0", "v1.1", false},
    {"documented: versions but one", "v* !v1.*", "v2.0", true},
    {"documented: versions but one", "v* !v1.*", "v1.9", false},
    {"seen: only negatives", "!master !stable", "feature", true},
    {"seen: only negatives", "!master !stable", "stable", false},

    {"no pattern matches everything", "", "", true},
    {"no pattern matches everything", " \t\n\v\f\r ", "main", true},
    {"white space of every kind separates", "a\tb\nc\vd\fe\rf", "a", true},
    {"white space of every kind separates", "a\tb\nc\vd\fe\rf", "f", true},
    {"white space of every kind separates", "a\tb\nc\vd\fe\rf", "a\tb", false},
    {"other blanks are characters",
     "a\xC2\xA0"
     "b",
     "a", false},
    {"other blanks are characters",
     "a\xC2\xA0"
     "b",
     "a\xC2\xA0"
     "b",
     true},
    {"star is any run, none included", "a*", "a", true},
    {"star is any run, none included", "*", "", true},
    {"star crosses slashes", "a*z", "a/b/c/z", true},
    {"star may stand twice in a row", "a**z", "az", true},
    {"star may stand twice in a row", "**", "anything", true},
    {"stars at both ends", "*rel*", "my-rel-1", true},
    {"stars at both ends", "*rel*", "my-re-l", false},
    {"a glob covers the whole name", "*ab", "ab-ab", true},
    {"a glob covers the whole name", "ab*", "xab", false},
    {"prefix and suffix do not overlap", "aba*aba", "aba", false},
    {"prefix and suffix do not overlap", "aba*aba", "ababa", false},
    {"prefix and suffix do not overlap", "aba*aba", "abaaba", true},
    {"inner pieces do not overlap the suffix", "*ab*b", "ab", false},
    {"inner pieces do not overlap the suffix", "*ab*b", "abb", true},
    {"pieces keep their order", "*a*b*", "b-a", false},
    {"pieces keep their order", "*a*b*", "a-b", true},
    {"the first try of an inner piece may fail later", "*ab*abc", "ab-abab-abc", true},
    {"'.' is literal", "v1.0", "v1x0", false},
    {"'?' is literal", "v?", "v1", false},
    {"'?' is literal", "v?", "v?", true},
    {"'[' is literal", "[ab]", "a", false},
    {"'[' is literal", "[ab]", "[ab]", true},
    {"'\\' is literal", "a\\*", "a*", false},
    {"'\\' is literal", "a\\*", "a\\b", true},
    {"'+' is literal", "a+", "aa", false},
    {"'{' is literal", "{a,b}", "a", false},
    {"case counts", "Main", "main", false},
    {"bytes count, not characters", "gr\xC3\xBC*", "gr\xC3\xBCn", true},
    {"bytes count, not characters", "gr\xC3\xBC*", "gru\xCC\x88n", false},
    {"a later '!' is a character", "a!b", "a!b", true},
    {"a later '!' is a character", "a!b", "ab", false},
    {"a later '!' is a character", "!a!b", "a!b", false},
    {"order does not count", "!b a b", "b", false},
    {"order does not count", "a b !b", "a", true},
    {"some positive must match", "a b c", "d", false},
    {"no negative may match", "!a !b", "c", true},
    {"negative of everything", "!*", "a", false},
    {"positive everything, one negative", "* !a", "b", true},
    {"positive everything, one negative", "* !a", "a", false},
    {"an empty name is a name", "main", "", false},
    {"an empty name is a name", "!main", "", true},
    {"a name with blanks never equals a pattern", "a b", "a b", false},
    {"a name with blanks can match a star", "a*b", "a b", true},
};

static void check_row(const struct row *row)
{
  struct kh_guard patterns_guard;
  struct kh_guard name_guard;
  struct kh_diag diag = {0};
  struct kh_str patterns = kh_guard_end(&patterns_guard, kh_str_of(row->patterns));
  struct kh_str name = kh_guard_end(&name_guard, kh_str_of(row->name));

  ck_assert_int_eq(kh_branches_check(patterns, &diag), KH_OK);
  ck_assert_int_eq(diag.err, KH_OK);
  ck_assert_msg(kh_branches_match(patterns, name) == row->matches, "%s: \"%s\" on \"%s\" must %smatch",
                row->rule, row->patterns, row->name, row->matches ? "" : "not ");
  kh_guard_release(&name_guard);
  kh_guard_release(&patterns_guard);
}

START_TEST(known_answer_holds)
{
  check_row(&known_answers[_i]);
}
END_TEST

START_TEST(rule_holds)
{
  check_row(&table[_i]);
}
END_TEST

START_TEST(absent_texts_are_empty)
{
  ck_assert_int_eq(kh_branches_check(KH_NO_STR, NULL), KH_OK);
  ck_assert(kh_branches_match(KH_NO_STR, KH_STR("main")));
  ck_assert(kh_branches_match(KH_NO_STR, KH_NO_STR));
  ck_assert(kh_branches_match(KH_STR("*"), KH_NO_STR));
  ck_assert(kh_branches_match(KH_STR("**"), KH_NO_STR));
  ck_assert(!kh_branches_match(KH_STR("a*"), KH_NO_STR));
  ck_assert(!kh_branches_match(KH_STR("*a*"), KH_NO_STR));
}
END_TEST

START_TEST(nul_is_a_byte)
{
  ck_assert(kh_branches_match(KH_STR("a*b"), KH_STR("a\0b")));
  ck_assert(!kh_branches_match(KH_STR("a"), KH_STR("a\0b")));
}
END_TEST

/* ---- mistakes ---- */

static const struct {
  const char *patterns;
  unsigned column;
  const char *word; /* of the message */
} mistakes[] = {
    {"!", 1, "behind"},           {"!!a", 1, "only one"},   {"main !", 6, "behind"},
    {"main  ! dev", 7, "behind"}, {"a !!b", 3, "only one"}, {"!a !b !!", 7, "only one"},
    {"\t!\t", 2, "behind"},       {"!!", 1, "only one"},    {"a !!b !", 3, "only one"},
};

START_TEST(mistake_is_found)
{
  struct kh_diag diag = {0};
  struct kh_guard guard;
  struct kh_str patterns = kh_guard_end(&guard, kh_str_of(mistakes[_i].patterns));

  ck_assert_int_eq(kh_branches_check(patterns, NULL), KH_ERR_CONFIG);
  ck_assert_int_eq(kh_branches_check(patterns, &diag), KH_ERR_CONFIG);
  ck_assert_int_eq(diag.err, KH_ERR_CONFIG);
  ck_assert_msg(diag.column == mistakes[_i].column, "\"%s\": column %u", mistakes[_i].patterns, diag.column);
  ck_assert_ptr_nonnull(strstr(diag.text, mistakes[_i].word));
  kh_guard_release(&guard);
}
END_TEST

START_TEST(first_word_of_a_diag_stays)
{
  struct kh_diag diag = {.err = KH_ERR_IO, .column = 77, .text = "before"};

  ck_assert_int_eq(kh_branches_check(KH_STR("a !"), &diag), KH_ERR_CONFIG);
  ck_assert_int_eq(diag.err, KH_ERR_IO);
  ck_assert_uint_eq(diag.column, 77);
  ck_assert_str_eq(diag.text, "before");
}
END_TEST

/*
 * ---- against fnmatch(3), whose only special character is '*' too when nothing else of its is in the
 * alphabet ----
 */

/*
 * Text number NUMBER over the first LETTERS of ALPHABET, every length from 0 on; false when it is longer than
 * MAX.
 */
static bool nth_text(unsigned number, const char *alphabet, size_t max, char *text)
{
  unsigned letters = (unsigned)strlen(alphabet);
  size_t len = 0;

  while (number > 0 && len < max) {
    number--;
    text[len++] = alphabet[number % letters];
    number /= letters;
  }
  text[len] = '\0';
  return number == 0;
}

START_TEST(agrees_with_fnmatch)
{
  char glob[8];
  char name[8];
  unsigned compared = 0;
  unsigned matched = 0;

  for (unsigned g = 1; nth_text(g, "ab*", 6, glob); g++)
    for (unsigned n = 0; nth_text(n, "ab", 6, name); n++) {
      bool expected = fnmatch(glob, name, FNM_NOESCAPE) == 0;

      ck_assert_msg(kh_branches_match(kh_str_of(glob), kh_str_of(name)) == expected, "\"%s\" on \"%s\"", glob,
                    name);
      compared++;
      matched += expected;
    }
  ck_assert_uint_gt(compared, 100000);
  ck_assert_uint_gt(matched, 10000);
}
END_TEST

START_TEST(stays_linear)
{
  enum { NAME_BYTES = 1000 * 1000, STARS = 2000 };
  char *name = malloc(NAME_BYTES);
  char *glob = malloc(4 * STARS + 2);
  size_t len = 0;

  ck_assert_ptr_nonnull(name);
  ck_assert_ptr_nonnull(glob);
  memset(name, 'a', NAME_BYTES);
  for (size_t i = 0; i < STARS; i++) {
    memcpy(glob + len, "*aaa", 4);
    len += 4;
  }
  glob[len++] = 'b';
  ck_assert(!kh_branches_match(kh_str(glob, len), kh_str(name, NAME_BYTES)));
  glob[len - 1] = '*';
  ck_assert(kh_branches_match(kh_str(glob, len), kh_str(name, NAME_BYTES)));

  /* A long piece that nearly matches everywhere: naive search would need 10^11 steps. */
  memset(glob, 'a', 4 * STARS);
  glob[0] = '*';
  glob[4 * STARS - 1] = 'b';
  glob[4 * STARS] = '*';
  ck_assert(!kh_branches_match(kh_str(glob, 4 * STARS + 1), kh_str(name, NAME_BYTES)));
  free(glob);
  free(name);
}
END_TEST

static Suite *branches_suite(void)
{
  Suite *suite = suite_create("branches");
  TCase *match = kh_test_case(suite, "match");
  TCase *check = kh_test_case(suite, "check");
  TCase *oracle = kh_test_case(suite, "oracle");

  tcase_add_loop_test(match, known_answer_holds, 0, (int)KH_COUNT(known_answers));
  tcase_add_loop_test(match, rule_holds, 0, (int)KH_COUNT(table));
  tcase_add_test(match, absent_texts_are_empty);
  tcase_add_test(match, nul_is_a_byte);
  tcase_add_loop_test(check, mistake_is_found, 0, (int)KH_COUNT(mistakes));
  tcase_add_test(check, first_word_of_a_diag_stays);
  tcase_add_test(oracle, agrees_with_fnmatch);
  tcase_add_test(oracle, stays_linear);
  return suite;
}

int main(void)
{
  return kh_test_main(branches_suite());
}
