#include "base/base.h"

#include "support/command.h"
#include "support/config_dir.h"
#include "support/suite.h"

#include <unistd.h>

static struct kh_config_dir dir;

static void open_dir(void)
{
  kh_config_dir_open(&dir);
}

static void close_dir(void)
{
  kh_config_dir_close(&dir);
}

#define WEBHOOK "webhook: {signature: {file: webhook-secret}}\n"

static void read_well(const char *text, enum kh_config_depth depth)
{
  enum kh_err err = kh_config_dir_read(&dir, text, depth, NULL);

  ck_assert_msg(err == KH_OK, "%s", kh_config_dir_said(&dir));
}

static void assert_path(const char *got, const char *name)
{
  char want[KH_PATH_BYTES];

  ck_assert_str_eq(got, kh_tempdir_path(&dir.dir, name, want, sizeof want));
}

START_TEST(has_defaults)
{
  const struct kh_config *config = &dir.config;

  read_well(WEBHOOK, (enum kh_config_depth)_i);
  ck_assert_uint_eq(config->signatures.count, 1);
  ck_assert_str_eq(config->signatures.at[0].name, "default");
  ck_assert_str_eq(kh_secret_reveal(&config->signatures.at[0].secret).at, KH_TEST_SECRET);
  ck_assert_uint_eq(config->tokens.count, 0);
  ck_assert_int_eq(config->freshness_s, 300);
  ck_assert_uint_eq(config->max_body_bytes, 8388608);
  ck_assert_str_eq(config->log_path, "");
  ck_assert_str_eq(config->state, "");
  ck_assert_uint_eq(config->inbox_max_entries, 10000);
  ck_assert_uint_eq(config->inbox_max_bytes, 1073741824);
  ck_assert_uint_eq(config->inbox_reserve_bytes, 67108864);
  ck_assert_uint_eq(config->outbox_max_entries, 40000);
  ck_assert_uint_eq(config->outbox_max_bytes, 268435456);
  ck_assert_int_eq(config->outbox_keep_dead_s, 2592000);
  ck_assert_uint_eq(config->journal_max_entries, 10000);
  ck_assert_uint_eq(config->journal_max_bytes, 67108864);
  ck_assert_int_eq(config->journal_keep_s, 2592000);
  ck_assert_int_eq(config->worker_mode, KH_WORKER_START);
  ck_assert_str_eq(config->worker_program, KH_WORKER_PROGRAM);
  ck_assert_str_eq(config->worker_log, "");
  ck_assert_int_eq(config->worker_linger_s, 5);
  ck_assert_ptr_null(config->notify);
  ck_assert_uint_eq(dir.diags.count, 0);
  assert_path(config->path, "kitehook.yml");
}
END_TEST

static const char full[] =
    "webhook:\n"
    "  signature: [{name: current, file: ./webhook-secret}, {name: old_1, env: OLD}]\n"
    "  token: {name: t, env: TOKEN}\n"
    "  freshness: 90s\n"
    "  max_body: 512KB\n"
    "log: logs/receiver.log\n"
    "state: state\n"
    "inbox: {max_entries: 7, max_bytes: 2MB, reserve: 3GB}\n"
    "outbox: {max_entries: 8, max_bytes: 3MB, keep_dead: 2h}\n"
    "worker: {mode: service, program: bin/kitehook, log: /var/log/worker, linger: 2m}\n"
    "env_file: env\n"
    "notify:\n"
    "  - log\n"
    "  - slack: {url: {env: U}}\n";

START_TEST(reads_every_key)
{
  const struct kh_config *config = &dir.config;
  bool whole = _i == KH_CONFIG_WHOLE;

  kh_config_dir_put(&dir, "env", "OLD=old-secret-text\nTOKEN='the token'\n");
  read_well(full, (enum kh_config_depth)_i);
  ck_assert_uint_eq(config->signatures.count, 2);
  ck_assert_str_eq(config->signatures.at[0].name, "current");
  ck_assert_str_eq(kh_secret_reveal(&config->signatures.at[0].secret).at, KH_TEST_SECRET);
  ck_assert_str_eq(config->signatures.at[1].name, "old_1");
  ck_assert_str_eq(kh_secret_reveal(&config->signatures.at[1].secret).at, "old-secret-text");
  ck_assert_uint_eq(config->tokens.count, 1);
  ck_assert_str_eq(config->tokens.at[0].name, "t");
  ck_assert_str_eq(kh_secret_reveal(&config->tokens.at[0].secret).at, "the token");
  ck_assert_int_eq(config->freshness_s, 90);
  ck_assert_uint_eq(config->max_body_bytes, 524288);
  assert_path(config->log_path, "logs/receiver.log");
  assert_path(config->state, "state");
  ck_assert_uint_eq(config->inbox_max_entries, 7);
  ck_assert_uint_eq(config->inbox_max_bytes, 2097152);
  ck_assert_uint_eq(config->inbox_reserve_bytes, 3221225472);
  ck_assert_uint_eq(config->outbox_max_entries, whole ? 8 : 40000); /* a receiver has none */
  ck_assert_uint_eq(config->outbox_max_bytes, whole ? 3145728 : 268435456);
  ck_assert_int_eq(config->outbox_keep_dead_s, whole ? 7200 : 2592000);
  ck_assert_int_eq(config->worker_mode, KH_WORKER_SERVICE);
  assert_path(config->worker_program, "bin/kitehook");
  ck_assert_str_eq(config->worker_log, "/var/log/worker");
  ck_assert_int_eq(config->worker_linger_s, 120);
  ck_assert_uint_eq(json_array_size(config->notify), whole ? 2 : 0);
  ck_assert_uint_eq(dir.diags.count, 0);
}
END_TEST

START_TEST(an_inbox_may_be_as_large_as_one_body)
{
  const struct kh_config *config = &dir.config;

  read_well(WEBHOOK "state: s\ninbox: {max_bytes: 8MB}\n", KH_CONFIG_WHOLE);
  ck_assert_uint_eq(config->inbox_max_bytes, config->max_body_bytes);
}
END_TEST

START_TEST(reads_words_for_streams_and_modes)
{
  static const char *const modes[] = {"start", "service", "wait"};
  char text[256];

  for (unsigned mode = 0; mode < KH_COUNT(modes); mode++) {
    (void)snprintf(text, sizeof text, WEBHOOK "state: s\nlog: stderr\nworker: %s\n", modes[mode]);
    read_well(text, KH_CONFIG_RECEIVER);
    ck_assert_int_eq(dir.config.worker_mode, (enum kh_worker_mode)mode);
    ck_assert_str_eq(dir.config.log_path, "");
  }
  read_well(WEBHOOK "state: s\nworker: {log: stderr}\n", KH_CONFIG_RECEIVER);
  ck_assert_str_eq(dir.config.worker_log, "stderr");
}
END_TEST

START_TEST(paths_are_absolute_though_its_own_is_not)
{
  struct kh_config config;
  char folder[KH_PATH_BYTES];
  char want[KH_PATH_BYTES];

  kh_config_dir_put(&dir, "kitehook.yml", WEBHOOK "state: s\nlog: /l\n");
  ck_assert_int_eq(chdir(dir.dir.path), 0);
  ck_assert_ptr_nonnull(getcwd(folder, sizeof folder));
  ck_assert_int_eq(kh_config_read(&config, "kitehook.yml", KH_CONFIG_RECEIVER, NULL, NULL), KH_OK);
  (void)snprintf(want, sizeof want, "%.500s/s", folder);
  ck_assert_str_eq(config.state, want);
  ck_assert_str_eq(config.log_path, "/l");
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert(!kh_config_is_outdated(&config));
  kh_config_release(&config);
}
END_TEST

/* ---- what a receiver does not see ---- */

static const char *const garbage[] = {
    "",
    " [[[ {{",
    " \xff\xfe",
    "\n\xff\xff\n",
    "\n- {url: {env: NOT_SET}}\nlog: x\nlog: y\n",
    "\n\t@@@ %%%\n--- ---\n",
};

START_TEST(a_receiver_reads_no_further_than_notify)
{
  char text[256];

  (void)snprintf(text, sizeof text, WEBHOOK "state: s\nnotify:%s", garbage[_i]);
  read_well(text, KH_CONFIG_RECEIVER);
  ck_assert_ptr_null(dir.config.notify);
  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, NULL), KH_ERR_CONFIG);
}
END_TEST

START_TEST(notify_without_state_is_for_check_and_worker_to_refuse)
{
  read_well(WEBHOOK "notify: [log]\n", KH_CONFIG_WHOLE);
  ck_assert_int_eq(kh_config_needs_state(&dir.config, &dir.diags), KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 2, 1, "`notify` needs `state`"));
  read_well(WEBHOOK "state: s\nnotify: [log]\n", KH_CONFIG_WHOLE);
  ck_assert_int_eq(kh_config_needs_state(&dir.config, &dir.diags), KH_OK);
  read_well(WEBHOOK, KH_CONFIG_WHOLE);
  ck_assert_int_eq(kh_config_needs_state(&dir.config, &dir.diags), KH_OK);
}
END_TEST

/* ---- the example ---- */

START_TEST(the_example_is_right)
{
  static const char *const sed[] = {"sed", NULL, KH_SOURCE_DIR "/docs/kitehook.example.yml", NULL};
  const char *argv[KH_COUNT(sed)];
  char script[KH_PATH_BYTES];
  struct kh_buf text;

  kh_buf_init(&text, 65536);
  (void)snprintf(script, sizeof script, "s#/etc/kitehook#%s#", dir.dir.path);
  memcpy(argv, sed, sizeof argv);
  argv[1] = script;
  ck_assert_int_eq(kh_command(argv, KH_STR(""), &text), 0);
  kh_config_dir_put(&dir, "webhook-token", "a-token-of-some-length");
  kh_config_dir_put(&dir, "env", "OLD_WEBHOOK_SECRET=another-secret\n");
  read_well(kh_buf_text(&text), KH_CONFIG_WHOLE);
  ck_assert_msg(dir.diags.count == 0, "%s", kh_config_dir_said(&dir));
  ck_assert_uint_gt(json_array_size(dir.config.notify), 0);
  kh_buf_release(&text);
}
END_TEST

static Suite *config_suite(void)
{
  Suite *suite = suite_create("config");
  TCase *config = kh_test_case(suite, "config");

  tcase_add_checked_fixture(config, open_dir, close_dir);
  tcase_add_loop_test(config, has_defaults, KH_CONFIG_RECEIVER, KH_CONFIG_WHOLE + 1);
  tcase_add_loop_test(config, reads_every_key, KH_CONFIG_RECEIVER, KH_CONFIG_WHOLE + 1);
  tcase_add_test(config, reads_words_for_streams_and_modes);
  tcase_add_test(config, an_inbox_may_be_as_large_as_one_body);
  tcase_add_test(config, paths_are_absolute_though_its_own_is_not);
  tcase_add_loop_test(config, a_receiver_reads_no_further_than_notify, 0, (int)KH_COUNT(garbage));
  tcase_add_test(config, notify_without_state_is_for_check_and_worker_to_refuse);
  tcase_add_test(config, the_example_is_right);
  return suite;
}

int main(void)
{
  return kh_test_main(config_suite());
}
