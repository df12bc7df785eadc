#include "base/base.h"

#include "notify/notifiers.h"
#include "support/config_dir.h"
#include "support/suite.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct kh_config_dir dir;
static struct kh_rules rules;

/* ---- how often a file is opened, and a place sought ---- */

static size_t opened;
static size_t sought;

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);

int __wrap_open(const char *path, int flags, mode_t mode)
{
  opened += (flags & O_ACCMODE) == O_RDONLY; /* the test itself writes */
  return __real_open(path, flags, mode);
}

void __real_kh_yaml_place(const struct kh_yaml *yaml, const json_t *node, unsigned *line, unsigned *column);
void __wrap_kh_yaml_place(const struct kh_yaml *yaml, const json_t *node, unsigned *line, unsigned *column);

void __wrap_kh_yaml_place(const struct kh_yaml *yaml, const json_t *node, unsigned *line, unsigned *column)
{
  sought++;
  __real_kh_yaml_place(yaml, node, line, column);
}

static void open_dir(void)
{
  char path[KH_PATH_BYTES];

  kh_config_dir_open(&dir);
  ck_assert_int_eq(mkdir(kh_tempdir_path(&dir.dir, "rules", path, sizeof path), 0700), 0);
  ck_assert_int_eq(mkdir(kh_tempdir_path(&dir.dir, "rules/deep", path, sizeof path), 0700), 0);
}

static void close_dir(void)
{
  kh_rules_release(&rules);
  kh_config_dir_close(&dir);
}

#define HEAD "webhook: {signature: {file: webhook-secret}}\nnotify:\n"

static enum kh_err compile(const char *notify, enum kh_config_depth depth)
{
  char text[8192];

  (void)snprintf(text, sizeof text, HEAD "%s", notify);
  kh_rules_release(&rules);
  enum kh_err err = kh_config_dir_read(&dir, text, depth, NULL);
  ck_assert_msg(err == KH_OK, "%s", kh_config_dir_said(&dir));
  return kh_rules_compile(&dir.config, &rules, &dir.diags);
}

static void assert_names(const char *want)
{
  char names[1024] = "";
  size_t len = 0;

  for (size_t i = 0; i < rules.count; i++)
    len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? " " : "", rules.at[i].name);
  ck_assert_str_eq(names, want);
}

static bool is_said(const char *file, unsigned line, unsigned column, const char *words)
{
  char path[KH_PATH_BYTES];
  const struct kh_diag *diag = kh_config_dir_find(&dir, line, column, words);

  return diag && strcmp(diag->file, kh_tempdir_path(&dir.dir, file, path, sizeof path)) == 0;
}

START_TEST(stands_for_the_items_of_the_file)
{
  kh_config_dir_put(&dir, "rules/web.yml",
                    "- log: {}\n  name: b\n- include: deep/api.yml\n- log: {}\n  name: d\n");
  kh_config_dir_put(&dir, "rules/deep/api.yml", "- log: {}\n  name: c\n");
  ck_assert_msg(
      compile("- {log: , name: a}\n- include: rules/web.yml\n- {log: , name: e}\n", KH_CONFIG_WHOLE) == KH_OK,
      "%s", kh_config_dir_said(&dir));
  assert_names("a b c d e");
}
END_TEST

START_TEST(a_file_may_come_twice_but_names_are_unique)
{
  kh_config_dir_put(&dir, "a.yml", "- log\n");
  ck_assert_int_eq(compile("- include: a.yml\n- include: ./a.yml\n", KH_CONFIG_WHOLE), KH_OK);
  assert_names("log-1 log-2");
  kh_config_dir_put(&dir, "a.yml", "- {log: , name: x}\n");
  ck_assert_int_eq(compile("- include: a.yml\n- include: a.yml\n", KH_CONFIG_WHOLE), KH_ERR_CONFIG);
  ck_assert(is_said("a.yml", 1, 11, "named `x` already"));
}
END_TEST

START_TEST(anchors_work_inside_each_file)
{
  kh_config_dir_put(
      &dir, "a.yml",
      "- log: {}\n  branches: &trunk \"main\"\n- log: {}\n  branches: *trunk\n  if: &c \"event == 'ping'\"\n"
      "- log: {}\n  if: *c\n");
  ck_assert_msg(compile("- include: a.yml\n", KH_CONFIG_WHOLE) == KH_OK, "%s", kh_config_dir_said(&dir));
  ck_assert_uint_eq(rules.count, 3);
  ck_assert_str_eq(rules.at[1].match.branches, "main");
  ck_assert_ptr_nonnull(rules.at[2].match.condition);
}
END_TEST

START_TEST(mistakes_have_the_file_they_are_in)
{
  kh_config_dir_put(
      &dir, "rules/web.yml",
      "- log: {}\n  if: |\n    build.branch == 'main' &&\n      buld.tag == null\n  brnches: x\n");
  ck_assert_int_eq(compile("- log: {}\n  brnches: x\n- include: rules/web.yml\n", KH_CONFIG_CHECK),
                   KH_ERR_CONFIG);
  ck_assert_msg(is_said("rules/web.yml", 4, 7, "did you mean `build.tag`?"), "%s", kh_config_dir_said(&dir));
  ck_assert(is_said("rules/web.yml", 5, 3, "did you mean `branches`?"));
  ck_assert(is_said("kitehook.yml", 4, 3, "did you mean `branches`?"));
  ck_assert_uint_eq(dir.diags.count, 3);
}
END_TEST

/* The item, what is in a.yml, where and what is said. */
static const struct {
  const char *notify, *included, *file;
  unsigned line, column;
  const char *said;
} wrongs[] = {
    {"- include: b.yml\n", "", "kitehook.yml", 3, 3, "No such file"},
    {"- include: rules\n", "", "kitehook.yml", 3, 3, "not a regular file"},
    {"- include:\n", "", "kitehook.yml", 3, 3, "takes one path"},
    {"- include: [a.yml]\n", "", "kitehook.yml", 3, 3, "takes one path"},
    {"- include: a.yml\n  if: build.state == 'failed'\n", "- log\n", "kitehook.yml", 3, 3, "stands alone"},
    {"- include\n", "", "kitehook.yml", 3, 3, "names one notifier"},
    {"- include: a.yml\n", "", "a.yml", 1, 1, "empty"},
    {"- include: a.yml\n", "notify:\n  - log\n", "a.yml", 1, 1, "without `notify:`"},
    {"- include: a.yml\n", "log\n", "a.yml", 1, 1, "without `notify:`"},
    {"- include: a.yml\n", "- log\n- [\n", "a.yml", 3, 1, "not valid YAML"},
    {"- include: a.yml\n", "- log: &x {}\n- log: *y\n", "a.yml", 2, 8, "no anchor"},
    {"- include: a.yml\n", "- include: a.yml\n", "a.yml", 1, 3, "includes itself"},
    {"- include: a.yml\n", "- include: kitehook.yml\n", "a.yml", 1, 3, "includes itself"},
    {"- include: a.yml\n", "- include: rules/../a.yml\n", NULL, 0, 0, "at most 4 levels"},
    {"- include: a.yml\n", "- log: {}\n  colour: red\n", "a.yml", 2, 3, "no key here"},
};

START_TEST(says_what_is_wrong_and_where)
{
  kh_config_dir_put(&dir, "a.yml", wrongs[_i].included);
  ck_assert_int_eq(compile(wrongs[_i].notify, KH_CONFIG_WHOLE), KH_ERR_CONFIG);
  ck_assert_ptr_null(rules.at);
  ck_assert_msg(dir.diags.count == 1, "%s", kh_config_dir_said(&dir));
  if (wrongs[_i].file)
    ck_assert_msg(is_said(wrongs[_i].file, wrongs[_i].line, wrongs[_i].column, wrongs[_i].said), "%s",
                  kh_config_dir_said(&dir));
  else
    ck_assert_ptr_nonnull(strstr(dir.diags.at[0].text, wrongs[_i].said));
}
END_TEST

START_TEST(depth_and_number_have_limits)
{
  char name[32];
  char text[64];
  char items[4096] = "";
  size_t len = 0;

  for (int i = 1; i <= KH_INCLUDE_DEPTH_MAX + 1; i++) {
    (void)snprintf(name, sizeof name, "%d.yml", i);
    (void)snprintf(text, sizeof text, i == KH_INCLUDE_DEPTH_MAX ? "- log\n" : "- include: %d.yml\n", i + 1);
    kh_config_dir_put(&dir, name, text);
  }
  ck_assert_msg(compile("- include: 1.yml\n", KH_CONFIG_WHOLE) == KH_OK, "%s", kh_config_dir_said(&dir));
  assert_names("log-1");
  kh_config_dir_put(&dir, "4.yml", "- include: 5.yml\n");
  kh_config_dir_put(&dir, "5.yml", "- log\n");
  ck_assert_int_eq(compile("- include: 1.yml\n", KH_CONFIG_WHOLE), KH_ERR_CONFIG);
  ck_assert(is_said("4.yml", 1, 3, "at most 4 levels"));

  for (int i = 0; i < KH_INCLUDED_MAX; i++)
    len += (size_t)snprintf(items + len, sizeof items - len, "- include: 5.yml\n");
  ck_assert_int_eq(compile(items, KH_CONFIG_WHOLE), KH_OK);
  ck_assert_uint_eq(rules.count, KH_INCLUDED_MAX);
  (void)snprintf(items + len, sizeof items - len, "- include: 5.yml\n");
  ck_assert_int_eq(compile(items, KH_CONFIG_WHOLE), KH_ERR_CONFIG);
  ck_assert(is_said("kitehook.yml", 3 + KH_INCLUDED_MAX, 3, "more than 32 included"));
}
END_TEST

/* The text of COUNT items that include NAME. */
static void put_includes(const char *file, int count, const char *name)
{
  struct kh_buf text;

  kh_buf_init(&text, 262144);
  for (int i = 0; i < count; i++)
    ck_assert_int_eq(kh_buf_printf(&text, "- include: %s\n", name), KH_OK);
  kh_config_dir_put(&dir, file, kh_buf_text(&text));
  kh_buf_release(&text);
}

/* With 12 in each, 12 + 144 + 1728 files would be read. */
START_TEST(nothing_is_opened_beyond_the_limit)
{
  put_includes("a.yml", 12, "b.yml");
  put_includes("b.yml", 12, "c.yml");
  kh_config_dir_put(&dir, "c.yml", "- log\n");
  opened = 0;
  ck_assert_int_eq(compile("- include: a.yml\n- include: a.yml\n- include: a.yml\n", KH_CONFIG_CHECK),
                   KH_ERR_CONFIG);
  ck_assert_msg(dir.diags.count == 1, "%s", kh_config_dir_said(&dir));
  ck_assert(is_said("b.yml", 5, 3, "more than 32 included")); /* a, b with 12 of c, b with 12, b with 4 */
  ck_assert_uint_eq(opened, KH_INCLUDED_MAX + 2);             /* kitehook.yml and the secret */
}
END_TEST

/* Each place is sought from the first line of a file on. */
START_TEST(mistakes_that_are_only_counted_cost_little)
{
  put_includes("a.yml", 1, "b.yml");
  put_includes("b.yml", 1, "c.yml");
  put_includes("c.yml", 29, "d.yml");
  put_includes("d.yml", 6000, "e.yml");
  sought = 0;
  ck_assert_int_eq(compile("- include: a.yml\n", KH_CONFIG_CHECK), KH_ERR_CONFIG);
  ck_assert_uint_le(sought, (size_t)KH_DIAGS_MAX * (KH_INCLUDED_MAX + 1));
  ck_assert(is_said("d.yml", 1, 3, "at most 4 levels"));
  ck_assert_uint_eq(dir.diags.count + dir.diags.more, 29 * 6000);
}
END_TEST

START_TEST(no_secret_is_opened_beyond_the_limit)
{
  struct kh_buf text;

  kh_buf_init(&text, 8192);
  for (int i = 0; i < KH_WATCHED_MAX + 10; i++)
    ck_assert_int_eq(kh_buf_printf(&text, "- slack: {url: {file: hook-%d}}\n", i), KH_OK);
  opened = 0;
  ck_assert_int_eq(compile(kh_buf_text(&text), KH_CONFIG_CHECK), KH_ERR_CONFIG);
  ck_assert(is_said("kitehook.yml", 2 + KH_WATCHED_MAX, 17, "more than 64 files to watch"));
  ck_assert_uint_eq(opened, KH_WATCHED_MAX);
  kh_buf_release(&text);
}
END_TEST

START_TEST(a_change_is_noticed)
{
  kh_config_dir_put(&dir, "rules/web.yml", "- include: deep/api.yml\n");
  kh_config_dir_put(&dir, "rules/deep/api.yml", "- log\n");
  ck_assert_int_eq(compile("- include: rules/web.yml\n", KH_CONFIG_WHOLE), KH_OK);
  ck_assert(!kh_config_is_outdated(&dir.config));
  kh_config_dir_put(&dir, "rules/deep/api.yml", _i == 0 ? "- log\n- log\n" : "- teams\n");
  ck_assert(kh_config_is_outdated(&dir.config));
  ck_assert_int_eq(compile("- include: rules/web.yml\n", KH_CONFIG_WHOLE), _i == 0 ? KH_OK : KH_ERR_CONFIG);
  ck_assert(!kh_config_is_outdated(&dir.config));
  /* a cure of what is broken, too */
  kh_config_dir_put(&dir, "rules/deep/api.yml", "- log: {}\n");
  ck_assert(kh_config_is_outdated(&dir.config));
}
END_TEST

START_TEST(a_missing_file_is_watched_for)
{
  ck_assert_int_eq(compile("- include: later.yml\n", KH_CONFIG_WHOLE), KH_ERR_CONFIG);
  ck_assert(!kh_config_is_outdated(&dir.config));
  kh_config_dir_put(&dir, "later.yml", "- log\n");
  ck_assert(kh_config_is_outdated(&dir.config));
}
END_TEST

START_TEST(receivers_never_read_it)
{
  ck_assert_int_eq(kh_config_dir_read(&dir, HEAD "- include: nowhere.yml\n", KH_CONFIG_RECEIVER, NULL),
                   KH_OK);
  ck_assert_uint_eq(dir.config.watched_count, 2); /* kitehook.yml and the secret */
  ck_assert_uint_eq(dir.diags.count, 0);
}
END_TEST

START_TEST(paths_start_at_the_file_they_stand_in)
{
  kh_config_dir_put(&dir, "rules/hook", "https://hooks.example/a\n");
  kh_config_dir_put(&dir, "rules/web.yml", "- slack: {url: {file: hook}}\n");
  ck_assert_msg(compile("- include: rules/web.yml\n", KH_CONFIG_WHOLE) == KH_OK, "%s",
                kh_config_dir_said(&dir));
  ck_assert_str_eq(kh_secret_reveal(&rules.at[0].url).at, "https://hooks.example/a");
  ck_assert_int_eq(compile("- slack: {url: {file: hook}}\n", KH_CONFIG_WHOLE), KH_ERR_CONFIG);
}
END_TEST

/* ---- KH_CONFIG_DRY ---- */

START_TEST(a_dry_read_needs_no_secret)
{
  const char *text =
      "webhook: {signature: {file: nowhere}, token: {env: NOTHING}}\nenv_file: nowhere\nnotify:\n"
      "- slack: {url: {env: NOTHING}}\n- webhook: {url: {file: nowhere}, secret: {env: NOTHING}}\n"
      "- lifx: {token: {ssm: /nothing}}\n";

  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, NULL), KH_ERR_CONFIG);
  ck_assert_msg(kh_config_dir_read(&dir, text, KH_CONFIG_DRY, NULL) == KH_OK, "%s", kh_config_dir_said(&dir));
  ck_assert_msg(kh_rules_compile(&dir.config, &rules, &dir.diags) == KH_OK, "%s", kh_config_dir_said(&dir));
  ck_assert_uint_eq(rules.count, 3);
  ck_assert(kh_secret_is_empty(&rules.at[0].url));
  ck_assert_str_eq(rules.at[0].credential, "slack env:NOTHING");
  ck_assert_uint_eq(dir.config.watched_count, 1);
  /* what is no reference is a mistake still */
  ck_assert_int_eq(kh_config_dir_read(&dir, "webhook: {signature: plain}\n", KH_CONFIG_DRY, NULL),
                   KH_ERR_CONFIG);
  ck_assert_int_eq(kh_config_dir_read(&dir, "webhook: {signature: {fiel: x}}\n", KH_CONFIG_DRY, NULL),
                   KH_ERR_CONFIG);
}
END_TEST

static Suite *include_suite(void)
{
  Suite *suite = suite_create("include");
  TCase *cases = kh_test_case(suite, "include");

  tcase_add_checked_fixture(cases, open_dir, close_dir);
  tcase_add_test(cases, stands_for_the_items_of_the_file);
  tcase_add_test(cases, a_file_may_come_twice_but_names_are_unique);
  tcase_add_test(cases, anchors_work_inside_each_file);
  tcase_add_test(cases, mistakes_have_the_file_they_are_in);
  tcase_add_loop_test(cases, says_what_is_wrong_and_where, 0, (int)KH_COUNT(wrongs));
  tcase_add_test(cases, depth_and_number_have_limits);
  tcase_add_test(cases, nothing_is_opened_beyond_the_limit);
  tcase_add_test(cases, mistakes_that_are_only_counted_cost_little);
  tcase_add_test(cases, no_secret_is_opened_beyond_the_limit);
  tcase_add_loop_test(cases, a_change_is_noticed, 0, 2);
  tcase_add_test(cases, a_missing_file_is_watched_for);
  tcase_add_test(cases, receivers_never_read_it);
  tcase_add_test(cases, paths_start_at_the_file_they_stand_in);
  tcase_add_test(cases, a_dry_read_needs_no_secret);
  return suite;
}

int main(void)
{
  return kh_test_main(include_suite());
}
