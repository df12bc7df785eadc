#include "base/base.h"

#include "config/yaml.h"
#include "support/suite.h"

/*
 * Each text has one '@', written as it is. Where it stands in the file is found by looking for it there;
 * libyaml says which character of the text it is; the two must meet.
 */
static const char *const spellings[] = {
    "k: a@bc\n",
    "k: ab@cd\n",
    "k:    ab @ cd   # a comment with \"quotes\"\n",
    "k: ab\n  cd @ ef\n",
    "k: ab\n\n\n  cd\n  @\n",
    "k:\n  ab\n  c@\n",
    "k: ab   \n   c @\n",
    "k: \xC3\xBC\xE6\x97\xA5\xF0\x9F\xAA\x81 @ x\n",
    "k: \xC3\xBC\n  \xE6\x97\xA5 @ x\n",
    "k: 'ab@'\n",
    "k: 'it''s ''@'' here'\n",
    "k: 'ab\n  cd''@'\n",
    "k: 'ab\n\n  cd @'\n",
    "k: \"ab@\"\n",
    "k: \"a\\\"b\\\\ \\t \\x41\\u00fc\\U0001F600 @\"\n",
    "k: \"a\\n@\"\n",
    "k: \"ab \\\n    c@\"\n",
    "k: \"ab \\\n    @c\"\n",
    "k: \"ab \\\r\n    c\\\r\n @c\"\r\n",
    "k: \"ab \\\n\n  \n  c @\"\n",
    "k: \"ab \\\n    \\\n  @\"\n",
    "k: \"ab\n    c@\"\n",
    "k: |\n  ab@\n",
    "k: |\n  ab\n  cd @\n",
    "k: |-\n  ab\n\n\n  cd @\n",
    "k: |+\n  ab\n    more\n   @\n\n",
    "k: |2\n    ab\n  c@\n",
    "k: |   # a comment\n  ab\n  @\n",
    "k: |\n\n\n  ab\n  @\n",
    "k: |\n      ab\n      @\n",
    "k: |\r\n  ab\r\n  c @\r\n",
    "k: >\n  ab\n  cd @\n",
    "k: >-\n  ab\n  cd\n\n  ef @\n",
    "k: >-\n  ab\n    more\n    and @\n  less\n",
    "k: >-\n  ab\n\n\n    more\n  less @\n",
    "k: &name ab@\n",
    "k: &name \"ab@\"\n",
    "k: &name\n  ab@\n",
    "k: &name |\n  ab\n  @\n",
    "k: {j: [x, 'a @', y]}\n",
    "k:\n  - x\n  -   a @\n",
    "a: &x \"b @\"\nk: *x\n",
    "# \xC3\xBC\n\n\nk: ab @\n",
};

static const json_t *text_of(const json_t *node)
{
  json_t *tree = (json_t *)(uintptr_t)node;
  const char *key = NULL;
  json_t *child = NULL;
  const json_t *found = NULL;
  size_t i = 0;

  if (json_is_string(node))
    return strchr(json_string_value(node), '@') ? node : NULL;
  json_array_foreach(tree, i, child) found = found ? found : text_of(child);
  json_object_foreach(tree, key, child) found = found ? found : text_of(child);
  return found;
}

static unsigned characters(const char *from, const char *to)
{
  unsigned count = 0;

  for (; from < to; from++)
    count += ((unsigned char)*from & 0xC0) != 0x80;
  return count;
}

START_TEST(a_character_is_found_in_the_file)
{
  const char *source = spellings[_i];
  const char *at = strchr(source, '@');
  struct kh_yaml yaml = {0};
  unsigned want_line = 1;
  const char *begin = source;

  for (const char *c = source; c < at; c++)
    if (*c == '\n') {
      want_line++;
      begin = c + 1;
    }
  ck_assert_int_eq(kh_yaml_read(&yaml, "t.yml", kh_str_of(source), NULL, NULL), KH_OK);
  const json_t *node = text_of(yaml.root);
  ck_assert_ptr_nonnull(node);
  const char *text = json_string_value(node);
  const struct kh_place place = kh_yaml_text_place(&yaml, node, characters(text, strchr(text, '@')));
  ck_assert_msg(place.line == want_line && place.column == characters(begin, at) + 1,
                "%u:%u instead of %u:%u in\n%s", place.line, place.column, want_line,
                characters(begin, at) + 1, source);
  kh_yaml_release(&yaml);
}
END_TEST

/* At every length of what is left of the file, and for indexes that the text does not have. */
START_TEST(never_leaves_the_file)
{
  const char *source = spellings[_i];

  for (size_t len = 1; len <= strlen(source); len++) {
    char *cut = strndup(source, len);
    struct kh_yaml yaml = {0};

    if (!kh_yaml_read(&yaml, "t.yml", kh_str(cut, len), NULL, NULL)) {
      const json_t *node = json_object_get(yaml.root, "k");

      for (unsigned index = 0; node && index < 40; index++) {
        const struct kh_place place = kh_yaml_text_place(&yaml, node, index);
        ck_assert_uint_ge(place.line, 1);
        ck_assert_uint_le(place.line, 8);
        ck_assert_uint_le(place.column, len + 1);
      }
    }
    kh_yaml_release(&yaml);
    free(cut);
  }
}
END_TEST

START_TEST(a_receiver_keeps_no_source)
{
  static const char *const stop_keys[] = {"notify", NULL};
  struct kh_yaml yaml = {0};

  ck_assert_int_eq(kh_yaml_read(&yaml, "t.yml", KH_STR("k: ab\nnotify:\n"), stop_keys, NULL), KH_OK);
  ck_assert_uint_eq(yaml.source.len, 0);
  ck_assert_ptr_null(yaml.source.at);
  kh_yaml_release(&yaml);
}
END_TEST

static Suite *yaml_text_suite(void)
{
  Suite *suite = suite_create("config_yaml_text");
  TCase *places = kh_test_case(suite, "places");

  tcase_add_loop_test(places, a_character_is_found_in_the_file, 0, (int)KH_COUNT(spellings));
  tcase_add_loop_test(places, never_leaves_the_file, 0, (int)KH_COUNT(spellings));
  tcase_add_test(places, a_receiver_keeps_no_source);
  return suite;
}

int main(void)
{
  return kh_test_main(yaml_text_suite());
}
