#include "base/base.h"

#include "settling.h"
#include "support/clock.h"
#include "support/config_dir.h"
#include "support/suite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOP                                        \
  "webhook: {signature: {file: webhook-secret}}\n" \
  "state: /tmp/kitehook-test-state\n"
#define RULE_A "  - {name: a, log: {}}\n"
#define RULE_B "  - {name: b, log: {}}\n"
#define BOTH TOP "notify:\n" RULE_A RULE_B

enum { LOOK_MS = 1000 };

static struct kh_config_dir dir; /* only its folder */
static struct kh_fake_clock fake;
static struct kh_settling settling;
static struct kh_setup *setup;
static struct kh_diags diags;
static char path[KH_PATH_BYTES];

static void put(const char *text)
{
  kh_config_dir_put(&dir, "kitehook.yml", text);
}

static void open_setup(const char *text)
{
  int64_t wait_ms = -1;

  put(text);
  enum kh_err err = kh_settling_open(&settling, &setup, &wait_ms, &diags);
  ck_assert_msg(err == KH_OK, "%s", kh_diags_first(&diags).text);
  kh_diags_release(&diags);
}

static void open_folder(void)
{
  kh_config_dir_open(&dir);
  kh_fake_clock_init(&fake, 1700000000);
  (void)kh_tempdir_path(&dir.dir, "kitehook.yml", path, sizeof path);
  settling = (struct kh_settling){.path = path, .clock = &fake.clock};
}

static void close_folder(void)
{
  kh_setup_close(setup);
  kh_settling_close(&settling);
  kh_diags_release(&diags);
  kh_config_dir_close(&dir);
}

static enum kh_settled look(bool at_once)
{
  struct kh_setup *fresh = NULL;
  enum kh_settled found = kh_settling_look(&settling, setup, at_once, &fresh, &diags);

  ck_assert_int_eq(found == KH_SETTLED_FRESH, fresh != NULL);
  if (fresh) {
    kh_setup_close(setup);
    setup = fresh;
  }
  return found;
}

/* Looks once a second, as a worker does, until MS have gone by; gives what the last look found. */
static enum kh_settled pass(int64_t ms)
{
  enum kh_settled found = KH_SETTLED_SAME;

  for (int64_t gone = 0; gone < ms; gone += LOOK_MS) {
    kh_fake_clock_advance(&fake, (int64_t)LOOK_MS * 1000);
    found = look(false);
  }
  return found;
}

static void must_have_rules(const char *names)
{
  char found[100] = "";

  for (size_t i = 0; i < setup->rules.count; i++)
    (void)snprintf(found + strlen(found), sizeof found - strlen(found), "%s ", setup->rules.at[i].name);
  ck_assert_str_eq(found, names);
}

/* ---- a change ---- */

START_TEST(a_change_counts_when_its_files_are_still)
{
  open_setup(TOP "notify:\n" RULE_A);
  ck_assert_int_eq(pass(5000), KH_SETTLED_SAME);
  put(BOTH);
  ck_assert_int_eq(pass(1000), KH_SETTLED_WAITS);
  ck_assert_int_eq(pass(1000), KH_SETTLED_WAITS);
  must_have_rules("a ");
  ck_assert_int_eq(pass(1000), KH_SETTLED_FRESH);
  must_have_rules("a b ");
  ck_assert_int_eq(pass(5000), KH_SETTLED_SAME);
}
END_TEST

/* Two looks, and not the time since the file was written, by whatever clock. */
START_TEST(one_look_is_not_enough_however_late)
{
  open_setup(TOP "notify:\n" RULE_A);
  put(BOTH);
  kh_fake_clock_advance(&fake, 3600 * INT64_C(1000000));
  ck_assert_int_eq(look(false), KH_SETTLED_WAITS);
  fake.now_us += 3600 * INT64_C(1000000);
  ck_assert_int_eq(look(false), KH_SETTLED_WAITS);
  fake.ticks_us += 1999999;
  ck_assert_int_eq(look(false), KH_SETTLED_WAITS);
  fake.ticks_us += 1;
  ck_assert_int_eq(look(false), KH_SETTLED_FRESH);
}
END_TEST

static void append(const char *text, size_t len)
{
  int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
  ck_assert_int_eq(close(fd), 0);
}

/* From nothing, and wherever it is cut; the pauses are shorter than what it waits. */
START_TEST(one_that_is_written_in_two)
{
  const size_t whole = strlen(BOTH);

  open_setup(BOTH);
  for (size_t cut = 1; cut < whole; cut++) {
    put("");
    ck_assert_int_eq(pass(1000), KH_SETTLED_WAITS);
    append(BOTH, cut);
    ck_assert_int_eq(pass(2000), KH_SETTLED_WAITS);
    append(&BOTH[cut], whole - cut);
    (void)pass(1000);
    must_have_rules("a b ");
    ck_assert_int_eq(pass(2000), KH_SETTLED_FRESH);
    must_have_rules("a b ");
    ck_assert_uint_eq(diags.count, 0);
  }
}
END_TEST

START_TEST(one_that_stays_empty_for_long_is_told_once)
{
  open_setup(BOTH);
  put("");
  ck_assert_int_eq(pass(3000), KH_SETTLED_WRONG);
  ck_assert_uint_ge(diags.count, 1);
  kh_diags_release(&diags);
  ck_assert_int_eq(pass(60000), KH_SETTLED_SAME);
  must_have_rules("a b ");
  put(TOP "notify:\n" RULE_B RULE_A);
  ck_assert_int_eq(pass(3000), KH_SETTLED_FRESH);
  must_have_rules("b a ");
}
END_TEST

START_TEST(fewer_rules_are_looked_at_for_longer)
{
  open_setup(BOTH);
  put(TOP "notify:\n" RULE_A);
  ck_assert_int_eq(pass(5000), KH_SETTLED_WAITS);
  must_have_rules("a b ");
  ck_assert_int_eq(pass(1000), KH_SETTLED_FRESH);
  must_have_rules("a ");
  put(TOP "notify:\n" RULE_B);
  ck_assert_int_eq(pass(3000), KH_SETTLED_FRESH);
}
END_TEST

/* The half of a file may be without a mistake. */
static const struct gone {
  const char *text;
  bool at_once;
  enum kh_settled found;
} gone[] = {
    {TOP, false, KH_SETTLED_WRONG},
    {TOP "notify:\n  - include: empty.yml\n", false, KH_SETTLED_WRONG},
    {TOP "notify:\n", false, KH_SETTLED_WRONG},
    {TOP "notify:\n", true, KH_SETTLED_WRONG},
    {TOP "notify: []\n", false, KH_SETTLED_FRESH},
    {TOP, true, KH_SETTLED_FRESH},
};

START_TEST(rules_that_are_all_gone)
{
  const struct gone *it = &gone[_i];

  kh_config_dir_put(&dir, "empty.yml", "[]\n");
  open_setup(BOTH);
  put(it->text);
  ck_assert_int_eq(it->at_once ? look(true) : pass(3000), it->found);
  must_have_rules(it->found == KH_SETTLED_FRESH ? "" : "a b ");
}
END_TEST

START_TEST(another_state_is_wrong)
{
  open_setup(BOTH);
  put("webhook: {signature: {file: webhook-secret}}\nstate: /elsewhere\nnotify:\n" RULE_A RULE_B);
  ck_assert_int_eq(_i == 0 ? pass(3000) : look(true), KH_SETTLED_WRONG);
  ck_assert_ptr_nonnull(strstr(kh_diags_first(&diags).text, "restart the worker"));
  must_have_rules("a b ");
}
END_TEST

/* vim: the old file is moved away, a new one is written, the old one removed. */
START_TEST(the_dance_of_an_editor)
{
  char backup[KH_PATH_BYTES];

  open_setup(BOTH);
  (void)kh_tempdir_path(&dir.dir, "kitehook.yml~", backup, sizeof backup);
  ck_assert_int_eq(rename(path, backup), 0);
  ck_assert_int_eq(pass(2000), KH_SETTLED_WAITS);
  put(TOP "notify:\n" RULE_B RULE_A);
  ck_assert_int_eq(pass(2000), KH_SETTLED_WAITS);
  ck_assert_int_eq(unlink(backup), 0);
  must_have_rules("a b ");
  ck_assert_int_eq(pass(1000), KH_SETTLED_FRESH);
  must_have_rules("b a ");
}
END_TEST

/* A file that only the new configuration names is waited for, too. */
START_TEST(an_included_file)
{
  kh_config_dir_put(&dir, "rules.yml", RULE_A);
  open_setup(TOP "notify:\n  - include: rules.yml\n" RULE_B);
  must_have_rules("a b ");
  put(TOP "notify:\n  - include: other.yml\n" RULE_B);
  ck_assert_int_eq(pass(2000), KH_SETTLED_WAITS);
  kh_config_dir_put(&dir, "other.yml", "- {name: c, log: {}}\n");
  ck_assert_int_eq(pass(2000), KH_SETTLED_WAITS);
  kh_config_dir_put(&dir, "other.yml", "- {name: c, log: {}}\n- {name: d, log: {}}\n");
  ck_assert_int_eq(pass(2000), KH_SETTLED_WAITS);
  must_have_rules("a b ");
  ck_assert_int_eq(pass(1000), KH_SETTLED_FRESH);
  must_have_rules("c d b ");
}
END_TEST

START_TEST(a_secret_is_a_file_like_the_others)
{
  open_setup(BOTH);
  kh_config_dir_put(&dir, "webhook-secret", "planted-other\n");
  ck_assert_int_eq(pass(2000), KH_SETTLED_WAITS);
  ck_assert_int_eq(pass(1000), KH_SETTLED_FRESH);
  ck_assert(kh_str_equal(kh_secret_reveal(&setup->config.signatures.at[0].secret), KH_STR("planted-other")));
}
END_TEST

/* ---- what does not wait ---- */

START_TEST(at_once_takes_what_is_there)
{
  open_setup(BOTH);
  put(TOP "notify:\n" RULE_A);
  ck_assert_int_eq(pass(1000), KH_SETTLED_WAITS);
  put(TOP "notify:\n" RULE_B);
  ck_assert_int_eq(look(true), KH_SETTLED_FRESH);
  must_have_rules("b ");
  ck_assert_int_eq(pass(5000), KH_SETTLED_SAME);
  put("notify: [\n");
  ck_assert_int_eq(look(true), KH_SETTLED_WRONG);
  must_have_rules("b ");
}
END_TEST

START_TEST(the_first_rules_do_not_wait)
{
  open_setup(TOP);
  put(BOTH);
  ck_assert_int_eq(look(false), KH_SETTLED_FRESH);
  must_have_rules("a b ");
}
END_TEST

/* ---- one that never comes to rest ---- */

START_TEST(tells_for_how_long_it_has_been_waiting)
{
  open_setup(BOTH);
  ck_assert_int_eq(kh_settling_for_ms(&settling), 0);
  for (int i = 0; i < 20; i++) {
    put(i % 2 ? BOTH : TOP "notify:\n" RULE_A);
    ck_assert_int_eq(pass(1000), KH_SETTLED_WAITS);
    ck_assert_int_eq(kh_settling_for_ms(&settling), 1000 * i);
  }
  must_have_rules("a b ");
  ck_assert_int_eq(pass(2000), KH_SETTLED_FRESH);
  ck_assert_int_eq(kh_settling_for_ms(&settling), 0);
}
END_TEST

/* ---- the start ---- */

/* KITEHOOK_YML is written at AT_S and MS later read; the secret was OLD_S before, or is of the future. */
static int64_t wait_beside(int64_t old_s, int64_t at_s, int64_t ms)
{
  static const char *const names[] = {"webhook-secret", "kitehook.yml"};
  int64_t wait_ms = -1;

  put(BOTH);
  for (size_t i = 0; i < KH_COUNT(names); i++) {
    const struct timespec times[] = {{at_s - 100, 0}, {i ? at_s : at_s - old_s, 0}};
    char file[KH_PATH_BYTES];

    ck_assert_int_eq(utimensat(AT_FDCWD, kh_tempdir_path(&dir.dir, names[i], file, sizeof file), times, 0),
                     0);
  }
  fake.now_us = at_s * 1000000 + ms * 1000;
  ck_assert_int_eq(kh_settling_open(&settling, &setup, &wait_ms, &diags), KH_OK);
  kh_setup_close(setup);
  setup = NULL;
  return wait_ms;
}

static int64_t wait_at(int64_t at_s, int64_t ms)
{
  return wait_beside(100, at_s, ms);
}

START_TEST(a_young_file_is_waited_for)
{
  ck_assert_int_eq(wait_at(1700000000, 0), 2001);
  ck_assert_int_eq(wait_at(1700000000, 500), 1501);
  ck_assert_int_eq(wait_at(1700000000, 1999), 2);
  ck_assert_int_eq(wait_at(1700000000, 2000), 0);
  ck_assert_int_eq(wait_at(1700000000, 1000000), 0);
  ck_assert_int_eq(wait_at(1700000000, -500), 2501); /* a clock that is a little behind */
  ck_assert_int_eq(wait_at(1700000000, -1999), 4000);
  ck_assert_int_eq(wait_at(1700000000, -2000), 0); /* one that is wrong */
  ck_assert_int_eq(wait_at(1700000000, -1000000), 0);
}
END_TEST

START_TEST(beside_one_of_the_future_too)
{
  ck_assert_int_eq(wait_beside(-3600, 1700000000, 500), 1501);
  ck_assert_int_eq(wait_beside(-3600, 1700000000, 2000), 0);
}
END_TEST

/* Between two steps of an editor's dance there is none. */
START_TEST(so_is_one_that_is_missing_just_now)
{
  struct stat folder;
  int64_t wait_ms = -1;

  ck_assert_int_eq(stat(dir.dir.path, &folder), 0);
  fake.now_us = (int64_t)folder.st_mtim.tv_sec * 1000000 + folder.st_mtim.tv_nsec / 1000 + 500000;
  ck_assert_int_eq(kh_settling_open(&settling, &setup, &wait_ms, NULL), KH_ERR_CONFIG);
  ck_assert_int_eq(wait_ms, 1501);
  kh_setup_close(setup);
  fake.now_us += 1500000;
  ck_assert_int_eq(kh_settling_open(&settling, &setup, &wait_ms, NULL), KH_ERR_CONFIG);
  ck_assert_int_eq(wait_ms, 0);
}
END_TEST

static Suite *settling_suite(void)
{
  Suite *suite = suite_create("settling");
  TCase *settles = kh_test_case(suite, "settling");

  tcase_add_checked_fixture(settles, open_folder, close_folder);
  tcase_add_test(settles, a_change_counts_when_its_files_are_still);
  tcase_add_test(settles, one_look_is_not_enough_however_late);
  tcase_add_test(settles, one_that_is_written_in_two);
  tcase_add_test(settles, one_that_stays_empty_for_long_is_told_once);
  tcase_add_test(settles, fewer_rules_are_looked_at_for_longer);
  tcase_add_loop_test(settles, rules_that_are_all_gone, 0, (int)KH_COUNT(gone));
  tcase_add_loop_test(settles, another_state_is_wrong, 0, 2);
  tcase_add_test(settles, the_dance_of_an_editor);
  tcase_add_test(settles, an_included_file);
  tcase_add_test(settles, a_secret_is_a_file_like_the_others);
  tcase_add_test(settles, at_once_takes_what_is_there);
  tcase_add_test(settles, the_first_rules_do_not_wait);
  tcase_add_test(settles, tells_for_how_long_it_has_been_waiting);
  tcase_add_test(settles, a_young_file_is_waited_for);
  tcase_add_test(settles, beside_one_of_the_future_too);
  tcase_add_test(settles, so_is_one_that_is_missing_just_now);
  return suite;
}

int main(void)
{
  return kh_test_main(settling_suite());
}
