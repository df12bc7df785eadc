#include "base/base.h"

#include "language/template/template.h"
#include "notify/notifiers.h"
#include "rules/tables.h"
#include "support/config_dir.h"
#include "support/rules.h"
#include "support/suite.h"

#define HEAD "webhook: {signature: {file: webhook-secret}}\n"
#define ADDRESS "planted-person@x.example"

static struct kh_config_dir dir;
static struct kh_rules rules;

static void open_dir(void)
{
  kh_config_dir_open(&dir);
}

static void close_dir(void)
{
  kh_rules_release(&rules);
  kh_config_dir_close(&dir);
}

static enum kh_err compile(const char *rest)
{
  static const char *const environment[] = {"HOOK=" KH_TEST_SLACK_URL, "TOKEN=xoxb-planted", NULL};
  char text[4096];

  (void)snprintf(text, sizeof text, HEAD "%s", rest);
  kh_rules_release(&rules);
  enum kh_err err = kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, environment);
  ck_assert_msg(err == KH_OK, "%s", kh_config_dir_said(&dir));
  return kh_rules_compile(&dir.config, &rules, &dir.diags);
}

/* ---- what stands for what ---- */

START_TEST(the_very_text_counts_then_the_first_pattern)
{
  static const char table[] =
      "'web-*': first\nweb-api: exact\n'web-a*': never\n'!v* !w*': others\nJane Doe: jane\n'a b*': of two\n";
  static const struct {
    const char *key, *text;
  } cases[] = {{"web-api", "exact"}, {"web-abc", "first"}, {"x", "others"},
               {"Jane Doe", "jane"}, {"Jane", "others"},   {"v1", NULL},
               {"", NULL},           {"webs", NULL},       {"Web-api", "others"}};
  struct kh_str text;

  kh_config_dir_put(&dir, "t.yml", table);
  ck_assert_msg(compile("tables: {t: {file: t.yml}}\n") == KH_OK, "%s", kh_config_dir_said(&dir));
  text = kh_table_find(json_object_get(dir.config.tables, "t"), kh_str_of(cases[_i].key));
  ck_assert_msg(cases[_i].text ? kh_str_equal(text, kh_str_of(cases[_i].text)) : !text.at, "%s: %.*s",
                cases[_i].key, KH_FMT(text));
}
END_TEST

/* As mail, GitHub and Slack have them; a branch is no address. */
START_TEST(addresses_are_the_same_in_any_case)
{
  static const char table[] = "Jane@X.example: jane\n'*@BOTS.example !no@*': bot\nJANE@x.example: loud\n"
                              "'@here': mark\nMain: branch\n";
  static const struct {
    const char *key, *text;
  } cases[] = {{"jane@x.example", "jane"},
               {"JANE@X.EXAMPLE", "jane"},
               {"JANE@x.example", "loud"},
               {"CI@bots.Example", "bot"},
               {"NO@bots.example", NULL},
               {"j@x.example", NULL},
               {"@Here", NULL},
               {"main", NULL},
               {"@here", "mark"}};

  kh_config_dir_put(&dir, "t.yml", table);
  ck_assert_msg(compile("tables: {t: {file: t.yml}}\n") == KH_OK, "%s", kh_config_dir_said(&dir));
  const struct kh_str text = kh_table_find(json_object_get(dir.config.tables, "t"), kh_str_of(cases[_i].key));
  ck_assert_msg(cases[_i].text ? kh_str_equal(text, kh_str_of(cases[_i].text)) : !text.at, "%s: %.*s",
                cases[_i].key, KH_FMT(text));
}
END_TEST

START_TEST(an_empty_file_is_told_of_as_a_table)
{
  static const char *const texts[] = {"", "# nobody\n", "\n\n"};

  kh_config_dir_put(&dir, "t.yml", texts[_i]);
  ck_assert_int_eq(compile("tables: {t: {file: t.yml}}\n"), KH_ERR_CONFIG);
  ck_assert_msg(kh_config_dir_find(&dir, 1, 1, "empty; a table has lines of `key: text`") != NULL, "%s",
                kh_config_dir_said(&dir));
}
END_TEST

START_TEST(a_long_text_is_in_no_table)
{
  char key[KH_TEMPLATE_KEY_BYTES + 1];

  memset(key, 'x', sizeof key);
  ck_assert_int_eq(compile("tables: {t: {entries: {'*': all}}}\n"), KH_OK);
  const json_t *table = json_object_get(dir.config.tables, "t");
  ck_assert(kh_str_equal(kh_table_find(table, kh_str(key, KH_TEMPLATE_KEY_BYTES)), KH_STR("all")));
  ck_assert_ptr_null(kh_table_find(table, kh_str(key, sizeof key)).at);
}
END_TEST

/* ---- in a message ---- */

static const char event_body[] =
    "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"failed\",\"branch\":\"a#b\","
    "\"author\":{\"name\":\"Jane <j@x.example>\",\"email\":\"" ADDRESS "\"},"
    "\"creator\":{\"name\":\"Bo\",\"email\":\"other@y.example\"}},\"pipeline\":{\"slug\":\"web\"}}";

START_TEST(says_what_the_table_has)
{
  static const struct {
    const char *message, *text;
  } cases[] = {
      {"{{build.author.email | table t}}", "<@U012AB3CD>"},
      {"a{{build.creator.email | table t}}b", "ab"},
      {"{{build.creator.email|table t | default '<@U9>'}}", "<@U9>"},
      {"{{build.author.name | table t}}", "by name"},
      {"{{build.number | table t | truncate 3}}", "se…"},
      {"{{build.tag | table t | default 'none'}}", "none"},
      {"https://x.example/{{build.author.email | table t}}", "https://x.example/%3C%40U012AB3CD%3E"},
      {"{{build.number | table t | urlencode}}", "seven%20%23"},
  };
  static const unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_test_event event;
  struct kh_delivery delivery;
  char rest[1024];

  (void)snprintf(rest, sizeof rest,
                 "state: s\ntables:\n  t:\n    entries:\n      " ADDRESS ": '<@U012AB3CD>'\n"
                 "      Jane: by name\n      7: 'seven #'\nnotify:\n  - log: {message: \"%s\"}\n",
                 cases[_i].message);
  ck_assert_msg(compile(rest) == KH_OK, "%s", kh_config_dir_said(&dir));
  kh_test_event_read(&event, kh_str_of(event_body));
  ck_assert_int_eq(kh_test_rendered(&rules.at[0], kh_test_rendering(&event.event), digest, 0, &delivery),
                   KH_OK);
  json_t *body = json_loads(kh_buf_text(&delivery.body), 0, NULL);
  ck_assert_str_eq(json_string_value(json_object_get(body, "text")), cases[_i].text);
  ck_assert_ptr_null(strstr(kh_buf_text(&delivery.body), ADDRESS));
  json_decref(body);
  kh_delivery_release(&delivery);
  kh_test_event_release(&event);
}
END_TEST

START_TEST(a_mention_in_a_table_is_one_for_slack)
{
  static const struct {
    const char *message, *part;
  } cases[] = {
      {"hi {{build.author.email | table t}}", "{\"type\":\"user\",\"user_id\":\"U012AB3CD\"}"},
      {"hi {{build.creator.email | table t | default '<@U9>'}}", "hi <@U9>"},
      {"hi {{'<@U012AB3CD>'}}", "hi <@U012AB3CD>"},
  };
  static const unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_test_event event;
  struct kh_delivery delivery;
  char rest[1024];

  (void)snprintf(rest, sizeof rest,
                 "state: s\ntables: {t: {entries: {" ADDRESS ": '<@U012AB3CD>'}}}\nnotify:\n"
                 "  - slack: {url: {env: HOOK}, message: \"%s\"}\n",
                 cases[_i].message);
  ck_assert_msg(compile(rest) == KH_OK, "%s", kh_config_dir_said(&dir));
  kh_test_event_read(&event, kh_str_of(event_body));
  ck_assert_int_eq(kh_test_rendered(&rules.at[0], kh_test_rendering(&event.event), digest, 0, &delivery),
                   KH_OK);
  ck_assert_msg(strstr(kh_buf_text(&delivery.body), cases[_i].part) != NULL, "%s",
                kh_buf_text(&delivery.body));
  kh_delivery_release(&delivery);
  kh_test_event_release(&event);
}
END_TEST

/* ---- mistakes ---- */

#define LOG(message)                                                               \
  "state: s\ntables: {people: {entries: {a: b}}, rooms: {entries: {}}}\nnotify:\n" \
  "  - log: {message: '" message "'}\n"

START_TEST(says_what_is_wrong_and_where)
{
  static const struct {
    const char *rest;
    unsigned line, column;
    const char *words;
  } cases[] = {
      {"tables: [a]\n", 2, 1, "tables: needs a mapping"},
      {"tables: {p: people.yml}\n", 2, 10, "tables.p: write {file: p.yml} or {entries: {…}}"},
      {"tables: {p: {}}\n", 2, 13, "tables.p: write {file: p.yml}"},
      {"tables: {p: {flie: x.yml}}\n", 2, 14, "did you mean `file`?"},
      {"tables: {p: {file: x.yml, entries: {a: b}}}\n", 2, 27, "remove one of them"},
      {"tables: {p: {file: }}\n", 2, 14, "takes one path"},
      {"tables: {p: {file: none.yml}}\n", 2, 14, "none.yml: No such file or directory; write that file"},
      {"tables: {a-b: {entries: {a: b}}}\n", 2, 10, "1 to 32 letters, digits and \"_\""},
      {"tables: {p: {entries: [a]}}\n", 2, 14, "`entries` needs a mapping of texts"},
      {"tables: {p: {entries: {a: [b]}}}\n", 2, 24, "tables.p: this stands for no text"},
      {"tables: {p: {entries: {a: ''}}}\n", 2, 24, "tables.p: this stands for no text"},
      {"tables: {p: {entries: {a: \"b\\nc\"}}}\n", 2, 24, "one line of up to 1000 characters"},
      {"tables: {p: {entries: {'!!a': b}}}\n", 2, 24, "only one \"!\""},
      {LOG("{{build.branch | table poeple}}"), 5, 44,
       "there is no table \"poeple\"; there are: people, rooms; did you mean `people`?"},
      {LOG("{{build.branch | table}}"), 5, 43, "table needs the name of a table"},
      {LOG("{{build.branch | truncate 3 | table people}}"), 5, 51, "table is the first filter"},
      {LOG("{{build.failed_jobs | table people}}"), 5, 43, "table is for names of one value"},
      {LOG("{{\"x\" | table people}}"), 5, 29, "table is for names of one value"},
      {LOG("{{build.author.email | default \"x\" | table people}}"), 5, 23, "addresses of persons"},
      {LOG("{{build.author.email}}"), 5, 23, "`| table NAME` looks one up"},
      {"state: s\nnotify:\n  - log: {message: '{{build.branch | table rooms}}'}\n", 4, 44,
       "there are no tables; add `tables: {rooms: {file: rooms.yml}}`"},
  };

  ck_assert_int_eq(compile(cases[_i].rest), KH_ERR_CONFIG);
  ck_assert_msg(kh_config_dir_find(&dir, cases[_i].line, cases[_i].column, cases[_i].words) != NULL, "%s%s",
                cases[_i].rest, kh_config_dir_said(&dir));
  ck_assert_uint_le(dir.diags.count, 2);
}
END_TEST

START_TEST(what_is_wrong_in_a_file_is_told_of_it_without_its_addresses)
{
  kh_config_dir_put(&dir, "people.yml", "a: b\n" ADDRESS ": [c]\n" ADDRESS ": d\n");
  ck_assert_int_eq(compile("tables: {people: {file: people.yml}}\n"), KH_ERR_CONFIG);
  const struct kh_diag *diag = kh_config_dir_find(&dir, 3, 1, "");
  ck_assert_msg(diag && kh_str_ends(kh_str_of(diag->file), KH_STR("people.yml")), "%s",
                kh_config_dir_said(&dir));
  ck_assert_ptr_null(strstr(kh_config_dir_said(&dir), "planted"));
}
END_TEST

START_TEST(a_file_is_watched_there_or_not)
{
  kh_config_dir_put(&dir, "p.yml", "a: b\n");
  ck_assert_int_eq(compile("tables: {p: {file: p.yml}}\n"), KH_OK);
  ck_assert(!kh_config_is_outdated(&dir.config));
  kh_config_dir_put(&dir, "p.yml", "a: changed\n");
  ck_assert(kh_config_is_outdated(&dir.config));
  ck_assert_int_eq(compile("tables: {p: {file: q.yml}}\n"), KH_ERR_CONFIG);
  kh_config_dir_put(&dir, "q.yml", "a: b\n");
  ck_assert(kh_config_is_outdated(&dir.config));
}
END_TEST

START_TEST(a_file_has_a_bound)
{
  enum { ENTRIES = 10000 };
  struct kh_buf text;

  kh_buf_init(&text, 1 << 20);
  for (int i = 0; i < ENTRIES - 1; i++)
    (void)kh_buf_printf(&text, "k%d: v\n", i);
  kh_config_dir_put(&dir, "p.yml", kh_buf_text(&text));
  ck_assert_msg(compile("tables: {p: {file: p.yml}}\n") == KH_OK, "%s", kh_config_dir_said(&dir));
  const json_t *table = json_object_get(dir.config.tables, "p");
  ck_assert_uint_eq(json_object_size(table), ENTRIES - 1);
  ck_assert(kh_str_equal(kh_table_find(table, KH_STR("k9998")), KH_STR("v")));
  (void)kh_buf_add(&text, KH_STR("last: v\n"));
  kh_config_dir_put(&dir, "p.yml", kh_buf_text(&text));
  ck_assert_int_eq(compile("tables: {p: {file: p.yml}}\n"), KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(
      kh_config_dir_find(&dir, ENTRIES, 7, "a table has at most 9999 entries; make two of it"));
  kh_buf_release(&text);
}
END_TEST

static Suite *tables_suite(void)
{
  Suite *suite = suite_create("tables");
  TCase *cases = kh_test_case(suite, "tables");

  tcase_add_checked_fixture(cases, open_dir, close_dir);
  tcase_add_loop_test(cases, the_very_text_counts_then_the_first_pattern, 0, 9);
  tcase_add_loop_test(cases, addresses_are_the_same_in_any_case, 0, 9);
  tcase_add_loop_test(cases, an_empty_file_is_told_of_as_a_table, 0, 3);
  tcase_add_test(cases, a_long_text_is_in_no_table);
  tcase_add_loop_test(cases, says_what_the_table_has, 0, 8);
  tcase_add_loop_test(cases, a_mention_in_a_table_is_one_for_slack, 0, 3);
  tcase_add_loop_test(cases, says_what_is_wrong_and_where, 0, 21);
  tcase_add_test(cases, what_is_wrong_in_a_file_is_told_of_it_without_its_addresses);
  tcase_add_test(cases, a_file_is_watched_there_or_not);
  tcase_add_test(cases, a_file_has_a_bound);
  return suite;
}

int main(void)
{
  return kh_test_main(tables_suite());
}
