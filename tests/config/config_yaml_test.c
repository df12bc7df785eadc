#include "base/base.h"

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
  struct kh_place at;

  ck_assert_int_eq(read_text(&yaml, kh_str_of(want->text), NULL, &diags), KH_OK);
  const json_t *node = follow(yaml.root, want->way);
  ck_assert_ptr_nonnull(node);
  at = want->key ? kh_yaml_key_place(&yaml, node, want->key) : kh_yaml_place(&yaml, node);
  ck_assert_msg(at.line == want->line && at.column == want->column, "%s: %u:%u", want->text, at.line,
                at.column);
  at = kh_yaml_key_place(&yaml, node, "not there");
  ck_assert_uint_eq(at.line + at.column, 0);
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
    {TEXT(""), {"1:1:the file is empty; begin with `webhook:`"}},
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
    {TEXT("a: \xc3\xa9\nb: \xc3\xa9 \xff\n"), {"2:6:save the file as UTF-8"}},
    {TEXT("a: gr\xf6\xdf\n"), {"1:6:save the file as UTF-8"}},
    {TEXT("\xff\xfe"
          "a\0:\0 \0b\0\n\0"),
     {"1:1:save the file as UTF-8"}},
    {TEXT("a: b # c\n  && d\n"),
     {"2:4:not valid YAML: did not find expected alphabetic or numeric character; quote a text that begins "
      "with & or *, or goes on behind a # comment"}},
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

static Suite *yaml_suite(void)
{
  Suite *suite = suite_create("config_yaml");
  TCase *tree = kh_test_case(suite, "tree");

  tcase_add_loop_test(tree, knows_where_things_stand, 0, (int)KH_COUNT(places));
  tcase_add_loop_test(tree, says_what_is_wrong_and_where, 0, (int)KH_COUNT(wrongs));
  return suite;
}

int main(void)
{
  return kh_test_main(yaml_suite());
}
