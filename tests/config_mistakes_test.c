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
    {25, 3, "`2h` is out of range: 1s to 1h"},
    {26, 3, "needs a path"},
    {27, 3, "needs a path"},
    {28, 3, "`colour` is no key here"},
    {28, 11, "tags are not supported"},
    {29, 1, "needs a list"},
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
    {WEBHOOK "state: s\ninbox: {max_entries: -1}\n", {3, 9, "`-1` is no whole number"}},
    {WEBHOOK "state: s\ninbox: {max_entries: 1.5}\n", {3, 9, "`1.5` is no whole number"}},
    {WEBHOOK "notify:\n", {2, 1, "needs a list"}},
    {WEBHOOK "notify: []\nlog: stderr\nstate: s\n", {3, 1, "`notify` must come last"}},
    {WEBHOOK "notify: []\nlog: stderr\nstate: s\n", {4, 1, "`notify` must come last"}},
    {WEBHOOK "log: \"/x\nnotify: y\"\n", {0, 0, "begins with `notify:`"}},
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

/* ---- units ---- */

struct amount {
  const char *text;
  int64_t amount; /* -1: refused */
};

static const struct amount durations[] = {
    {"0", 0},
    {"90", 90},
    {"90s", 90},
    {"5m", 300},
    {"2h", 7200},
    {"1d", 86400},
    {"007s", 7},
    {"", -1},
    {"s", -1},
    {"-5", -1},
    {"+5", -1},
    {"5 s", -1},
    {" 5s", -1},
    {"5S", -1},
    {"5ms", -1},
    {"1h30m", -1},
    {"0x5", -1},
    {"1e3", -1},
    {"9223372036854775807", INT64_MAX},
    {"9223372036854775808", -1},
    {"106751991167300d", INT64_C(106751991167300) * 86400},
    {"106751991167301d", -1},
    {"99999999999999999999999", -1},
};

static const struct amount sizes[] = {
    {"0", 0},
    {"1", 1},
    {"12B", 12},
    {"512KB", 524288},
    {"8MB", 8388608},
    {"1GB", 1073741824},
    {"", -1},
    {"KB", -1},
    {"8mb", -1},
    {"8M", -1},
    {"8 MB", -1},
    {"-8MB", -1},
    {"1.5GB", -1},
    {"1TB", -1},
    {"8589934591GB", INT64_C(8589934591) * 1073741824},
    {"17179869184GB", -1},
    {"99999999999999999999", -1},
};

START_TEST(reads_durations)
{
  int64_t seconds = 4711;
  bool want = durations[_i].amount >= 0;

  ck_assert_msg(kh_config_duration_s(durations[_i].text, &seconds) == want, "%s", durations[_i].text);
  ck_assert_int_eq(seconds, want ? durations[_i].amount : 4711);
  ck_assert(!kh_config_duration_s(NULL, &seconds));
}
END_TEST

START_TEST(reads_sizes)
{
  uint64_t bytes = 4711;
  bool want = sizes[_i].amount >= 0;

  ck_assert_msg(kh_config_size_bytes(sizes[_i].text, &bytes) == want, "%s", sizes[_i].text);
  ck_assert_uint_eq(bytes, want ? (uint64_t)sizes[_i].amount : 4711);
  ck_assert(!kh_config_size_bytes(NULL, &bytes));
}
END_TEST

/* ---- did you mean ---- */

static const char *const known[] = {"webhook", "env_file", "log", "state", "max_body", "name", NULL};

static const struct {
  const char *word, *meant;
} words[] = {
    {"webhok", "webhook"},   {"wehbook", "webhook"},
    {"Webhook", "webhook"},  {"webhooks", "webhook"},
    {"envfile", "env_file"}, {"env-file", "env_file"},
    {"maxBody", "max_body"}, {"MAX_BODY", "max_body"},
    {"stat", "state"},       {"nmae", "name"},
    {"logs", "log"},         {"foo", NULL},
    {"lag", "log"},          {"bag", NULL},
    {"hook", NULL},          {"", NULL},
    {"notify", NULL},        {"a_word_that_is_much_longer_than_any_key_could_be_max_body", NULL},
};

START_TEST(guesses_what_was_meant)
{
  const char *meant = kh_config_suggest(words[_i].word, known);

  ck_assert_msg((!meant && !words[_i].meant) ||
                    (meant && words[_i].meant && strcmp(meant, words[_i].meant) == 0),
                "%s: %s", words[_i].word, meant ? meant : "nothing");
}
END_TEST

/* ---- the list of them ---- */

START_TEST(keeps_a_hundred_and_counts_the_rest)
{
  struct kh_diags diags = {0};

  for (unsigned i = 0; i < 60; i++)
    ck_assert_int_eq(kh_diags_add(&diags, KH_OK, "f", 1, 1, "warning %u", i), KH_OK);
  ck_assert_uint_eq(diags.count, KH_DIAGS_WARN_MAX);
  ck_assert_int_eq(kh_diags_first(&diags).err, KH_OK);
  for (unsigned i = 0; i < 60; i++)
    ck_assert_int_eq(kh_diags_add(&diags, KH_ERR_CONFIG, "f", i + 1, 2, "mistake %u", i), KH_ERR_CONFIG);
  ck_assert_uint_eq(diags.count, KH_DIAGS_MAX);
  ck_assert_uint_eq(diags.warnings, KH_DIAGS_WARN_MAX);
  ck_assert_uint_eq(diags.more, 20);
  ck_assert_str_eq(kh_diags_first(&diags).text, "mistake 0");
  ck_assert_int_eq(kh_diags_add(NULL, KH_ERR_IO, "f", 1, 1, "nobody listens"), KH_ERR_IO);
  kh_diags_release(&diags);
  ck_assert_int_eq(kh_diags_first(&diags).err, KH_OK);
}
END_TEST

START_TEST(sorts_by_place)
{
  static const struct kh_diag found[] = {
      {.file = "b", .line = 3, .column = 2, .text = "0"}, {.file = "a", .line = 9, .column = 1, .text = "1"},
      {.file = "b", .line = 3, .column = 1, .text = "2"}, {.file = "b", .line = 1, .column = 7, .text = "3"},
      {.file = "b", .line = 3, .column = 1, .text = "4"},
  };
  static const char want[] = "13240";
  struct kh_diags diags = {0};

  for (size_t i = 0; i < KH_COUNT(found); i++)
    (void)kh_diags_add(&diags, KH_ERR_CONFIG, found[i].file, found[i].line, found[i].column, "%s",
                       found[i].text);
  kh_diags_sort(&diags);
  for (size_t i = 0; i < KH_COUNT(found); i++)
    ck_assert_int_eq(diags.at[i].text[0], want[i]);
  kh_diags_release(&diags);
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
  tcase_add_loop_test(mistakes, reads_durations, 0, (int)KH_COUNT(durations));
  tcase_add_loop_test(mistakes, reads_sizes, 0, (int)KH_COUNT(sizes));
  tcase_add_loop_test(mistakes, guesses_what_was_meant, 0, (int)KH_COUNT(words));
  tcase_add_test(mistakes, keeps_a_hundred_and_counts_the_rest);
  tcase_add_test(mistakes, sorts_by_place);
  return suite;
}

int main(void)
{
  return kh_test_main(mistakes_suite());
}
