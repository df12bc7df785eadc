#include "base/base.h"

#include "receive/inbox.h"
#include "support/suite.h"
#include "support/tempdir.h"
#include "support/webhook.h"

#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY "{\"event\":\"ping\"}"

enum { NOW_S = 1700000000, MAX_ENTRIES = 5, MAX_BYTES = 100000 };

static struct kh_tempdir dir;
static char state[512];
static struct kh_inbox inbox;
static struct kh_config *config;
static struct kh_webhook webhook;
static struct kh_entry entry;
static struct kh_inbox_load load;
static struct kh_diag diag;

static void prepare(void)
{
  kh_tempdir_open(&dir);
  (void)kh_tempdir_path(&dir, "state", state, sizeof state);
  inbox = (struct kh_inbox){.fd_tmp = -1, .fd_new = -1, .fd_aside = -1};
  diag = (struct kh_diag){.err = KH_OK};
  config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, NOW_S, KH_STR(BODY));
  entry = (struct kh_entry){.received_us = NOW_S * INT64_C(1000000),
                            .request_id = "abc",
                            .transport = "cgi",
                            .verified = kh_webhook_verify(&webhook, config, NOW_S)};
}

static void open_inbox(void)
{
  prepare();
  ck_assert_msg(kh_inbox_open(&inbox, state, MAX_ENTRIES, MAX_BYTES, &diag) == KH_OK, "%s", diag.text);
}

static void close_inbox(void)
{
  kh_inbox_close(&inbox);
  kh_webhook_release(&webhook);
  kh_test_config_free(config);
  kh_tempdir_close(&dir);
}

static int count(const char *folder)
{
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/%s", state, folder);
  return kh_dir_count(path);
}

static enum kh_err keep(char name[KH_ENTRY_NAME_BYTES])
{
  diag = (struct kh_diag){.err = KH_OK};
  return kh_inbox_keep(&inbox, &entry, name, &load, &diag);
}

/* Nothing kept, nothing half-written, and a sentence about it. */
static void must_refuse(enum kh_err want, int entries_before)
{
  char name[KH_ENTRY_NAME_BYTES];
  enum kh_err err = keep(name);

  ck_assert_msg(err == want, "%s, not %s: %s", kh_err_token(err), kh_err_token(want), diag.text);
  ck_assert_int_eq(diag.err, want);
  ck_assert_uint_gt(strlen(diag.text), 0);
  ck_assert_int_eq(count("new"), entries_before);
  ck_assert_int_eq(count("tmp"), 0);
  ck_assert_int_eq(count("aside"), 0);
}

/* ---- the folders ---- */

static void must_be_private(const char *name)
{
  struct stat about;
  char path[1024];

  (void)snprintf(path, sizeof path, "%s%s", state, name);
  ck_assert_msg(stat(path, &about) == 0, "%s: %s", path, strerror(errno));
  ck_assert(S_ISDIR(about.st_mode));
  ck_assert_msg((about.st_mode & 07777) == 0700, "%s has mode %o", path, about.st_mode & 07777);
}

START_TEST(folders_are_made_and_private)
{
  mode_t was = umask(0);

  ck_assert_int_eq(kh_inbox_open(&inbox, state, MAX_ENTRIES, MAX_BYTES, &diag), KH_OK);
  must_be_private("");
  must_be_private("/inbox");
  must_be_private("/inbox/tmp");
  must_be_private("/inbox/new");
  must_be_private("/inbox/aside");
  (void)umask(was);
}
END_TEST

START_TEST(opening_again_finds_what_is_there)
{
  char name[KH_ENTRY_NAME_BYTES];

  ck_assert_int_eq(keep(name), KH_OK);
  kh_inbox_close(&inbox);
  ck_assert_int_eq(inbox.fd_tmp, -1);
  ck_assert_int_eq(inbox.fd_new, -1);
  ck_assert_int_eq(inbox.fd_aside, -1);
  kh_inbox_close(&inbox);
  ck_assert_int_eq(kh_inbox_open(&inbox, state, MAX_ENTRIES, MAX_BYTES, &diag), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&inbox, &load), KH_OK);
  ck_assert_uint_eq(load.entries, 1);
}
END_TEST

START_TEST(others_may_not_enter)
{
  static const mode_t open_modes[] = {0701, 0710, 0704, 0740, 0750, 0755, 0777};

  ck_assert_int_eq(mkdir(state, 0700), 0);
  for (size_t i = 0; i < KH_COUNT(open_modes); i++) {
    diag = (struct kh_diag){.err = KH_OK};
    ck_assert_int_eq(chmod(state, open_modes[i]), 0);
    ck_assert_msg(kh_inbox_open(&inbox, state, MAX_ENTRIES, MAX_BYTES, &diag) == KH_ERR_STATE_MODE, "mode %o",
                  open_modes[i]);
    ck_assert_ptr_nonnull(strstr(diag.text, "chmod 700"));
    ck_assert_ptr_nonnull(strstr(diag.text, state));
    ck_assert_int_eq(inbox.fd_new, -1);
    ck_assert_int_eq(kh_dir_count(state), 0);
  }
}
END_TEST

/* In a child, since a test that gave up root could not tidy up. */
static int run_as(uid_t uid, int (*what)(void))
{
  int status = 1;
  pid_t child = fork();

  ck_assert_int_ge(child, 0);
  if (child == 0)
    _exit(uid != geteuid() && seteuid(uid) ? 99 : what());
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int open_is_refused_for_the_owner(void)
{
  enum kh_err err = kh_inbox_open(&inbox, state, MAX_ENTRIES, MAX_BYTES, &diag);

  if (err != KH_ERR_STATE_OWNER || diag.err != KH_ERR_STATE_OWNER || !strstr(diag.text, state))
    (void)fprintf(stderr, "%s: %s\n", kh_err_token(err), diag.text);
  return err == KH_ERR_STATE_OWNER && diag.err == err && strstr(diag.text, state) ? 0 : 1;
}

START_TEST(another_user_is_refused)
{
  const uid_t nobody = 65534;

  if (geteuid() != 0) {
    kh_test_skip("inbox: another owner", "only root can make a folder of somebody else's");
    return;
  }
  /* Root may enter what belongs to nobody, and is refused all the same. */
  ck_assert_int_eq(mkdir(state, 0700), 0);
  ck_assert_int_eq(chown(state, nobody, nobody), 0);
  ck_assert_int_eq(run_as(0, open_is_refused_for_the_owner), 0);
  ck_assert_int_eq(kh_dir_count(state), 0);

  /* A user who can look at root's folder, but does not own it. */
  ck_assert_int_eq(chown(state, 0, 0), 0);
  ck_assert_int_eq(chmod(state, 0755), 0);
  ck_assert_int_eq(chmod(dir.path, 0755), 0);
  ck_assert_int_eq(run_as(nobody, open_is_refused_for_the_owner), 0);
  ck_assert_int_eq(kh_dir_count(state), 0);
}
END_TEST

START_TEST(a_state_that_is_no_folder_is_refused)
{
  kh_file_put(state, KH_STR("a file"));
  ck_assert_int_eq(kh_inbox_open(&inbox, state, MAX_ENTRIES, MAX_BYTES, &diag), KH_ERR_INBOX_IO);
  ck_assert_ptr_nonnull(strstr(diag.text, state));
  diag = (struct kh_diag){.err = KH_OK};
  ck_assert_int_eq(kh_inbox_open(&inbox, "/nonexistent/folder/state", MAX_ENTRIES, MAX_BYTES, &diag),
                   KH_ERR_INBOX_IO);
  ck_assert_uint_gt(strlen(diag.text), 0);
}
END_TEST

/* ---- keeping ---- */

START_TEST(an_entry_is_one_private_file)
{
  char name[KH_ENTRY_NAME_BYTES];
  char path[1024];
  struct stat about;
  struct kh_buf bytes, event_text;
  struct kh_entry back;
  mode_t was = umask(0);

  ck_assert_msg(keep(name) == KH_OK, "%s", diag.text);
  (void)umask(was);
  (void)snprintf(path, sizeof path, "%s/inbox/new/%s", state, name);
  ck_assert_int_eq(stat(path, &about), 0);
  ck_assert_int_eq(about.st_mode & 07777, 0600);
  ck_assert(S_ISREG(about.st_mode));
  ck_assert_int_eq(count("tmp"), 0);

  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  ck_assert_int_eq(kh_inbox_read(&inbox, name, &bytes), KH_OK);
  ck_assert_int_eq(about.st_size, (off_t)bytes.len);
  ck_assert(kh_str_ends(kh_buf_view(&bytes), KH_STR("\"}\n" BODY)));
  ck_assert_int_eq(
      kh_entry_open(kh_buf_view(&bytes), &config->signatures, &config->tokens, &event_text, &back, NULL),
      KH_OK);
  ck_assert_int_eq(back.received_us, entry.received_us);
  ck_assert(kh_str_equal(back.verified.body, KH_STR(BODY)));
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
}
END_TEST

/* <16 hex digits of µs>.<pid>.<8 random hex>,S=<bytes> */
START_TEST(a_name_tells_time_process_and_size)
{
  char name[KH_ENTRY_NAME_BYTES];
  char path[1024];
  char want[64];
  struct stat about;

  ck_assert_int_eq(keep(name), KH_OK);
  (void)snprintf(path, sizeof path, "%s/inbox/new/%s", state, name);
  ck_assert_int_eq(stat(path, &about), 0);
  struct kh_str rest = kh_str_of(name);
  (void)snprintf(want, sizeof want, "%016" PRIx64, (uint64_t)entry.received_us);
  ck_assert(kh_str_equal(kh_str_cut(&rest, '.'), kh_str_of(want)));
  (void)snprintf(want, sizeof want, "%ld", (long)getpid());
  ck_assert(kh_str_equal(kh_str_cut(&rest, '.'), kh_str_of(want)));
  struct kh_str random = kh_str_cut(&rest, ',');
  ck_assert_uint_eq(random.len, 8);
  ck_assert_uint_eq(strspn(random.at, "0123456789abcdef"), 8);
  (void)snprintf(want, sizeof want, "S=%lld", (long long)about.st_size);
  ck_assert(kh_str_equal(rest, kh_str_of(want)));
}
END_TEST

START_TEST(names_differ_though_the_clock_stands)
{
  char first[KH_ENTRY_NAME_BYTES], second[KH_ENTRY_NAME_BYTES];

  ck_assert_int_eq(keep(first), KH_OK);
  ck_assert_int_eq(keep(second), KH_OK);
  ck_assert_str_ne(first, second);
  ck_assert_int_eq(count("new"), 2);
}
END_TEST

START_TEST(names_sort_by_arrival)
{
  /* Around digits that carry in decimal and in hexadecimal. */
  static const int64_t arrivals_us[] = {INT64_C(1700000000999999), INT64_C(1), INT64_C(1700000001000000),
                                        INT64_C(0xFFFFFFF), INT64_C(0x10000000)};
  static const size_t order[] = {1, 3, 4, 0, 2};
  char kept[5][KH_ENTRY_NAME_BYTES], listed[5][KH_ENTRY_NAME_BYTES];
  size_t found = 0;

  for (size_t i = 0; i < 5; i++) {
    entry.received_us = arrivals_us[i];
    ck_assert_int_eq(keep(kept[i]), KH_OK);
  }
  ck_assert_int_eq(kh_inbox_list(&inbox, listed, 5, &found), KH_OK);
  ck_assert_uint_eq(found, 5);
  for (size_t i = 0; i < 5; i++)
    ck_assert_str_eq(listed[i], kept[order[i]]);
  ck_assert_int_eq(kh_inbox_list(&inbox, listed, 2, &found), KH_OK);
  ck_assert_uint_eq(found, 2);
  ck_assert_str_eq(listed[0], kept[1]);
  ck_assert_str_eq(listed[1], kept[3]);
  ck_assert_int_eq(kh_inbox_list(&inbox, listed, 0, &found), KH_OK);
  ck_assert_uint_eq(found, 0);
}
END_TEST

START_TEST(a_look_counts_and_finds_the_oldest)
{
  char name[KH_ENTRY_NAME_BYTES];
  uint64_t bytes = 0;

  ck_assert_int_eq(kh_inbox_look(&inbox, &load), KH_OK);
  ck_assert_uint_eq(load.entries, 0);
  ck_assert_uint_eq(load.bytes, 0);
  ck_assert_uint_eq(load.aside, 0);
  ck_assert_int_eq(load.oldest_us, 0);
  for (int i = 0; i < 3; i++) {
    struct stat about;
    char path[1024];

    entry.received_us = INT64_C(1700000000000000) - i;
    ck_assert_int_eq(keep(name), KH_OK);
    (void)snprintf(path, sizeof path, "%s/inbox/new/%s", state, name);
    ck_assert_int_eq(stat(path, &about), 0);
    bytes += (uint64_t)about.st_size;
  }
  ck_assert_int_eq(kh_inbox_look(&inbox, &load), KH_OK);
  ck_assert_uint_eq(load.entries, 3);
  ck_assert_uint_eq(load.bytes, bytes);
  ck_assert_int_eq(load.oldest_us, INT64_C(1700000000000000) - 2);
  ck_assert_int_eq(kh_inbox_set_aside(&inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&inbox, &load), KH_OK);
  ck_assert_uint_eq(load.entries, 2);
  ck_assert_uint_eq(load.aside, 1);
  ck_assert_int_eq(load.oldest_us, INT64_C(1700000000000000) - 1);
}
END_TEST

enum { RECEIVERS = 4, EACH = 20 };

/* Several receivers at once, under one clock that stands. */
START_TEST(receivers_do_not_disturb_each_other)
{
  char listed[RECEIVERS * EACH][KH_ENTRY_NAME_BYTES];
  pid_t receivers[RECEIVERS];
  struct kh_buf bytes, event_text;
  size_t found = 0;

  inbox.max_entries = sizeof listed;
  for (int i = 0; i < RECEIVERS; i++) {
    receivers[i] = fork();
    ck_assert_int_ge(receivers[i], 0);
    for (int n = 0; receivers[i] == 0 && n <= EACH; n++) {
      char name[KH_ENTRY_NAME_BYTES];

      if (n == EACH || keep(name))
        _exit(n == EACH ? 0 : 1);
    }
  }
  for (int i = 0; i < RECEIVERS; i++) {
    int status = 1;
    ck_assert_int_eq(waitpid(receivers[i], &status, 0), receivers[i]);
    ck_assert_int_eq(status, 0);
  }
  ck_assert_int_eq(kh_inbox_list(&inbox, listed, KH_COUNT(listed), &found), KH_OK);
  ck_assert_uint_eq(found, RECEIVERS * EACH);
  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  for (size_t i = 0; i < found; i++) {
    struct kh_entry back;

    kh_buf_clear(&bytes);
    ck_assert_int_eq(kh_inbox_read(&inbox, listed[i], &bytes), KH_OK);
    ck_assert_int_eq(
        kh_entry_open(kh_buf_view(&bytes), &config->signatures, &config->tokens, &event_text, &back, NULL),
        KH_OK);
    ck_assert(i == 0 || strcmp(listed[i - 1], listed[i]) < 0);
  }
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
}
END_TEST

/* ---- bounds ---- */

START_TEST(the_number_of_entries_is_bounded)
{
  char name[KH_ENTRY_NAME_BYTES];

  for (int i = 0; i < MAX_ENTRIES; i++)
    ck_assert_msg(keep(name) == KH_OK, "%s", diag.text);
  must_refuse(KH_ERR_INBOX_FULL, MAX_ENTRIES);
  ck_assert_uint_eq(load.entries, MAX_ENTRIES);
  ck_assert_int_eq(kh_inbox_remove(&inbox, name), KH_OK);
  ck_assert_int_eq(keep(name), KH_OK);
  must_refuse(KH_ERR_INBOX_FULL, MAX_ENTRIES);
}
END_TEST

START_TEST(the_bytes_are_bounded_exactly)
{
  char name[KH_ENTRY_NAME_BYTES];

  ck_assert_int_eq(keep(name), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&inbox, &load), KH_OK);
  const uint64_t one = load.bytes;
  ck_assert_uint_gt(one, sizeof BODY);

  inbox.max_bytes = 2 * one - 1;
  must_refuse(KH_ERR_INBOX_FULL, 1);
  inbox.max_bytes = 2 * one;
  ck_assert_int_eq(keep(name), KH_OK);
  must_refuse(KH_ERR_INBOX_FULL, 2);
}
END_TEST

START_TEST(what_is_set_aside_counts_too)
{
  char name[KH_ENTRY_NAME_BYTES];

  for (int i = 0; i < MAX_ENTRIES; i++) {
    ck_assert_int_eq(keep(name), KH_OK);
    if (i > 1)
      ck_assert_int_eq(kh_inbox_set_aside(&inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_OK);
  }
  ck_assert_int_eq(keep(name), KH_ERR_INBOX_FULL);
  ck_assert_int_eq(kh_inbox_keep_aside(&inbox, &entry, KH_ERR_JSON_SYNTAX, NULL, name, &diag),
                   KH_ERR_INBOX_FULL);
  ck_assert_int_eq(count("new"), 2);
  ck_assert_int_eq(count("tmp"), 0);
  ck_assert_int_eq(kh_inbox_look(&inbox, &load), KH_OK);
  ck_assert_uint_eq(load.entries, 2);
  ck_assert_uint_eq(load.aside, 3);

  inbox.max_entries = 100;
  ck_assert_int_eq(keep(name), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&inbox, &load), KH_OK);
  inbox.max_bytes = load.bytes * 2;
  ck_assert_int_eq(keep(name), KH_ERR_INBOX_FULL);
}
END_TEST

/* ---- the worker's side ---- */

START_TEST(remove_takes_one_away)
{
  char name[KH_ENTRY_NAME_BYTES], other[KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes;

  kh_buf_init(&bytes, 10000);
  ck_assert_int_eq(keep(name), KH_OK);
  ck_assert_int_eq(keep(other), KH_OK);
  ck_assert_int_eq(kh_inbox_remove(&inbox, name), KH_OK);
  ck_assert_int_eq(kh_inbox_read(&inbox, name, &bytes), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_inbox_read(&inbox, other, &bytes), KH_OK);
  ck_assert_int_eq(count("new"), 1);
  kh_buf_release(&bytes);
}
END_TEST

START_TEST(read_refuses_what_is_larger_than_the_buffer)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes;

  kh_buf_init(&bytes, 50);
  ck_assert_int_eq(keep(name), KH_OK);
  ck_assert_int_ne(kh_inbox_read(&inbox, name, &bytes), KH_OK);
  ck_assert_int_eq(count("new"), 1);
  kh_buf_release(&bytes);
}
END_TEST

/* A link in the folder leads nowhere. */
START_TEST(read_follows_no_link)
{
  struct kh_buf bytes;
  char path[1024];

  kh_buf_init(&bytes, 10000);
  (void)snprintf(path, sizeof path, "%s/inbox/new/0000000000000001.1.00000000,S=5", state);
  ck_assert_int_eq(symlink("/etc/hostname", path), 0);
  ck_assert_int_ne(kh_inbox_read(&inbox, strrchr(path, '/') + 1, &bytes), KH_OK);
  kh_buf_release(&bytes);
}
END_TEST

static void must_have_reason(const char *name, const char *token, const char *detail)
{
  struct stat about;
  json_error_t error;
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/aside/%s.reason", state, name);
  ck_assert_msg(stat(path, &about) == 0, "%s: %s", path, strerror(errno));
  ck_assert_int_eq(about.st_mode & 07777, 0600);
  json_t *reason = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  ck_assert_msg(reason, "%s: %s", path, error.text);
  ck_assert_str_eq(json_string_value(json_object_get(reason, "reason")), token);
  if (detail)
    ck_assert_str_eq(json_string_value(json_object_get(reason, "detail")), detail);
  json_decref(reason);
  path[strlen(path) - strlen(".reason")] = '\0';
  ck_assert_int_eq(stat(path, &about), 0);
  ck_assert_int_eq(about.st_mode & 07777, 0600);
}

START_TEST(set_aside_keeps_the_bytes_and_the_reason)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_diag why = {.err = KH_OK};

  (void)kh_diag_set(&why, KH_ERR_ENTRY_MAC, "it was \"changed\"\nby hand");
  ck_assert_int_eq(keep(name), KH_OK);
  ck_assert_int_eq(kh_inbox_set_aside(&inbox, name, KH_ERR_ENTRY_MAC, &why), KH_OK);
  must_have_reason(name, "entry_mac", "it was \"changed\"\nby hand");
  ck_assert_int_eq(count("new"), 0);
  ck_assert_int_eq(count("tmp"), 0);
  ck_assert_int_eq(count("aside"), 2);
}
END_TEST

START_TEST(keep_aside_never_shows_in_new)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_diag why = {.err = KH_OK};

  (void)kh_diag_set(&why, KH_ERR_JSON_SYNTAX, "byte 3: a value was expected");
  ck_assert_int_eq(kh_inbox_keep_aside(&inbox, &entry, KH_ERR_JSON_SYNTAX, &why, name, &diag), KH_OK);
  must_have_reason(name, "json_syntax", why.text);
  ck_assert_int_eq(count("new"), 0);
  ck_assert_int_eq(count("tmp"), 0);
  ck_assert_int_eq(count("aside"), 2);
}
END_TEST

START_TEST(sweep_removes_only_what_is_old)
{
  const int64_t now_us = INT64_C(1700000000000000);
  const int64_t hour_us = INT64_C(3600000000);
  const int64_t made_us[] = {now_us, now_us - hour_us + 1000000, now_us - hour_us - 1000000, 1};
  char name[KH_ENTRY_NAME_BYTES];
  char path[1024];

  entry.received_us = 1;
  ck_assert_int_eq(keep(name), KH_OK);
  for (size_t i = 0; i < KH_COUNT(made_us); i++) {
    (void)snprintf(path, sizeof path, "%s/inbox/tmp/%016" PRIx64 ".1.00000000,S=3", state,
                   (uint64_t)made_us[i]);
    kh_file_put(path, KH_STR("abc"));
  }
  kh_inbox_sweep(&inbox, now_us);
  ck_assert_int_eq(count("tmp"), 2);
  ck_assert_int_eq(count("new"), 1);
}
END_TEST

/* ---- when the disk will not ---- */

/* Runs WHAT in a child with limits or mounts of its own; what it changes ends with it. */
static void in_a_child(void (*what)(void))
{
  int status = 1;
  pid_t child = fork();

  ck_assert_int_ge(child, 0);
  if (child == 0) {
    what();
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %#x", status);
}

static void fail_child(const char *what, enum kh_err err)
{
  (void)fprintf(stderr, "%s: %s %s\n", what, kh_err_token(err), diag.text);
  _exit(1);
}

static void keep_over_the_file_limit(void)
{
  const struct rlimit limit = {100, 100};
  char name[KH_ENTRY_NAME_BYTES];

  (void)signal(SIGXFSZ, SIG_IGN);
  if (setrlimit(RLIMIT_FSIZE, &limit))
    _exit(2);
  enum kh_err err = keep(name);
  if (err != KH_ERR_INBOX_IO || diag.err != err || count("tmp") != 0 || count("new") != 0)
    fail_child("file limit", err);
}

/* A write that stops half-way (EFBIG): nothing of it is left. */
START_TEST(a_cut_write_leaves_nothing)
{
  in_a_child(keep_over_the_file_limit);
  ck_assert_int_eq(count("tmp"), 0);
  ck_assert_int_eq(count("new"), 0);
}
END_TEST

enum { TMPFS_BYTES = 65536 };

static void keep_until_the_disk_is_full(void)
{
  static char big[TMPFS_BYTES / 4];
  char name[KH_ENTRY_NAME_BYTES];
  enum kh_err err = KH_OK;
  int kept = 0;

  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir(state, 0700) ||
      mount("none", state, "tmpfs", 0, "size=65536,mode=0700")) {
    kh_test_skip("inbox: a full disk", "a tmpfs cannot be mounted here");
    return;
  }
  if (kh_inbox_open(&inbox, state, 1000, UINT64_MAX / 2, &diag))
    fail_child("open", diag.err);
  memset(big, 'x', sizeof big);
  entry.verified.body = kh_str(big, sizeof big);
  for (kept = 0; kept < 10 && !err; kept += !err)
    err = keep(name);
  if (err != KH_ERR_NO_SPACE || diag.err != err || kept < 1 || count("tmp") != 0 || count("new") != kept)
    fail_child("full disk", err);
  /* Room again: the next one is kept. */
  char listed[1][KH_ENTRY_NAME_BYTES];
  size_t found = 0;
  if (kh_inbox_list(&inbox, listed, 1, &found) || found != 1 || kh_inbox_remove(&inbox, listed[0]))
    fail_child("list", KH_OK);
  err = keep(name);
  if (err || count("new") != kept)
    fail_child("room again", err);
  kh_inbox_close(&inbox);
}

START_TEST(a_full_disk_is_no_space)
{
  in_a_child(keep_until_the_disk_is_full);
}
END_TEST

static void keep_on_a_read_only_disk(void)
{
  char name[KH_ENTRY_NAME_BYTES];

  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir(state, 0700) ||
      mount("none", state, "tmpfs", 0, "size=65536,mode=0700")) {
    kh_test_skip("inbox: a read-only disk", "a tmpfs cannot be mounted here");
    return;
  }
  if (kh_inbox_open(&inbox, state, 1000, 100000, &diag) || keep(name))
    fail_child("open", diag.err);
  kh_inbox_close(&inbox);
  if (mount("none", state, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=65536,mode=0700"))
    fail_child("remount", KH_OK);
  if (kh_inbox_open(&inbox, state, 1000, 100000, &diag))
    fail_child("open read-only", diag.err);
  enum kh_err err = keep(name);
  if (err != KH_ERR_INBOX_IO || count("new") != 1 || count("tmp") != 0)
    fail_child("keep read-only", err);
  kh_inbox_close(&inbox);
}

START_TEST(a_read_only_disk_is_an_error)
{
  in_a_child(keep_on_a_read_only_disk);
}
END_TEST

/* Root passes every mode, so this is done as somebody else. */
static void keep_in_a_read_only_folder(void)
{
  char path[1024];

  if (geteuid() == 0 && (chown(dir.path, 65534, 65534) || seteuid(65534)))
    _exit(2);
  if (kh_inbox_open(&inbox, state, MAX_ENTRIES, MAX_BYTES, &diag))
    fail_child("open", diag.err);
  (void)snprintf(path, sizeof path, "%s/inbox/tmp", state);
  char name[KH_ENTRY_NAME_BYTES];
  if (chmod(path, 0500))
    _exit(3);
  enum kh_err err = keep(name);
  if (err != KH_ERR_INBOX_IO || count("new") != 0 || count("tmp") != 0)
    fail_child("tmp read-only", err);
  if (chmod(path, 0700))
    _exit(3);
  (void)snprintf(path, sizeof path, "%s/inbox/new", state);
  if (chmod(path, 0500))
    _exit(3);
  err = keep(name);
  if (err != KH_ERR_INBOX_IO || count("new") != 0 || count("tmp") != 0)
    fail_child("new read-only", err);
  kh_inbox_close(&inbox);
}

START_TEST(a_read_only_folder_is_an_error)
{
  in_a_child(keep_in_a_read_only_folder);
}
END_TEST

static Suite *inbox_suite(void)
{
  Suite *suite = suite_create("inbox");
  TCase *folders = kh_test_case(suite, "folders");
  TCase *entries = kh_test_case(suite, "entries");
  TCase *disk = kh_test_case(suite, "disk");

  tcase_add_checked_fixture(folders, prepare, close_inbox);
  tcase_add_test(folders, folders_are_made_and_private);
  tcase_add_test(folders, others_may_not_enter);
  tcase_add_test(folders, another_user_is_refused);
  tcase_add_test(folders, a_state_that_is_no_folder_is_refused);

  tcase_add_checked_fixture(entries, open_inbox, close_inbox);
  tcase_add_test(entries, opening_again_finds_what_is_there);
  tcase_add_test(entries, an_entry_is_one_private_file);
  tcase_add_test(entries, a_name_tells_time_process_and_size);
  tcase_add_test(entries, names_differ_though_the_clock_stands);
  tcase_add_test(entries, names_sort_by_arrival);
  tcase_add_test(entries, a_look_counts_and_finds_the_oldest);
  tcase_add_test(entries, receivers_do_not_disturb_each_other);
  tcase_add_test(entries, the_number_of_entries_is_bounded);
  tcase_add_test(entries, the_bytes_are_bounded_exactly);
  tcase_add_test(entries, what_is_set_aside_counts_too);
  tcase_add_test(entries, remove_takes_one_away);
  tcase_add_test(entries, read_refuses_what_is_larger_than_the_buffer);
  tcase_add_test(entries, read_follows_no_link);
  tcase_add_test(entries, set_aside_keeps_the_bytes_and_the_reason);
  tcase_add_test(entries, keep_aside_never_shows_in_new);
  tcase_add_test(entries, sweep_removes_only_what_is_old);
  tcase_add_test(entries, a_cut_write_leaves_nothing);

  tcase_add_checked_fixture(disk, prepare, close_inbox);
  tcase_add_test(disk, a_full_disk_is_no_space);
  tcase_add_test(disk, a_read_only_disk_is_an_error);
  tcase_add_test(disk, a_read_only_folder_is_an_error);
  return suite;
}

int main(void)
{
  return kh_test_main(inbox_suite());
}
