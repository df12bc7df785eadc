#include "base/base.h"

#include "support/config_dir.h"
#include "support/suite.h"

static struct kh_config_dir dir;

static void open_dir(void)
{
  kh_config_dir_open(&dir);
}

static void close_dir(void)
{
  kh_config_dir_close(&dir);
}

/* ---- many at once ---- */

struct mistake {
  unsigned line, column;
  const char *fragment;
};

static const char many[] = "wehbook: {}\n"                    /* 1 */
                           "webhook:\n"                       /* 2 */
                           "  signature:\n"                   /* 3 */
                           "    - name: Current\n"            /* 4 */
                           "      file: webhook-secret\n"     /* 5 */
                           "    - file: webhook-secret\n"     /* 6 */
                           "    - name: ok\n"                 /* 7 */
                           "      fiel: webhook-secret\n"     /* 8 */
                           "    - {name: ok2, env: 9LIVES}\n" /* 9 */
                           "    - {name: ok3, env: HTTP_X}\n" /* 10 */
                           "    - {name: ok4, env: ABSENT}\n" /* 11 */
                           "    - {name: ok5, file: ./no}\n"  /* 12 */
                           "  token: {env: A, file: b}\n"     /* 13 */
                           "  freshness: 5 minutes\n"         /* 14 */
                           "  max_body: 65MB\n"               /* 15 */
                           "  freshness: 1m\n"                /* 16 */
                           "log: stdout\n"                    /* 17 */
                           "env_file: ./missing\n"            /* 18 */
                           "inbox:\n"                         /* 19 */
                           "  max_entries: 0\n"               /* 20 */
                           "  max-bytes: 1GB\n"               /* 21 */
                           "  max_bytes: lots\n"              /* 22 */
                           "worker:\n"                        /* 23 */
                           "  mode: services\n"               /* 24 */
                           "  linger: 2h\n"                   /* 25 */
                           "  program:\n"                     /* 26 */
                           "  log: [a]\n"                     /* 27 */
                           "  colour: !red blue\n"            /* 28 */
                           "notify: log\n"                    /* 29 */
                           "state: s\n";                      /* 30 */

static const struct mistake all[] = {
    {1, 1, "did you mean `webhook`?"},
    {4, 7, "a name is 1 to 32"},
    {6, 7, "needs a `name`"},
    {8, 7, "did you mean `file`?"},
    {9, 19, "takes the name of a variable"},
    {10, 19, "HTTP_"},
    {11, 19, "ABSENT is set neither in `env_file` nor in the environment"},
    {12, 19, "No such file"},
    {13, 11, "`file` and `env`; remove one"},
    {14, 3, "`5 minutes` is no duration; write one such as 90s"},
    {15, 3, "`65MB` is out of range: 1KB to 64MB"},
    {16, 3, "already on line 14"},
    {17, 1, "write stderr or a path"},
    {18, 1, "No such file"},
    {20, 3, "`0` is out of range: 1 to 1000000"},
    {21, 3, "did you mean `max_bytes`?"},
    {22, 3, "`lots` is no size; write one such as 512KB"},
    {24, 3, "`services` is no mode; write start, service or wait"},
    {25, 3, "`2h` is out of range: 0s to 1h"},
    {26, 3, "needs a path"},
    {27, 3, "needs a path"},
    {28, 3, "`colour` is no key here"},
    {28, 11, "tags are not supported"},
    {29, 1, "needs a list"},
    {30, 1, "`notify` must come last"},
};

START_TEST(finds_all_mistakes_at_once)
{
  char path[KH_PATH_BYTES];

  ck_assert_int_eq(kh_config_dir_read(&dir, many, KH_CONFIG_WHOLE, NULL), KH_ERR_CONFIG);
  for (size_t i = 0; i < KH_COUNT(all); i++)
    ck_assert_msg(kh_config_dir_find(&dir, all[i].line, all[i].column, all[i].fragment) != NULL,
                  "missing %u:%u %s in\n%s", all[i].line, all[i].column, all[i].fragment,
                  kh_config_dir_said(&dir));
  ck_assert_msg(dir.diags.count == KH_COUNT(all), "%zu in\n%s", dir.diags.count, kh_config_dir_said(&dir));
  for (size_t i = 0; i < KH_COUNT(all); i++)
    ck_assert_uint_eq(dir.diags.at[i].line, all[i].line);
  for (size_t i = 0; i < dir.diags.count; i++)
    ck_assert_str_eq(dir.diags.at[i].file, kh_tempdir_path(&dir.dir, "kitehook.yml", path, sizeof path));
}
END_TEST

/* ---- one at a time: the text behind a good webhook, and what is said about it ---- */

#define WEBHOOK "webhook: {signature: {file: webhook-secret}}\n"

struct wrong {
  const char *text;
  struct mistake mistake;
};

static const struct wrong wrongs[] = {
    {"log: stderr\n", {1, 1, "`webhook` is missing"}},
    {"webhook: wh-4711\n", {1, 1, "needs a mapping"}},
    {"webhook: {}\n", {1, 1, "no secret, so nothing can be proven"}},
    {"webhook: {freshness: 1m}\n", {1, 1, "no secret, so nothing can be proven"}},
    {"webhook: {signature: []}\n", {1, 22, "the list is empty"}},
    {"webhook: {signature: {}}\n", {1, 22, "needs `file: PATH` or `env: NAME`"}},
    {"webhook: {signature: {name: x}}\n", {1, 22, "needs `file: PATH` or `env: NAME`"}},
    {"webhook: {signature: {file: [a]}}\n", {1, 23, "must be a text"}},
    {"webhook: {signature: {file: ''}}\n", {1, 23, "empty or too long"}},
    {"webhook: {token: [{name: a, file: webhook-secret}, {name: a, file: webhook-secret}]}\n",
     {1, 53, "this name is taken"}},
    {WEBHOOK "inbox: {max_entries: 5}\n", {2, 1, "without `state`"}},
    {WEBHOOK "worker: wait\n", {2, 1, "without `state`"}},
    {WEBHOOK "state: s\nworker: [wait]\n", {3, 1, "this value is no mode"}},
    {WEBHOOK "state: s\ninbox: 5\n", {3, 1, "needs a mapping"}},
    {WEBHOOK "state:\n", {2, 1, "needs a path"}},
    {WEBHOOK "state: s\ninbox: {max_bytes: 1MB}\n", {3, 1, "less than one body"}},
    {WEBHOOK "state: s\ninbox: {max_bytes: 8388607}\n", {3, 1, "less than one body"}},
    {WEBHOOK "state: s\ninbox: {reserve: 512KB}\n", {3, 9, "out of range: 1MB to 1024GB"}},
    {WEBHOOK "state: s\ninbox: {reserve: some}\n", {3, 9, "is no size"}},
    {WEBHOOK "outbox: {max_entries: 5}\n", {2, 1, "without `state`"}},
    {WEBHOOK "state: s\noutbox: 5\n", {3, 1, "needs a mapping"}},
    {WEBHOOK "state: s\noutbox: {max_bytes: 512KB}\n", {3, 10, "out of range: 1MB to 1024GB"}},
    {WEBHOOK "state: s\noutbox: {keep_dead: 59m}\n", {3, 10, "out of range: 1h to 365d"}},
    {WEBHOOK "journal: {max_entries: 5}\n", {2, 1, "without `state`"}},
    {WEBHOOK "state: s\njournal: 5\n", {3, 1, "needs a mapping"}},
    {WEBHOOK "state: s\njournal: {max_entries: 1000001}\n", {3, 11, "out of range: 0 to 1000000"}},
    {WEBHOOK "state: s\njournal: {max_bytes: 512KB}\n", {3, 11, "out of range: 1MB to 1024GB"}},
    {WEBHOOK "state: s\njournal: {keep: 23h}\n", {3, 11, "out of range: 1d to 3650d"}},
    {WEBHOOK "state: s\ninbox: {max_entries: -1}\n", {3, 9, "`-1` is no whole number"}},
    {WEBHOOK "state: s\ninbox: {max_entries: 1.5}\n", {3, 9, "`1.5` is no whole number"}},
    {WEBHOOK "notify:\n", {2, 1, "needs a list"}},
    {WEBHOOK "notify: []\nlog: stderr\nstate: s\n", {3, 1, "`notify` must come last"}},
    {WEBHOOK "notify: []\nlog: stderr\nstate: s\n", {4, 1, "`notify` must come last"}},
    {WEBHOOK "services: {}\nlog: stderr\nnotify: []\nstate: s\n", {3, 1, "log: `services` must come last"}},
    {WEBHOOK "services: {}\nlog: stderr\nnotify: []\nstate: s\n", {5, 1, "state: `services` must come last"}},
    {WEBHOOK "services: [slack]\n", {2, 1, "services: needs a mapping"}},
    {WEBHOOK "tables: {}\nstate: s\n", {3, 1, "`tables` must come last"}},
    {WEBHOOK "log: \"/x\nnotify: y\"\n", {0, 0, "begins with `notify:`"}},
    {WEBHOOK "log: \"/x\nservices: y\"\n", {0, 0, "or `tables:`; indent that line"}},
    {WEBHOOK "services: {}\n\"notify\": []\n", {0, 0, "`notify:` is a line of its own, without quotes"}},
    {WEBHOOK "\xc3\xbc: 1\n", {2, 1, "this value is no key here"}},
};

START_TEST(says_what_is_wrong_and_where)
{
  const struct wrong *wrong = &wrongs[_i];
  const struct mistake *want = &wrong->mistake;

  ck_assert_int_eq(kh_config_dir_read(&dir, wrong->text, KH_CONFIG_WHOLE, NULL), KH_ERR_CONFIG);
  ck_assert_msg(kh_config_dir_find(&dir, want->line, want->column, want->fragment) != NULL, "%s in\n%s",
                want->fragment, kh_config_dir_said(&dir));
}
END_TEST

START_TEST(a_path_has_a_limit)
{
  char text[KH_PATH_BYTES + 200];
  int room = KH_PATH_BYTES - 1 - (int)strlen("/");

  (void)snprintf(text, sizeof text, WEBHOOK "log: /%0*d\n", room, 0);
  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, NULL), KH_OK);
  ck_assert_uint_eq(strlen(dir.config.log_path), KH_PATH_BYTES - 1);
  (void)snprintf(text, sizeof text, WEBHOOK "log: /%0*d\n", room + 1, 0);
  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, NULL), KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 2, 1, "at most 511 bytes"));
}
END_TEST

static Suite *mistakes_suite(void)
{
  Suite *suite = suite_create("config_mistakes");
  TCase *mistakes = kh_test_case(suite, "mistakes");

  tcase_add_checked_fixture(mistakes, open_dir, close_dir);
  tcase_add_test(mistakes, finds_all_mistakes_at_once);
  tcase_add_loop_test(mistakes, says_what_is_wrong_and_where, 0, (int)KH_COUNT(wrongs));
  tcase_add_test(mistakes, a_path_has_a_limit);
  return suite;
}

int main(void)
{
  return kh_test_main(mistakes_suite());
}
