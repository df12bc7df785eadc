#include "base/base.h"

#include "config/yaml.h"
#include "config/yaml_write.h"
#include "support/guard.h"
#include "support/suite.h"

static enum kh_err read_text(struct kh_yaml *yaml, struct kh_str text, struct kh_diags *diags)
{
  struct kh_guard guard;
  enum kh_err err = kh_yaml_read_foreign(yaml, "t.yml", kh_guard_end(&guard, text), diags);

  kh_guard_release(&guard);
  return err;
}

/* ---- reading: what YAML's own documents say, as JSON ---- */

static const struct {
  const char *yaml, *json;
} readings[] = {
    {"a: &x {b: one, c: two}\nd:\n  <<: *x\n  c: three\n",
     "[{\"a\":{\"b\":\"one\",\"c\":\"two\"},\"d\":{\"c\":\"three\",\"b\":\"one\"}}]"},
    /* Of several the first wins, and a key of the mapping's own, wherever it stands. */
    {"- &x {a: one}\n- &y {a: two, b: two}\n- {b: own, <<: [*x, *y]}\n- {<<: [*y, *x], b: own}\n",
     "[[{\"a\":\"one\"},{\"a\":\"two\",\"b\":\"two\"},{\"b\":\"own\",\"a\":\"one\"},{\"b\":\"own\",\"a\":"
     "\"two\"}]]"},
    {"- &x {a: one}\n- &y {<<: *x, b: two}\n- {<<: *y}\n",
     "[[{\"a\":\"one\"},{\"b\":\"two\",\"a\":\"one\"},{\"b\":\"two\",\"a\":\"one\"}]]"},
    {"\"<<\": text\n", "[{\"<<\":\"text\"}]"},
    {"<<: text\na: b\n", "[{\"a\":\"b\"}]"},
    {"a: !!str 1\nb: !mine [x]\n!!str c: d\n", "[{\"a\":\"1\",\"b\":[\"x\"],\"c\":\"d\"}]"},
    {"a: b\n---\n- c\n---\nd\n...\n", "[{\"a\":\"b\"},[\"c\"],\"d\"]"},
    {"", "[]"},
    {"# nothing\n", "[]"},
    {"a: b\na: c\n", "[{\"a\":\"b\"}]"},
};

START_TEST(reads_what_others_wrote)
{
  struct kh_yaml yaml;
  json_t *want = json_loads(readings[_i].json, 0, NULL);

  ck_assert_ptr_nonnull(want);
  ck_assert_int_eq(read_text(&yaml, kh_str_of(readings[_i].yaml), NULL), KH_OK);
  ck_assert_msg(json_equal(yaml.root, want), "%s", json_dumps(yaml.root, 0));
  kh_yaml_release(&yaml);
  json_decref(want);
}
END_TEST

START_TEST(tells_what_it_left_out)
{
  struct kh_yaml yaml;
  struct kh_diags diags = {0};

  ck_assert_int_eq(read_text(&yaml, KH_STR("a: b\n? [x]\n: y\na: c\n"), &diags), KH_OK);
  ck_assert_uint_eq(diags.count, 2);
  ck_assert_uint_eq(diags.at[0].line, 2);
  ck_assert_uint_eq(diags.at[1].line, 4);
  kh_yaml_release(&yaml);
  kh_diags_release(&diags);
}
END_TEST

/* Each line merges the one before ten times: as many keys as if it were written out. */
START_TEST(counts_what_is_merged)
{
  struct kh_yaml yaml;
  struct kh_diags diags = {0};
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  (void)kh_buf_add(&text, KH_STR("- &a0 {a: [x, x, x, x, x, x, x, x, x, x]}\n"));
  for (int i = 1; i < 5; i++)
    (void)kh_buf_printf(
        &text,
        "- &a%d {<<: [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d], b%d: [*a%d, "
        "*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]}\n",
        i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i, i - 1, i - 1, i - 1,
        i - 1, i - 1, i - 1, i - 1, i - 1);
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), &diags), KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(strstr(diags.at[0].text, "20000"));
  ck_assert_ptr_null(yaml.root);
  kh_yaml_release(&yaml);
  kh_buf_release(&text);
  kh_diags_release(&diags);
}
END_TEST

START_TEST(refuses_what_is_no_yaml)
{
  static const char *const texts[] = {"a: [b\n", "a: *b\n", "\t- x\n", "a: \"b\n"};
  struct kh_yaml yaml;

  ck_assert_int_eq(read_text(&yaml, kh_str_of(texts[_i]), NULL), KH_ERR_CONFIG);
  ck_assert_ptr_null(yaml.root);
  kh_yaml_release(&yaml);
}
END_TEST

/* ---- writing: what is read back, by the reader that JSON holds to YAML ---- */

static const char *const trees[] = {
    "[{\"slack\":\"#general\",\"if\":\"build.state == \\\"failed\\\"\"}]",
    "[{\"a\":{},\"b\":[],\"c\":\"\",\"d\":[[\"x\"],{\"y\":[\"z\"]}]}]",
    "[{\"webhook\":{\"env\":\"HOOK_URL\"}}]",
    "[\"one\\ntwo\\n\",\"one\\ntwo\",\"one\\n\\n\\ntwo\\n\\n\",\"\\none\",\"  one\\ntwo\",\"one "
    "\\ntwo\",\"\\n\",\" \\n\"]",
    "[\"- x\",\"x: y\",\"x "
    "#y\",\"#\",\"*x\",\"&x\",\"!x\",\"|\",\">\",\"%\",\"@\",\"`\",\"'\",\"\\\"\",\"\\\\\",\"{\",\"[\",\"?\","
    "\"? x\",\"-\",\"---\",\"...\",\"--- x\"]",
    "[\"~\",\"null\",\"yes\",\"1\",\"0x1\",\"<<\",\"=\",\" x\",\"x \",\"\\t\",\"x\\ty\"]",
    "[\"\\u0001\\u001b[31m\\u007f\",\"\\u0085\\u2028\\u2029\",\"\\r\\n\",\"x\\ry\",\"\\ufeffx\","
    "\"\\ud83d\\ude00 gr\\u00f6\\u00dfe\",\"\\u202e\"]",
    "[\"x\\nnotify:\\n  - slack: y\\n\",\"x'\\n- y\",\"x\\\"\\n- y\",\"# x\\n- y\"]",
    "{\"<<\":\"x\",\"a: b\":\"c\",\"\\n\":\"d\",\"-\":\"e\",\"#\":\"f\"}",
};

static void check_writing(json_t *tree, bool ascii)
{
  struct kh_yaml yaml;
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  ck_assert_int_eq(kh_yaml_write(tree, ascii, &text), KH_OK);
  ck_assert_int_eq(read_text(&yaml, kh_buf_view(&text), NULL), KH_OK);
  ck_assert_uint_eq(json_array_size(yaml.root), 1);
  ck_assert_msg(json_equal(json_array_get(yaml.root, 0), tree), "%s", kh_buf_text(&text));
  ck_assert_ptr_null(strstr(kh_buf_text(&text), "\n..."));
  for (size_t i = 0; i < text.len; i++)
    ck_assert_msg(text.at[i] == '\n' || ((unsigned char)text.at[i] >= 0x20 && text.at[i] != 0x7F &&
                                         (!ascii || (unsigned char)text.at[i] < 0x80)),
                  "%s", kh_buf_text(&text));
  kh_yaml_release(&yaml);
  kh_buf_release(&text);
}

START_TEST(writes_what_is_read_back)
{
  json_t *tree = json_loads(trees[_i], 0, NULL);

  ck_assert_ptr_nonnull(tree);
  check_writing(tree, false);
  check_writing(tree, true);
  json_decref(tree);
}
END_TEST

START_TEST(writes_for_people)
{
  json_t *tree = json_loads("[{\"slack\":{\"channels\":[\"#general\"],\"message\":\"one\\ntwo\\n\"},"
                            "\"pipelines\":\"web\",\"if\":\"build.state == \\\"failed\\\"\"},"
                            "{\"webhook\":{\"env\":\"HOOK_URL\"}}]",
                            0, NULL);
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  ck_assert_int_eq(kh_yaml_write(tree, false, &text), KH_OK);
  ck_assert_str_eq(kh_buf_text(&text), "- slack:\n"
                                       "    channels: ['#general']\n"
                                       "    message: |\n"
                                       "      one\n"
                                       "      two\n"
                                       "  pipelines: web\n"
                                       "  if: build.state == \"failed\"\n"
                                       "- webhook: {env: HOOK_URL}\n");
  kh_buf_release(&text);
  json_decref(tree);
}
END_TEST

START_TEST(writes_no_more_than_may_be)
{
  json_t *tree = json_loads("[\"a text that is longer than the buffer\"]", 0, NULL);
  json_t *number = json_loads("[1]", 0, NULL);
  struct kh_buf text;

  kh_buf_init(&text, 16);
  ck_assert_int_eq(kh_yaml_write(tree, false, &text), KH_ERR_LIMIT);
  kh_buf_release(&text);
  kh_buf_init(&text, 4096);
  ck_assert_int_eq(kh_yaml_write(number, false, &text), KH_ERR_RENDER);
  kh_buf_release(&text);
  json_decref(tree);
  json_decref(number);
}
END_TEST

static Suite *foreign_suite(void)
{
  Suite *suite = suite_create("config_yaml_foreign");
  TCase *reading = kh_test_case(suite, "reading");
  TCase *writing = kh_test_case(suite, "writing");

  tcase_add_loop_test(reading, reads_what_others_wrote, 0, (int)KH_COUNT(readings));
  tcase_add_test(reading, tells_what_it_left_out);
  tcase_add_test(reading, counts_what_is_merged);
  tcase_add_loop_test(reading, refuses_what_is_no_yaml, 0, 4);
  tcase_add_loop_test(writing, writes_what_is_read_back, 0, (int)KH_COUNT(trees));
  tcase_add_test(writing, writes_for_people);
  tcase_add_test(writing, writes_no_more_than_may_be);
  return suite;
}

int main(void)
{
  return kh_test_main(foreign_suite());
}
