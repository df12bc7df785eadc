#include "base/base.h"

#include "base/file.h"
#include "kitehook.h"
#include "support/clock.h"
#include "support/recorder.h"
#include "support/suite.h"
#include "support/tempdir.h"
#include "support/webhook.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW_S = 1700000000 };

static struct kh_tempdir dir;
static char config_path[512], log_path[512], secret_path[512];
static struct kh_fake_clock fake;
static struct kh_reception reception;
static struct kh_recorder recorder;
static struct kh_response response;
static const char *const environment[] = {"PATH=/usr/bin:/bin", "WEBHOOK_SECRET=" KH_TEST_CURRENT, NULL};

static void open_folder(void)
{
  kh_tempdir_open(&dir);
  (void)kh_tempdir_path(&dir, "kitehook.yml", config_path, sizeof config_path);
  (void)kh_tempdir_path(&dir, "log", log_path, sizeof log_path);
  (void)kh_tempdir_path(&dir, "secret", secret_path, sizeof secret_path);
  kh_file_put(secret_path, KH_STR(KH_TEST_CURRENT "\n"));
  kh_fake_clock_init(&fake, NOW_S);
  kh_recorder_init(&recorder);
  response = (struct kh_response){.status = 0};
}

static void close_folder(void)
{
  kh_reception_close(&reception);
  kh_recorder_release(&recorder);
  kh_buf_release(&response.body);
  kh_tempdir_close(&dir);
}

static void put_config(const char *text)
{
  kh_file_put(config_path, kh_str_of(text));
}

static void open_reception(void)
{
  kh_reception_open(&reception, config_path, environment, &fake.clock);
}

/* A genuine ping under KEY; gives the status. */
static int handle(const char *key)
{
  struct kh_webhook webhook;

  kh_webhook_make(&webhook, key, NOW_S, KH_STR("{\"event\":\"ping\"}"));
  kh_buf_release(&response.body);
  kh_reception_handle(&reception, &webhook.request, &response);
  kh_webhook_release(&webhook);
  return response.status;
}

/* A second goes by for the look at the files; not for the signature's age. */
static void pass_ms(int64_t ms)
{
  fake.ticks_us += ms * 1000;
}

static size_t lines_with(const char *message)
{
  size_t found = 0;

  kh_recorder_clear(&recorder);
  if (access(log_path, F_OK) == 0)
    kh_recorder_add_file(&recorder, log_path);
  for (size_t i = 0; i < recorder.count; i++) {
    json_t *line = kh_recorder_line(&recorder, i);
    found += strcmp(kh_line_text(line, "message"), message) == 0;
    json_decref(line);
  }
  ck_assert(!kh_text_contains(kh_buf_view(&recorder.text), KH_STR("planted")));
  return found;
}

#define SIGNATURE "webhook:\n  signature: {file: secret}\n"

START_TEST(a_config_is_all_it_needs)
{
  struct stat about;

  put_config(SIGNATURE "  max_body: 1KB\nlog: log\n");
  open_reception();
  ck_assert_uint_eq(kh_reception_max_body(&reception), 1024);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_int_eq(handle("somebody else's"), 401);
  ck_assert_uint_eq(lines_with("webhook received"), 2);
  ck_assert_int_eq(stat(log_path, &about), 0);
  ck_assert_int_eq(about.st_mode & 0077, 0);
}
END_TEST

/* By the receiver before, say, on a disk that was full. */
START_TEST(a_line_that_broke_off_spoils_no_other)
{
  struct kh_buf got;

  kh_file_put(log_path, KH_STR("{\"timestamp\":\"2026-"));
  put_config(SIGNATURE "log: log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  kh_buf_init(&got, 10000);
  ck_assert_int_eq(kh_file_read(log_path, &got, NULL), KH_OK);
  ck_assert(kh_str_starts(kh_buf_view(&got), KH_STR("{\"timestamp\":\"2026-\n{\"timestamp\":\"")));
  ck_assert_ptr_null(strstr(kh_buf_text(&got), "\n\n"));
  kh_buf_release(&got);
}
END_TEST

START_TEST(what_comes_behind_notify_is_not_read)
{
  put_config(SIGNATURE "log: log\nstate: state\nworker: service\nnotify:\n  - [[[ not even YAML: {\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
}
END_TEST

/* Answered 200 such a webhook would lead to nothing. */
START_TEST(rules_without_a_state_folder_are_no_config)
{
  put_config(SIGNATURE "log: log\nnotify:\n  - log\nstate: state\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 500);
}
END_TEST

START_TEST(a_state_folder_is_opened_by_the_first_webhook)
{
  char state[512], path[600];

  put_config(SIGNATURE "log: log\nstate: state\nworker: service\n");
  (void)kh_tempdir_path(&dir, "state", state, sizeof state);
  open_reception();
  ck_assert_int_eq(handle("somebody else's"), 401);
  ck_assert_int_eq(kh_dir_count(state), -1);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  (void)snprintf(path, sizeof path, "%s/inbox/new", state);
  ck_assert_int_eq(kh_dir_count(path), 1);
}
END_TEST

START_TEST(a_change_is_seen_within_a_second_and_not_before)
{
  put_config(SIGNATURE "log: log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  kh_file_put(secret_path, KH_STR(KH_TEST_PREVIOUS "\n"));
  pass_ms(999);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  pass_ms(1);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 401);
  ck_assert_int_eq(handle(KH_TEST_PREVIOUS), 200);
  ck_assert_uint_eq(lines_with("config reloaded"), 1);
  ck_assert_uint_eq(lines_with("config broken"), 0);
}
END_TEST

/* Nobody sends a webhook again that was answered 401. */
START_TEST(the_first_webhook_under_a_new_secret_is_accepted)
{
  put_config(SIGNATURE "log: log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  pass_ms(1000);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200); /* looks at the files */
  kh_file_put(secret_path, KH_STR(KH_TEST_PREVIOUS "\n"));
  pass_ms(1);
  ck_assert_int_eq(handle(KH_TEST_PREVIOUS), 200);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 401);
  ck_assert_uint_eq(lines_with("config reloaded"), 1);
}
END_TEST

/* Whoever guesses cannot keep the receiver busy with reading files. */
START_TEST(a_wrong_secret_costs_one_look_a_second)
{
  put_config(SIGNATURE "log: log\n");
  open_reception();
  ck_assert_int_eq(handle("somebody else's"), 401);
  kh_file_put(secret_path, KH_STR(KH_TEST_PREVIOUS "\n"));
  pass_ms(999);
  ck_assert_int_eq(handle(KH_TEST_PREVIOUS), 401);
  ck_assert_uint_eq(lines_with("config reloaded"), 0);
  pass_ms(1);
  ck_assert_int_eq(handle(KH_TEST_PREVIOUS), 200);
}
END_TEST

/* The webhook for which it was read is the first to be kept by what it says. */
START_TEST(what_is_read_because_of_a_secret_holds_at_once)
{
  char path[600];

  put_config(SIGNATURE "log: log\nstate: state\nworker: service\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  kh_file_put(secret_path, KH_STR(KH_TEST_PREVIOUS "\n"));
  put_config(SIGNATURE "log: log2\nstate: other\nworker: service\n");
  ck_assert_int_eq(handle(KH_TEST_PREVIOUS), 200);
  ck_assert_int_eq(kh_dir_count(kh_tempdir_path(&dir, "other/inbox/new", path, sizeof path)), 1);
  ck_assert_int_eq(kh_dir_count(kh_tempdir_path(&dir, "state/inbox/new", path, sizeof path)), 1);
  ck_assert_uint_eq(lines_with("webhook received"), 1);
}
END_TEST

/* Into the old one goes nothing that the worker would never see. */
START_TEST(another_folder_in_the_inbox_s_place_is_taken_at_once)
{
  char inbox[600], moved[600], path[600];

  put_config(SIGNATURE "log: log\nstate: state\nworker: service\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  (void)kh_tempdir_path(&dir, "state/inbox", inbox, sizeof inbox);
  ck_assert_int_eq(rename(inbox, kh_tempdir_path(&dir, "state/moved", moved, sizeof moved)), 0);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_int_eq(kh_dir_count(kh_tempdir_path(&dir, "state/inbox/new", path, sizeof path)), 1);
  ck_assert_int_eq(kh_dir_count(kh_tempdir_path(&dir, "state/moved/new", path, sizeof path)), 1);
}
END_TEST

/* Only a look at all three would see it before; after the failure it is mended within the request. */
START_TEST(a_part_of_the_inbox_that_is_gone_costs_no_webhook)
{
  static const char *const parts[] = {"state/inbox/tmp", "state/inbox/aside"};
  char path[600];

  put_config(SIGNATURE "log: log\nstate: state\nworker: service\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  (void)kh_tempdir_path(&dir, "state/inbox/tmp/.load", path, sizeof path);
  (void)unlink(path);
  for (size_t i = 0; i < KH_COUNT(parts); i++) {
    ck_assert_int_eq(rmdir(kh_tempdir_path(&dir, parts[i], path, sizeof path)), 0);
    ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
    (void)kh_tempdir_path(&dir, "state/inbox/tmp/.load", path, sizeof path);
    (void)unlink(path);
  }
  ck_assert_int_eq(kh_dir_count(kh_tempdir_path(&dir, "state/inbox/new", path, sizeof path)), 3);
}
END_TEST

START_TEST(what_did_not_change_is_not_read_again)
{
  put_config(SIGNATURE "log: log\n");
  open_reception();
  for (int i = 0; i < 5; i++) {
    pass_ms(1500);
    ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  }
  ck_assert_uint_eq(lines_with("config reloaded"), 0);
}
END_TEST

START_TEST(a_broken_config_keeps_the_old_one_and_is_logged_once)
{
  put_config(SIGNATURE "log: log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  put_config("webhook:\n  signature: {file: secret}\n  freshnes: 1s\nlog: log\n");
  for (int i = 0; i < 5; i++) {
    pass_ms(1100);
    ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  }
  ck_assert_uint_eq(lines_with("config broken"), 1);
  ck_assert_uint_eq(lines_with("config reloaded"), 0);

  /* Its line says where. */
  for (size_t i = 0; i < recorder.count; i++) {
    json_t *line = kh_recorder_line(&recorder, i);
    if (strcmp(kh_line_text(line, "message"), "config broken") == 0) {
      ck_assert_str_eq(kh_line_text(line, "level"), "ERROR");
      ck_assert_str_eq(kh_line_text(line, "reason"), "config");
      ck_assert_ptr_nonnull(strstr(kh_line_text(line, "detail"), "freshnes"));
      ck_assert_ptr_nonnull(strstr(kh_line_text(line, "place"), "kitehook.yml:3:"));
    }
    json_decref(line);
  }

  put_config(SIGNATURE "log: log\n");
  pass_ms(1100);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  put_config("nonsense");
  pass_ms(1100);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_uint_eq(lines_with("config broken"), 2);
}
END_TEST

/* Half a file may be without a mistake: by what stood there, webhooks would be answered 200 and not kept. */
static const char *const halves[] = {SIGNATURE "log: log\n", SIGNATURE "log: log\nstate: st\n",
                                     SIGNATURE "log: log\nstate: state\nworker: service\n"};

START_TEST(half_a_config_does_not_end_that_webhooks_are_kept)
{
  char path[600];

  put_config(SIGNATURE "log: log\nstate: state\nworker: service\nnotify:\n  - log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  put_config(halves[_i]);
  for (int i = 0; i < 3; i++) {
    pass_ms(1000);
    ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  }
  ck_assert_int_eq(kh_dir_count(kh_tempdir_path(&dir, "state/inbox/new", path, sizeof path)), 4);
  ck_assert_uint_eq(lines_with("config broken"), 1);
  put_config(SIGNATURE "log: log\nstate: other\nworker: service\nnotify: []\n");
  pass_ms(1000);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_int_eq(kh_dir_count(kh_tempdir_path(&dir, "other/inbox/new", path, sizeof path)), 1);
}
END_TEST

/* A CGI has none before it; a web server's other ones start anew. */
START_TEST(a_young_config_without_rules_is_not_gone_by)
{
  struct stat about;

  for (size_t i = 0; i < KH_COUNT(halves); i++) {
    put_config(halves[i]);
    ck_assert_int_eq(stat(config_path, &about), 0);
    kh_fake_clock_step(&fake, (int64_t)about.st_mtime * 1000000 + 1990000 - fake.now_us);
    open_reception();
    ck_assert_int_eq(handle(KH_TEST_CURRENT), 500);
    kh_reception_close(&reception);
  }
  put_config(SIGNATURE "log: log\nstate: state\nworker: service\nnotify:\n  - log\n");
  open_reception();
  ck_assert_int_ne(handle(KH_TEST_CURRENT), 500);
}
END_TEST

/* The file's own time is moved, so that little is left to wait for. */
START_TEST(who_starts_waits_for_a_young_config)
{
  struct timespec times[2];

  put_config(SIGNATURE "log: log\n");
  ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[1]), 0);
  times[1].tv_sec -= 1;
  times[0] = times[1];
  ck_assert_int_eq(utimensat(AT_FDCWD, config_path, times, 0), 0);
  kh_reception_open(&reception, config_path, environment, &kh_system_clock);
  ck_assert_ptr_nonnull(reception.config);
  ck_assert_uint_eq(lines_with("config broken"), 0);
}
END_TEST

START_TEST(a_secret_that_vanishes_does_not_open_the_door)
{
  put_config(SIGNATURE "log: log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  kh_file_put(secret_path, KH_STR("\n"));
  pass_ms(1100);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_int_eq(handle(""), 401);
  ck_assert_int_eq(unlink(secret_path), 0);
  pass_ms(1100);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_uint_ge(lines_with("config broken"), 1);
}
END_TEST

/* Runs with fd 2 in the log file, which is where a receiver without a config can only write. */
static void log_to_stderr(void)
{
  int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
  (void)close(fd);
}

static const char *const broken[] = {
    NULL, /* no file at all */
    "",
    "webhook: {}\n",
    "webhook:\n  signature: []\n",
    "webhook:\n  signature: {file: missing}\n",
    "webhook:\n  signature: {file: empty}\n",
    "webhook:\n  signature: {env: NOBODY_SET_THIS}\n",
    "webhook:\n  signature: " KH_TEST_CURRENT "\n",
    "webhook: [",
    SIGNATURE "unknown: 1\n",
};

START_TEST(without_a_config_everything_is_500)
{
  const enum kh_method methods[] = {KH_METHOD_POST, KH_METHOD_OTHER};
  char empty[512];

  log_to_stderr();
  kh_file_put(kh_tempdir_path(&dir, "empty", empty, sizeof empty), KH_STR(""));
  if (broken[_i])
    put_config(broken[_i]);
  open_reception();
  ck_assert_uint_ge(kh_reception_max_body(&reception), 1 << 20);
  for (size_t i = 0; i < KH_COUNT(methods); i++) {
    struct kh_webhook webhook;

    kh_webhook_make(&webhook, KH_TEST_CURRENT, NOW_S, KH_STR("{\"event\":\"ping\"}"));
    webhook.request.method = methods[i];
    kh_buf_release(&response.body);
    kh_reception_handle(&reception, &webhook.request, &response);
    ck_assert_int_eq(response.status, 500);
    ck_assert_str_eq(kh_buf_text(&response.body), "{\"error\":\"config\"}");
    ck_assert_str_eq(response.content_type, "application/json");
    kh_webhook_release(&webhook);
  }
  ck_assert_uint_eq(lines_with("config broken"), 1);

  put_config(SIGNATURE);
  pass_ms(1100);
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_uint_eq(lines_with("config reloaded"), 1);
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_costs_no_webhook)
{
  log_to_stderr();
  put_config(SIGNATURE "log: /nonexistent/folder/log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
  ck_assert_uint_eq(lines_with("webhook received"), 1);
}
END_TEST

START_TEST(a_secret_may_come_from_the_environment)
{
  put_config("webhook:\n  signature: {env: WEBHOOK_SECRET}\nlog: log\n");
  open_reception();
  ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
}
END_TEST

START_TEST(closing_gives_back_every_descriptor)
{
  int before = kh_dir_count("/proc/self/fd");

  put_config(SIGNATURE "log: log\nstate: state\nworker: service\n");
  open_reception();
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(handle(KH_TEST_CURRENT), 200);
    put_config(i % 2 ? SIGNATURE "log: log\nstate: state\nworker: service\n"
                     : SIGNATURE "log: log2\nstate: other\nworker: service\n");
    pass_ms(1100);
  }
  kh_reception_close(&reception);
  ck_assert_int_eq(kh_dir_count("/proc/self/fd"), before);
}
END_TEST

static Suite *reception_suite(void)
{
  Suite *suite = suite_create("reception");
  TCase *opened = kh_test_case(suite, "opened");
  TCase *changed = kh_test_case(suite, "changed");
  TCase *failed = kh_test_case(suite, "failed");

  tcase_add_checked_fixture(opened, open_folder, close_folder);
  tcase_add_checked_fixture(changed, open_folder, close_folder);
  tcase_add_checked_fixture(failed, open_folder, close_folder);
  tcase_add_test(opened, a_config_is_all_it_needs);
  tcase_add_test(opened, a_line_that_broke_off_spoils_no_other);
  tcase_add_test(opened, what_comes_behind_notify_is_not_read);
  tcase_add_test(opened, rules_without_a_state_folder_are_no_config);
  tcase_add_test(opened, a_state_folder_is_opened_by_the_first_webhook);
  tcase_add_test(opened, a_secret_may_come_from_the_environment);
  tcase_add_test(opened, closing_gives_back_every_descriptor);
  tcase_add_test(changed, a_change_is_seen_within_a_second_and_not_before);
  tcase_add_test(changed, the_first_webhook_under_a_new_secret_is_accepted);
  tcase_add_test(changed, a_wrong_secret_costs_one_look_a_second);
  tcase_add_test(changed, what_is_read_because_of_a_secret_holds_at_once);
  tcase_add_test(changed, another_folder_in_the_inbox_s_place_is_taken_at_once);
  tcase_add_test(changed, a_part_of_the_inbox_that_is_gone_costs_no_webhook);
  tcase_add_test(changed, what_did_not_change_is_not_read_again);
  tcase_add_test(changed, a_broken_config_keeps_the_old_one_and_is_logged_once);
  tcase_add_loop_test(changed, half_a_config_does_not_end_that_webhooks_are_kept, 0, (int)KH_COUNT(halves));
  tcase_add_test(changed, a_young_config_without_rules_is_not_gone_by);
  tcase_add_test(changed, who_starts_waits_for_a_young_config);
  tcase_add_test(changed, a_secret_that_vanishes_does_not_open_the_door);
  tcase_add_loop_test(failed, without_a_config_everything_is_500, 0, (int)KH_COUNT(broken));
  tcase_add_test(failed, a_log_that_cannot_be_opened_costs_no_webhook);
  return suite;
}

int main(void)
{
  return kh_test_main(reception_suite());
}
