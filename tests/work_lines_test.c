/* Each line that a batch has to tell is told, once what it says is true, however many there are. */
#include "base/base.h"

#include "support/clock.h"
#include "support/inbox_case.h"
#include "support/rules.h"
#include "support/suite.h"
#include "work.h"

enum { WAITING = 100, NOW_S = 1700000000 };

static struct kh_inbox_case it;
static struct kh_test_rules made;
static struct kh_work work;
static struct kh_fake_clock fake;
static struct kh_store real;
static struct kh_batch_ops batch_ops;

static struct {
  bool in_batch;
  size_t batches, too_early, handled, failed, bytes;
} told;

static enum kh_err batch_begin(void *self)
{
  told.in_batch = true;
  told.batches++;
  return real.batch.ops->begin(self);
}

static enum kh_err batch_end(void *self)
{
  told.in_batch = false;
  return real.batch.ops->end(self);
}

static void hear(void *self, struct kh_str line)
{
  (void)self;
  ck_assert(kh_str_starts(line, KH_STR("{\"timestamp\"")) && kh_str_ends(line, KH_STR("}\n")));
  told.too_early += told.in_batch;
  told.handled += memmem(line.at, line.len, KH_STR("webhook handled").at, 15) != NULL;
  told.failed += memmem(line.at, line.len, KH_STR("rule failed").at, 11) != NULL;
  told.bytes += line.len;
}

static enum kh_err cannot(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  (void)rule;
  (void)rendering;
  (void)body;
  return KH_ERR_RENDER;
}

static const char *const events[] = {"ping", NULL};
static const struct kh_option no_options[] = {{.name = NULL}};
static const struct kh_notifier notifier = {
    .name = "never", .words = "Fails", .default_events = events, .options = no_options, .render = cannot};
static const struct kh_notifier *const notifiers[] = {&notifier, NULL};

static void open_case(void)
{
  struct kh_buf notify;
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_store store;

  kh_buf_init(&notify, 1024 * 1024);
  for (int i = 0; i < KH_RULES_MAX; i++)
    ck_assert_int_eq(kh_buf_printf(&notify, "  - { never: {}, name: never-%04d }\n", i), KH_OK);
  memset(&told, 0, sizeof told);
  kh_test_rules_open_with(&made, notifiers, kh_buf_text(&notify), NULL);
  kh_buf_release(&notify);
  ck_assert_int_eq(made.err, KH_OK);
  kh_inbox_case_open(&it);
  it.inbox.bounds.max_entries = WAITING;
  for (int i = 0; i < WAITING; i++) {
    char *signature = it.entry.verified.signature; /* else all but the first were replays */

    (void)snprintf(signature, sizeof it.entry.verified.signature, "%064x", (unsigned)i);
    ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  }
  ck_assert_int_eq(kh_store_open_process(&store), KH_OK);
  real = store;
  batch_ops = *store.batch.ops;
  batch_ops.begin = batch_begin;
  batch_ops.end = batch_end;
  store.batch.ops = &batch_ops;
  kh_fake_clock_init(&fake, NOW_S);
  kh_work_init(&work, it.config, &made.rules, &it.inbox, store, &fake.clock,
               (struct kh_log){.write = hear, .clock = &fake.clock});
}

static void close_case(void)
{
  kh_store_close(&work.store);
  kh_work_release(&work);
  kh_inbox_case_close(&it);
  kh_test_rules_close(&made);
}

START_TEST(lines_over_the_bound_end_their_batch)
{
  size_t taken = 0, all = 0;
  struct kh_diag diag = {0};

  do {
    ck_assert_int_eq(kh_work_inbox(&work, &taken, &diag), KH_OK);
    ck_assert_int_eq(kh_inbox_case_count(&it, "new"), WAITING - (int)(all += taken));
  } while (taken > 0);
  ck_assert_uint_eq(told.handled, WAITING);
  ck_assert_uint_eq(told.failed, WAITING * KH_RULES_MAX);
  ck_assert_uint_gt(told.bytes, 16 * 1024 * 1024);
  ck_assert_uint_gt(told.batches, 2);
  ck_assert_uint_eq(told.too_early, 0);
}
END_TEST

static Suite *work_lines_suite(void)
{
  Suite *suite = suite_create("work lines");
  TCase *lines = kh_test_case(suite, "lines");

  tcase_add_checked_fixture(lines, open_case, close_case);
  tcase_add_test(lines, lines_over_the_bound_end_their_batch);
  return suite;
}

int main(void)
{
  return kh_test_main(work_lines_suite());
}
