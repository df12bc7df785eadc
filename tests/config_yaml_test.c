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
  enum kh_err err = kh_yaml_read(yaml, "t.yml", kh_guard_end(&guard, text), stop_key, diags);

  kh_guard_release(&guard);
  return err;
}

/* ---- places of what is right ---- */

/* WAY is a row of keys and indexes, such as "a.1.b"; with KEY the place of that key in it. */
struct place {
  const char *text, *way, *key;
  unsigned line, column;
};

static const struct place places[] = {
    {"a: 1\n", "", NULL, 1, 1},
    {"\n\n  a: 1\n", "", NULL, 3, 3},
    {"a: 1\n", "a", NULL, 1, 4},
    {"a: 1\n", "", "a", 1, 1},
    {"a: 1\nbb:   2\n", "bb", NULL, 2, 7},
    {"a: 1\nbb:   2\n", "", "bb", 2, 1},
    {"# remark\na:\n  b:\n    c: x\n", "a.b.c", NULL, 4, 8},
    {"# remark\na:\n  b:\n    c: x\n", "a.b", "c", 4, 5},
    {"a:\n- x\n- y\n", "a.1", NULL, 3, 3},
    {"a:\n  - name: x\n    file: y\n", "a.0", "file", 3, 5},
    {"a:\n  - name: x\n    file: y\n", "a.0", NULL, 2, 5},
    {"a: {b: [1, {c: 2}]}\n", "a.b.1", "c", 1, 13},
    {"a: {b: [1, {c: 2}]}\n", "a.b.1.c", NULL, 1, 16},
    {"a: \"q\"\n", "a", NULL, 1, 4},
    {"a: |\n  text\nb: 2\n", "a", NULL, 1, 4},
    {"a: |\n  text\nb: 2\n", "", "b", 3, 1},
    {"a: >-\n  long\n  text\n\nb: 2\n", "", "b", 5, 1},
    {"a:\nb: 2\n", "b", NULL, 2, 4},
    {"a: \"\xc3\xa9\xe2\x82\xac\"\n\"\xc3\xa9\": {b: 2}\n", "\xc3\xa9.b", NULL, 2, 10},
    {"x: {\xf0\x9f\x98\x80: 1, b: 2}\n", "x", "b", 1, 11},
    {"a: 1\r\nb: 2\r\n", "", "b", 2, 1},
    {"---\na: 1\n", "", "a", 2, 1},
    {"a: &n {b: 1}\nc: *n\n", "c.b", NULL, 1, 11},
    {"a: &n {b: 1}\nc: *n\n", "", "c", 2, 1},
};

static const json_t *follow(const json_t *node, const char *way)
{
  struct kh_str rest = kh_str_of(way);

  while (rest.len > 0 && node) {
    struct kh_str step = kh_str_cut(&rest, '.');
    uint64_t index = 0;
    char key[64];

    (void)snprintf(key, sizeof key, "%.*s", KH_FMT(step));
    if (json_is_array(node) && kh_str_u64(step, &index))
      node = json_array_get(node, (size_t)index);
    else
      node = json_object_get(node, key);
  }
  return node;
}

START_TEST(knows_where_things_stand)
{
  const struct place *want = &places[_i];
  struct kh_yaml yaml;
  struct kh_diags diags = {0};
  unsigned line = 99;
  unsigned column = 99;

  ck_assert_int_eq(read_text(&yaml, kh_str_of(want->text), NULL, &diags), KH_OK);
  const json_t *node = follow(yaml.root, want->way);
  ck_assert_ptr_nonnull(node);
  if (want->key)
    kh_yaml_key_place(&yaml, node, want->key, &line, &column);
  else
    kh_yaml_place(&yaml, node, &line, &column);
  ck_assert_msg(line == want->line && column == want->column, "%s: %u:%u", want->text, line, column);
  kh_yaml_key_place(&yaml, node, "not there", &line, &column);
  ck_assert_uint_eq(line + column, 0);
  kh_yaml_release(&yaml);
  kh_diags_release(&diags);
}
END_TEST

/* ---- what is wrong ---- */

/* MISTAKES: "line:column:fragment" each, in order. */
struct wrong {
  struct kh_str text;
  const char *mistakes[4];
};

static const struct wrong wrongs[] = {
    {TEXT(""), {"1:1:the file is empty"}},
    {TEXT("# nothing\n"), {"1:1:the file is empty"}},
    {TEXT("text\n"), {"1:1:must be a mapping"}},
    {TEXT("\n- a\n- b\n"), {"2:1:must be a mapping"}},
    {TEXT("a: 1\nb: 2\na: 3\n"), {"3:1:already on line 1"}},
    {TEXT("x:\n  a: 1\n  a: {a: 1, a: 2}\n"), {"3:3:already on line 2", "3:13:already on line 3"}},
    {TEXT("a: !str 1\nb: !!int 2\n"), {"1:4:tags are not supported", "2:4:tags are not supported"}},
    {TEXT("a: !x [1]\nb: !y {c: 1}\n"), {"1:4:tags", "2:4:tags"}},
    {TEXT("!k a: 1\n"), {"1:1:a key with a tag"}},
    {TEXT("a: &n {b: 1}\nc:\n  <<: *n\n"), {"3:3:merge keys"}},
    {TEXT("a: 1\n---\nb: 1\n"), {"2:1:a second document"}},
    {TEXT("a: 1\n...\n---\n"), {"3:1:a second document"}},
    {TEXT("a: *n\n"), {"1:4:no anchor before it"}},
    {TEXT("a: &n [1, *n]\n"), {"1:11:no anchor before it"}},
    {TEXT("? [a]\n: 1\n"), {"1:3:a key must be a plain text"}},
    {TEXT("a: &n x\n*n : 1\n"), {"2:1:a key must be a plain text"}},
    {TEXT("a: {{ x }}\n"), {"1:5:a key must be a plain text"}},
    {TEXT("a: \"x\\0y\"\n"), {"1:4:a NUL byte"}},
    {TEXT("\"a\\0b\": 1\n"), {"1:1:a key with a NUL byte"}},
    {TEXT("a: 1\nb: x\0y\n"), {"2:5:control characters"}},
    {TEXT("a: \xc3\xa9\nb: \xc3\xa9 \xff\n"), {"2:6:UTF-8"}},
    {TEXT("a: \x1b[1m\n"), {"1:4:control characters"}},
    {TEXT("a: b: c\n"), {"1:5:mapping values are not allowed"}},
    {TEXT("a:\n\tb: 1\n"), {"2:1:indent with spaces"}},
    {TEXT("a: @x\n"), {"1:4:quote a text that begins with @"}},
    {TEXT("a: [1, 2\nb: 3\n"), {"2:2:not valid YAML"}},
    {TEXT("a: \"x\nb: 3\n"), {"3:1:a quote or a bracket is not closed"}},
    {TEXT("a: 1\n b: 2\n"), {"2:3:mapping values are not allowed"}},
    {TEXT("a: 1\na: 2\nb: [\n"), {"2:1:already on line 1", "4:1:not valid YAML"}},
};

START_TEST(says_what_is_wrong_and_where)
{
  const struct wrong *wrong = &wrongs[_i];
  struct kh_yaml yaml;
  struct kh_diags diags = {0};
  size_t count = 0;

  ck_assert_int_eq(read_text(&yaml, wrong->text, NULL, &diags), KH_ERR_CONFIG);
  for (; count < KH_COUNT(wrong->mistakes) && wrong->mistakes[count]; count++) {
    struct kh_str rest = kh_str_of(wrong->mistakes[count]);
    uint64_t line = 0;
    uint64_t column = 0;

    ck_assert_uint_lt(count, diags.count);
    const struct kh_diag *diag = &diags.at[count];
    ck_assert(kh_str_u64(kh_str_cut(&rest, ':'), &line) && kh_str_u64(kh_str_cut(&rest, ':'), &column));
    ck_assert_msg(diag->line == line && diag->column == column && strstr(diag->text, rest.at) != NULL,
                  "row %d: want %s, got %u:%u:%s", _i, wrong->mistakes[count], diag->line, diag->column,
                  diag->text);
    ck_assert_str_eq(diag->file, "t.yml");
    ck_assert_int_eq(diag->err, KH_ERR_CONFIG);
  }
  ck_assert_uint_gt(count, 0);
  ck_assert_uint_eq(diags.count, count);
  kh_yaml_release(&yaml);
  kh_diags_release(&diags);
}
END_TEST

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

/* Each line holds ten times the one before: 10^N nodes on N lines. Built as a tree of shared nodes it would be tiny. */
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
  ck_assert(yaml.stopped);
  ck_assert_uint_eq(json_object_size(yaml.root), 1);
  ck_assert_str_eq(json_string_value(follow(yaml.root, "a.notify")), "nested");
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

static Suite *yaml_suite(void)
{
  Suite *suite = suite_create("config_yaml");
  TCase *tree = kh_test_case(suite, "tree");

  tcase_add_loop_test(tree, knows_where_things_stand, 0, (int)KH_COUNT(places));
  tcase_add_loop_test(tree, says_what_is_wrong_and_where, 0, (int)KH_COUNT(wrongs));
  tcase_add_test(tree, nests_to_its_limit);
  tcase_add_loop_test(tree, counts_aliases_in_full, 0, 3);
  tcase_add_test(tree, aliases_cannot_go_round_the_depth);
  tcase_add_loop_test(tree, reads_json_like_jansson, 0, (int)KH_COUNT(documents));
  tcase_add_test(tree, keeps_every_scalar_as_text);
  tcase_add_loop_test(tree, looks_at_nothing_behind_the_stop_key, 0, (int)KH_COUNT(behind));
  return suite;
}

int main(void)
{
  return kh_test_main(yaml_suite());
}
