#include "base/base.h"

#include "base/buf.h"
#include "config/yaml.h"
#include "support/guard.h"
#include "support/suite.h"

/* KH_STR for tables: no compound literal. */
#define TEXT(literal)            \
  {                              \
    literal, sizeof(literal) - 1 \
  }

/* Reads TEXT at the edge of a page. */
static enum kh_err read_text(struct kh_yaml *yaml, struct kh_str text, const char *stop_key,
                             struct kh_diags *diags)
{
  struct kh_guard guard;
  const char *const stop_keys[] = {"other", stop_key, NULL};
  enum kh_err err = kh_yaml_read(yaml, "t.yml", kh_guard_end(&guard, text), stop_key ? stop_keys : NULL,
                                 diags);

  kh_guard_release(&guard);
  return err;
}

/* ---- limits ---- */

static void nest(struct kh_buf *text, int levels)
{
  kh_buf_init(text, 4096);
  (void)kh_buf_add(text, KH_STR("a: "));
  for (int i = 0; i < levels; i++)
    (void)kh_buf_add_byte(text, '[');
  for (int i = 0; i < levels; i++)
    (void)kh_buf_add_byte(text, ']');
}

START_TEST(nests_to_its_limit)
{
  struct kh_yaml yaml;
  struct kh_diags diags = {0};
  struct kh_buf text;

  nest(&text, KH_YAML_MAX_DEPTH - 1);
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), NULL, &diags), KH_OK);
  kh_yaml_release(&yaml);
  kh_buf_release(&text);
  nest(&text, KH_YAML_MAX_DEPTH);
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), NULL, &diags), KH_ERR_CONFIG);
  ck_assert_uint_eq(diags.at[0].column, 3 + KH_YAML_MAX_DEPTH);
  ck_assert_ptr_nonnull(strstr(diags.at[0].text, "nested too deeply"));
  ck_assert_ptr_null(yaml.root);
  kh_yaml_release(&yaml);
  kh_buf_release(&text);
  kh_diags_release(&diags);
}
END_TEST

/*
 * Each line holds ten times the one before: 10^N nodes on N lines. Built as a tree of shared nodes it would
 * be tiny.
 */
START_TEST(counts_aliases_in_full)
{
  static const struct {
    int lines;
    enum kh_err err;
  } rows[] = {{3, KH_OK}, {4, KH_ERR_CONFIG}, {9, KH_ERR_CONFIG}};
  struct kh_yaml yaml;
  struct kh_diags diags = {0};
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  (void)kh_buf_printf(&text, "a0: &a0 [x]\n");
  for (int line = 1; line <= rows[_i].lines; line++) {
    (void)kh_buf_printf(&text, "a%d: &a%d [", line, line);
    for (int i = 0; i < 10; i++)
      (void)kh_buf_printf(&text, "%s*a%d", i ? ", " : "", line - 1);
    (void)kh_buf_printf(&text, "]\n");
  }
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), NULL, &diags), rows[_i].err);
  ck_assert_uint_eq(diags.count, rows[_i].err ? 1 : 0);
  if (rows[_i].err)
    ck_assert_ptr_nonnull(strstr(diags.at[0].text, "too many keys and values"));
  kh_yaml_release(&yaml);
  kh_buf_release(&text);
  kh_diags_release(&diags);
}
END_TEST

START_TEST(aliases_cannot_go_round_the_depth)
{
  struct kh_yaml yaml;
  struct kh_diags diags = {0};
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  (void)kh_buf_add(&text, KH_STR("a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n"));
  (void)kh_buf_add(&text, KH_STR("a1: &a1 [[[[[[[[[[*a0]]]]]]]]]]\n"));
  (void)kh_buf_add(&text, KH_STR("a2: &a2 [[[[[[[[[[*a1]]]]]]]]]]\n"));
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), NULL, &diags), KH_OK);
  kh_yaml_release(&yaml);
  (void)kh_buf_add(&text, KH_STR("a3: [[*a2]]\n"));
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), NULL, &diags), KH_ERR_CONFIG);
  ck_assert_uint_eq(diags.at[0].line, 4);
  kh_yaml_release(&yaml);
  kh_buf_release(&text);
  kh_diags_release(&diags);
}
END_TEST

/* ---- values, against jansson: JSON is YAML ---- */

START_TEST(an_alias_stands_for_its_own_anchor)
{
  const char *text = "a: &x one\nb: &y two\nc: [*x, *y]\nd: &x three\ne: [*x, *y]\n";
  struct kh_yaml yaml;
  json_t *want = json_loads("{\"a\":\"one\",\"b\":\"two\",\"c\":[\"one\",\"two\"],\"d\":\"three\","
                            "\"e\":[\"three\",\"two\"]}",
                            0, NULL);

  ck_assert_int_eq(read_text(&yaml, kh_str_of(text), NULL, NULL), KH_OK);
  ck_assert(json_equal(yaml.root, want));
  kh_yaml_release(&yaml);
  json_decref(want);
}
END_TEST

static const char *const documents[] = {
    "{\"a\": \"1\", \"b\": [\"x\", {\"c\": \"d\"}, []], \"e\": {}, \"f\": \"\"}",
    "{\"\\u00e9\": \"\\u20ac \\\"q\\\" \\\\ \\/ \\t \\n \\r \\b\", \"k\": \"\xf0\x9f\x98\x80\"}",
    "{\"deep\": {\"deep\": {\"deep\": [[[\"x\"], \"y\"], \"z\"]}}, \"no\": \"yes\", \"null\": \"~\"}",
    "{\n  \"lines\": \"a\",\n  \"more\": [\n    \"b\",\n    \"c\"\n  ]\n}\n",
};

START_TEST(reads_json_like_jansson)
{
  struct kh_yaml yaml;
  json_t *want = json_loads(documents[_i], JSON_REJECT_DUPLICATES, NULL);

  ck_assert_ptr_nonnull(want);
  ck_assert_int_eq(read_text(&yaml, kh_str_of(documents[_i]), NULL, NULL), KH_OK);
  ck_assert(json_equal(yaml.root, want));
  kh_yaml_release(&yaml);
  json_decref(want);
}
END_TEST

START_TEST(keeps_every_scalar_as_text)
{
  struct kh_yaml yaml;
  json_t *want = json_loads(
      "{\"a\":\"yes\",\"b\":\"012\",\"c\":\"~\",\"d\":\"\",\"e\":\"two\\nlines\\n\",\"f\":\"1e3\"}", 0, NULL);
  const char *text = "a: yes\nb: 012\nc: ~\nd:\ne: |\n  two\n  lines\nf: 1e3\n";

  ck_assert_int_eq(read_text(&yaml, kh_str_of(text), NULL, NULL), KH_OK);
  ck_assert(json_equal(yaml.root, want));
  kh_yaml_release(&yaml);
  json_decref(want);
}
END_TEST

/* ---- stopping ---- */

static const struct kh_str behind[] = {
    TEXT("\n"),
    TEXT("\n- [ } {\n"),
    TEXT("\n\xff\xfe\xff\n"),
    TEXT("\n\0\0\0\0\n"),
    TEXT(" \xff [ {"),
    TEXT("\n\t- @@@\n"),
    TEXT("\n---\n---\n- x\n"),
    TEXT("\na: 1\na: 2\n"),
    TEXT("\r\n\x01"),
    TEXT(""),
};

START_TEST(looks_at_nothing_behind_the_stop_key)
{
  struct kh_yaml yaml;
  struct kh_diags diags = {0};
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  (void)kh_buf_add(&text, KH_STR("a:\n  notify: nested\nnotify:"));
  (void)kh_buf_add(&text, behind[_i]);
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), "notify", &diags), KH_OK);
  ck_assert_str_eq(yaml.stopped_at, "notify");
  ck_assert_uint_eq(json_object_size(yaml.root), 1);
  ck_assert_str_eq(json_string_value(json_object_get(json_object_get(yaml.root, "a"), "notify")), "nested");
  ck_assert_uint_eq(diags.count, 0);
  kh_yaml_release(&yaml);

  if (behind[_i].len > 1) {
    ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), NULL, &diags), KH_ERR_CONFIG);
    kh_yaml_release(&yaml);
  }
  kh_buf_release(&text);
  kh_diags_release(&diags);
}
END_TEST

static Suite *tree_suite(void)
{
  Suite *suite = suite_create("config_yaml_tree");
  TCase *tree = kh_test_case(suite, "tree");

  tcase_add_test(tree, nests_to_its_limit);
  tcase_add_loop_test(tree, counts_aliases_in_full, 0, 3);
  tcase_add_test(tree, aliases_cannot_go_round_the_depth);
  tcase_add_loop_test(tree, reads_json_like_jansson, 0, (int)KH_COUNT(documents));
  tcase_add_test(tree, an_alias_stands_for_its_own_anchor);
  tcase_add_test(tree, keeps_every_scalar_as_text);
  tcase_add_loop_test(tree, looks_at_nothing_behind_the_stop_key, 0, (int)KH_COUNT(behind));
  return suite;
}

int main(void)
{
  return kh_test_main(tree_suite());
}
