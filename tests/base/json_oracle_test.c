/*
 * The strict JSON reader against jansson: on a corpus made from RFC 8259, on every fixture's body, and on
 * mutations of small documents. Each text ends at a guard page, and once more starts behind one. Built a
 * second time with KH_JSON_PORTABLE.
 */
#include "base/base.h"

#include "base/file.h"
#include "support/command.h"
#include "support/guard.h"
#include "support/json_oracle.h"
#include "support/suite.h"
#include "support/tempdir.h"

#include <glob.h>

enum { MAX_FILE_BYTES = 1 << 24, MAX_MUTANT_BYTES = 512 };

/* Our verdict on TEXT. Ends the test when jansson's differs. */
static bool accepts(struct kh_str text, const char *name)
{
  char problem[KH_JSON_PROBLEM_BYTES];
  struct kh_guard begin = {0}, end = {0};
  bool accepted = false, again = false;

  ck_assert_msg(kh_json_agrees(kh_guard_end(&end, text), &accepted, problem), "%s: %s: %.*s", name, problem,
                KH_FMT(text));
  ck_assert_msg(kh_json_agrees(kh_guard_begin(&begin, text), &again, problem), "%s: %s: %.*s", name, problem,
                KH_FMT(text));
  ck_assert_int_eq(accepted, again);
  kh_guard_release(&begin);
  kh_guard_release(&end);
  return accepted;
}

static void read_file(const char *path, struct kh_buf *text)
{
  struct kh_diag diag = {0};

  kh_buf_init(text, MAX_FILE_BYTES);
  ck_assert_msg(kh_file_read(path, text, &diag) == KH_OK, "%s", diag.text);
}

static bool name_starts(const char *path, const char *prefix)
{
  return kh_str_starts(kh_str_of(strrchr(path, '/') + 1), kh_str_of(prefix));
}

/* The depth of these is a limit that the comparison does not have. */
static bool is_about_depth(const char *path)
{
  return name_starts(path, "i_refused_limits");
}

START_TEST(the_corpus_of_the_rfc)
{
  struct kh_tempdir dir = {{0}};
  struct kh_buf text;
  glob_t files = {0};
  char pattern[300];
  size_t good = 0, bad = 0;

  kh_tempdir_open(&dir);
  const char *const make[] = {"python3", KH_SOURCE_DIR "/tests/base/json_corpus.py", "make", dir.path, NULL};
  kh_buf_init(&text, MAX_FILE_BYTES);
  ck_assert_int_eq(kh_command(make, KH_NO_STR, &text), 0);
  kh_buf_release(&text);
  ck_assert_int_eq(glob(kh_tempdir_path(&dir, "*.json", pattern, sizeof pattern), GLOB_NOSORT, NULL, &files),
                   0);
  for (size_t i = 0; i < files.gl_pathc; i++) {
    const char *path = files.gl_pathv[i];
    bool wanted = name_starts(path, "y_") || name_starts(path, "i_accepted_") || is_about_depth(path);

    read_file(path, &text);
    ck_assert_msg(accepts(kh_buf_view(&text), path) == wanted, "%s", path);
    good += wanted;
    bad += !wanted;
    kh_buf_release(&text);
  }
  ck_assert_uint_gt(good, 300);
  ck_assert_uint_gt(bad, 900);
  globfree(&files);
  kh_tempdir_close(&dir);
}
END_TEST

START_TEST(the_body_of_every_fixture)
{
  glob_t files = {0};

  ck_assert_int_eq(glob(KH_SOURCE_DIR "/fixtures/events/*/request.http", 0, NULL, &files), 0);
  for (size_t i = 0; i < files.gl_pathc; i++) {
    struct kh_buf request;

    read_file(files.gl_pathv[i], &request);
    const char *body = strstr(kh_buf_text(&request), "\r\n\r\n");
    ck_assert_msg(body != NULL, "%s has no body", files.gl_pathv[i]);
    (void)accepts(kh_str(body + 4, request.len - (size_t)(body + 4 - request.at)), files.gl_pathv[i]);
    kh_buf_release(&request);
  }
  globfree(&files);
}
END_TEST

static const char *const documents[] = {
    "{\"event\":\"ping\",\"service\":{\"id\":\"49801950-1df3\",\"provider\":\"webhook\"},\"organization\":"
    "null}",
    "{\"build\":{\"number\":1347,\"blocked\":false,\"tag\":null,\"state\":\"passed\"},\"pipeline\":{\"tags\":"
    "[\"a\",\"b\"]}}",
    "[{\"a\":1,\"b\":2,\"c\":3},{\"a\":1,\"b\":2},{\"a\":1},{}]",
    "{\"message\":\"Gr\\u00f6\\u00dfe gepr\\u00fcft \\u2713 "
    "\\ud83e\\ude81\\r\\nfertig\",\"m\\u0065\":\"\\ud83e\"}",
    "{\"Gr\xC3\xB6\xC3\x9F"
    "e\":\"\xE2\x9C\x93 \xF0\x9F\xAA\x81 \xED\x9F\xBF "
    "\xF4\x8F\xBF\xBF\",\"\xC2\x80\":\"\xE0\xA0\x80\xF0\x90\x80\x80\"}",
    "[0,-1,12.5,-0.0,1e3,1E-7,2e+08,9223372036854775807,-9223372036854775808,1.7976931348623157e308]",
    " {\r\n\t\"a\" : [ 1 , 2 ,\n 3 ] ,\n        \"b\" : { \"c\" : true } , \"d\" : [ ]\n}\r\n",
    "[[[[[[]]]],[[{}]]],[[[0]],{\"a\":{\"b\":{\"c\":[{}]}}}]]",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001F\\uFFFF 0123456789abcdef0123456789abcdef\"",
    "{\"\":\"\",\"a\":\"\",\"aa\":\"\",\"ab\":\"\",\"ba\":\"\",\"bb\":\"\",\"\\u0061\\u0063\":\"\",\"ca\":["
    "true,false,null]}",
};

enum mutation { DELETE, DOUBLE, FLIP, REPLACE, CUT, INSERT, SWAP, DELETE_REST_OF_WORD, MUTATIONS };

/* What REPLACE and INSERT put in; the other mutations have one form, FLIP has eight. */
static const char bytes_put[] = "\"\\{}[],:0-.eEu \n\t/n\x7F\x1F\x80\xC2\xED\xF4\xFF";

static int forms_of(enum mutation mutation)
{
  return mutation == FLIP ? 8 : mutation == REPLACE || mutation == INSERT ? (int)sizeof bytes_put : 1;
}

/*
 * Writes DOCUMENT, changed at AT, to MUTANT; returns its length. FORM counts bits, or bytes_put with its
 * final NUL.
 */
static size_t mutate(struct kh_str document, size_t at, enum mutation mutation, int form, char *mutant)
{
  bool longer = mutation == DOUBLE || mutation == INSERT;
  size_t rest = at + 1;

  while (mutation == DELETE_REST_OF_WORD && rest < document.len &&
         strchr("\"{}[],: ", document.at[rest]) == NULL)
    rest++;
  if (longer)
    rest = at;
  memcpy(mutant, document.at, at);
  size_t len = at;
  if (mutation == DOUBLE || mutation == FLIP || mutation == SWAP)
    mutant[len++] = document.at[at];
  if (mutation == REPLACE || mutation == INSERT)
    mutant[len++] = bytes_put[form];
  if (mutation == CUT)
    return len;
  memcpy(mutant + len, document.at + rest, document.len - rest);
  if (mutation == FLIP)
    mutant[at] = (char)(mutant[at] ^ 1 << form);
  if (mutation == SWAP && at + 1 < document.len) {
    mutant[at] = document.at[at + 1];
    mutant[at + 1] = document.at[at];
  }
  return len + document.len - rest;
}

START_TEST(mutations_at_every_position)
{
  struct kh_str document = kh_str_of(documents[_i]);
  size_t good = 0, bad = 0;
  char mutant[MAX_MUTANT_BYTES];

  ck_assert(accepts(document, "document"));
  ck_assert_uint_lt(document.len + 1, sizeof mutant);
  for (size_t at = 0; at < document.len; at++)
    for (enum mutation mutation = DELETE; mutation < MUTATIONS; mutation++)
      for (int form = 0; form < forms_of(mutation); form++) {
        size_t len = mutate(document, at, mutation, form, mutant);
        bool accepted = accepts(kh_str(mutant, len), "mutant");

        good += accepted;
        bad += !accepted;
      }
  ck_assert_uint_gt(good, 20);
  ck_assert_uint_gt(bad, document.len * 10);
}
END_TEST

static Suite *json_oracle_suite(void)
{
  Suite *suite = suite_create("json_oracle");
  TCase *oracle = kh_test_case(suite, "jansson");

  tcase_add_test(oracle, the_corpus_of_the_rfc);
  tcase_add_test(oracle, the_body_of_every_fixture);
  tcase_add_loop_test(oracle, mutations_at_every_position, 0, (int)KH_COUNT(documents));
  return suite;
}

int main(void)
{
  return kh_test_main(json_oracle_suite());
}
