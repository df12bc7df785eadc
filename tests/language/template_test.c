/*
 * Templates of messages against tests/vectors/templates.jsonl: one object a line, {"template", "names",
 * "without", "escape", "max", "expect"}, perhaps with "undecided", or {"template", "mistakes": [[line,
 * column, text, hint], …]}, of which text is a part and hint may be missing. `truths` are for the model in
 * tests/model/template_model.py, which must agree.
 */
#include "base/base.h"

#include "language/names/names_json.h"
#include "language/template/template.h"
#include "support/guard.h"
#include "support/suite.h"
#include "words/text.h"

#include <jansson.h>

#define VECTORS KH_SOURCE_DIR "/tests/vectors/templates.jsonl"

enum { LINE_MAX_BYTES = 1 << 20, OUT_MAX_BYTES = 1 << 20, TOLD_MAX = 64, VECTORS_MIN = 200 };

struct told {
  struct kh_mistake at[TOLD_MAX];
  size_t count;
};

static void tell(void *self, const struct kh_mistake *mistake)
{
  struct told *told = self;

  ck_assert_uint_lt(told->count, TOLD_MAX);
  told->at[told->count++] = *mistake;
}

static enum kh_err mark(struct kh_buf *out, struct kh_str value, enum kh_template_sort sort)
{
  (void)sort;
  (void)kh_buf_add_byte(out, '[');
  (void)kh_buf_add(out, value);
  return kh_buf_add_byte(out, ']');
}

static struct kh_str text_of(const json_t *vector, const char *key)
{
  const json_t *text = json_object_get(vector, key);

  return kh_str(json_string_value(text), json_string_length(text));
}

/* "2:7" for the byte AT of SOURCE: lines and characters from 1. */
static void place_of(struct kh_str source, size_t at, json_int_t *line, json_int_t *column)
{
  ck_assert_uint_le(at, source.len);
  *line = 1;
  *column = 1;
  for (size_t i = 0; i < at; i++) {
    *column += ((unsigned char)source.at[i] & 0xC0) != 0x80;
    if (source.at[i] == '\n') {
      *line += 1;
      *column = 1;
    }
  }
}

static bool is_told(const struct kh_mistake *mistake, struct kh_str source, const json_t *expected)
{
  const char *hint = json_string_value(json_array_get(expected, 3));
  json_int_t line = 0;
  json_int_t column = 0;

  ck_assert(mistake->kind != KH_MISTAKE_NONE && mistake->text[0]);
  ck_assert_uint_le(mistake->len, source.len - mistake->at);
  place_of(source, mistake->at, &line, &column);
  return line == json_integer_value(json_array_get(expected, 0)) &&
         column == json_integer_value(json_array_get(expected, 1)) &&
         strstr(mistake->text, json_string_value(json_array_get(expected, 2))) != NULL &&
         (!hint || strcmp(mistake->hint, hint) == 0);
}

static bool check_mistakes(const json_t *vector, const struct told *told, struct kh_str source)
{
  const json_t *expected = json_object_get(vector, "mistakes");
  bool good = told->count == json_array_size(expected);

  for (size_t i = 0; i < told->count; i++) {
    json_int_t line = 0;
    json_int_t column = 0;

    if (good && is_told(&told->at[i], source, json_array_get(expected, i)))
      continue;
    good = false;
    place_of(source, told->at[i].at, &line, &column);
    (void)fprintf(stderr, "%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT " %s (%s)\n", line, column,
                  told->at[i].text, told->at[i].hint);
  }
  return good;
}

static bool check_text(const json_t *vector, const struct kh_template *template)
{
  struct kh_names_json json = {json_object_get(vector, "names"), json_object_get(vector, "without")};
  const struct kh_names names = kh_names_json(&json);
  const json_t *max = json_object_get(vector, "max");
  const char *undecided = json_string_value(json_object_get(vector, "undecided"));
  bool marked = kh_str_equal(text_of(vector, "escape"), KH_STR("marked"));
  const struct kh_template_format format = {max ? (size_t)json_integer_value(max) : 3000, kh_text_line,
                                            marked ? mark : NULL};
  struct kh_mistake why = {.kind = KH_MISTAKE_NONE};
  struct kh_buf out;

  kh_buf_init(&out, OUT_MAX_BYTES);
  ck_assert_int_eq(kh_template_render(template, &names, &format, &out, &why), KH_OK);
  bool good = kh_str_equal(kh_buf_view(&out), text_of(vector, "expect")) &&
              strcmp(why.text, undecided ? undecided : "") == 0;
  if (!good)
    (void)fprintf(stderr, "%s (%s)\n", kh_buf_text(&out), why.text);
  kh_buf_clear(&out);
  ck_assert_int_eq(kh_template_render(template, NULL, &format, &out, NULL), KH_OK);
  kh_buf_release(&out);
  return good;
}

static bool check_vector(const json_t *vector)
{
  struct told told = {.count = 0};
  const struct kh_template_reader reader = {&told, tell, NULL, false};
  struct kh_template *template = NULL;
  struct kh_guard guard = {0};
  struct kh_str source = kh_guard_end(&guard, text_of(vector, "template"));
  bool wrong = json_object_get(vector, "mistakes") != NULL;

  enum kh_err err = kh_template_compile(&template, source, &reader);
  ck_assert(err == KH_OK || err == KH_ERR_CONFIG);
  ck_assert((err == KH_OK) == (told.count == 0) && !err == (template != NULL));
  kh_guard_release(&guard);
  source = text_of(vector, "template");
  bool good = wrong || err ? check_mistakes(vector, &told, source) : check_text(vector, template);
  kh_template_free(template);
  return good;
}

START_TEST(vectors_hold)
{
  FILE *file = fopen(VECTORS, "r");
  char *line = malloc(LINE_MAX_BYTES);
  unsigned number = 0;
  unsigned failed = 0;

  ck_assert(file && line);
  while (fgets(line, LINE_MAX_BYTES, file)) {
    json_t *vector = json_loads(line, JSON_ALLOW_NUL, NULL);

    number++;
    ck_assert_msg(json_object_get(vector, "expect") || json_object_get(vector, "mistakes"), "line %u",
                  number);
    if (!check_vector(vector)) {
      (void)fprintf(stderr, "%s:%u: not as expected: %s", VECTORS, number, line);
      failed++;
    }
    json_decref(vector);
  }
  free(line);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_msg(failed == 0, "%u of %u vectors fail", failed, number);
  ck_assert_uint_ge(number, VECTORS_MIN);
}
END_TEST

/* ---- what no text of a vector can say ---- */

static struct kh_template *compiled(const char *source)
{
  const struct kh_template_reader deaf = {NULL, NULL, NULL, false};
  struct kh_template *template = NULL;

  ck_assert_int_eq(kh_template_compile(&template, kh_str_of(source), &deaf), KH_OK);
  return template;
}

static void advise(void *self, size_t at, size_t len, const char *text)
{
  (void)kh_buf_printf(self, "%zu+%zu %s\n", at, len, text);
}

START_TEST(advice_is_given)
{
  static const struct {
    const char *source, *advice;
  } cases[] = {
      {"{{build.branch}}", ""},
      {"é {{build.creator.verified}}",
       "5+22 build.creator.verified is always empty: no webhook carries it\n"},
      {"{{#if 1 == 1}}x{{/if}}",
       "6+6 this condition says the same for every event: it names nothing of it\n"},
      {"{{#if build.branch =~ /x\\$/}}x{{/if}}",
       "22+5 \"\\$\" matches a dollar sign; drop the backslash to anchor at the end\n"},
  };
  struct kh_buf said;

  kh_buf_init(&said, 4096);
  const struct kh_template_reader reader = {&said, NULL, advise, false};
  struct kh_template *template = NULL;
  ck_assert_int_eq(kh_template_compile(&template, kh_str_of(cases[_i].source), &reader), KH_OK);
  ck_assert_str_eq(kh_buf_text(&said), cases[_i].advice);
  kh_template_free(template);
  kh_buf_release(&said);
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_a_mistake)
{
  static const char *const sources[] = {"a\xFFz", "\xC3", "{{\"\xC3\"}}",
                                        "{{build.tag | default '\xED\xA0\x80'}}"};
  struct told told = {.count = 0};
  const struct kh_template_reader reader = {&told, tell, NULL, false};
  struct kh_template *template = NULL;

  ck_assert_int_eq(kh_template_compile(&template, kh_str_of(sources[_i]), &reader), KH_ERR_CONFIG);
  ck_assert_ptr_null(template);
  ck_assert_uint_eq(told.count, 1);
  ck_assert_ptr_nonnull(strstr(told.at[0].text, "not UTF-8"));
}
END_TEST

START_TEST(a_small_buffer_is_a_limit)
{
  const struct kh_template_format format = {10, kh_text_line, NULL};
  struct kh_template *template = compiled("0123456789");
  struct kh_buf out;

  kh_buf_init(&out, 9);
  ck_assert_int_eq(kh_template_render(template, NULL, &format, &out, NULL), KH_ERR_LIMIT);
  kh_buf_release(&out);
  kh_buf_init(&out, 10);
  ck_assert_int_eq(kh_template_render(template, NULL, &format, &out, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&out), "0123456789");
  kh_buf_release(&out);
  kh_template_free(template);
}
END_TEST

/* A webhook of many megabytes costs no delivery and not much memory. */
START_TEST(a_huge_value_is_cut)
{
  const struct kh_template_format format = {3000, kh_text_line, NULL};
  struct kh_template *template = compiled(
      "{{build.branch}}{{build.branch | truncate 3}}{{job.agent_query_rules}}");
  json_t *list = json_array();
  char *text = malloc(4 << 20);
  struct kh_buf out;

  ck_assert_ptr_nonnull(text);
  memset(text, 'x', 4 << 20);
  for (size_t i = 0; i < 3000; i++)
    ck_assert_int_eq(json_array_append_new(list, json_stringn(text, 2000)), 0);
  json_t *object = json_pack("{s:s%,s:o}", "build.branch", text, (size_t)4 << 20, "job.agent_query_rules",
                             list);
  struct kh_names_json json = {object, NULL};
  const struct kh_names names = kh_names_json(&json);
  kh_buf_init(&out, 3 * 3000);
  ck_assert_int_eq(kh_template_render(template, &names, &format, &out, NULL), KH_OK);
  ck_assert_uint_eq(out.len, 999 + 3 + 2 + 3 + 999 + 3);
  kh_buf_release(&out);
  json_decref(object);
  free(text);
  kh_template_free(template);
}
END_TEST

static Suite *template_suite(void)
{
  Suite *suite = suite_create("template");
  TCase *cases = kh_test_case(suite, "template");

  tcase_add_test(cases, vectors_hold);
  tcase_add_loop_test(cases, advice_is_given, 0, 4);
  tcase_add_loop_test(cases, bytes_that_are_no_utf8_are_a_mistake, 0, 4);
  tcase_add_test(cases, a_small_buffer_is_a_limit);
  tcase_add_test(cases, a_huge_value_is_cut);
  return suite;
}

int main(void)
{
  return kh_test_main(template_suite());
}
