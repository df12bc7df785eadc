/*
 * The worker on a full disk: a store over memory stands for one whose transactions hold no more than FITS
 * webhooks.
 */
#include "base/base.h"

#include "support/clock.h"
#include "support/inbox_case.h"
#include "support/recorder.h"
#include "support/suite.h"
#include "work.h"

enum { WAITING = KH_WORK_BATCH + 22, NOW_S = 1700000000, BATCHES_MAX = 400 };

static struct kh_inbox_case it;
static struct kh_work work;
static struct kh_fake_clock fake;
static struct kh_recorder recorder;
static struct kh_store real;
static const struct kh_rules no_rules;

static struct {
  size_t fits;                /* commits in one transaction */
  bool has_spare, gets_spare; /* now; after the next tidy */
  size_t sizes[BATCHES_MAX];  /* of the transactions, in order, failed ones up to where they failed */
  size_t batches, tidies;
} disk;

static enum kh_err batch_begin(void *self)
{
  ck_assert_uint_lt(disk.batches, BATCHES_MAX);
  disk.sizes[disk.batches++] = 0;
  return real.batch.ops->begin(self);
}

static enum kh_err commit(void *self, const struct kh_claim *claim, const struct kh_journal *journal)
{
  if (disk.sizes[disk.batches - 1] == disk.fits)
    return KH_ERR_NO_SPACE;
  disk.sizes[disk.batches - 1]++;
  return real.memory.ops->commit(self, claim, journal);
}

static enum kh_err tidy(void *self)
{
  (void)self;
  disk.tidies++;
  disk.has_spare = disk.gets_spare;
  return KH_OK;
}

static bool has_spare(void *self)
{
  (void)self;
  return disk.has_spare;
}

static struct kh_store_ops store_ops;
static struct kh_batch_ops batch_ops;
static struct kh_memory_ops memory_ops;

static void open_case(void)
{
  struct kh_store store;
  char name[KH_ENTRY_NAME_BYTES];

  memset(&disk, 0, sizeof disk);
  disk.fits = SIZE_MAX;
  disk.has_spare = disk.gets_spare = true;
  kh_inbox_case_open(&it);
  it.inbox.bounds.max_entries = WAITING;
  for (int i = 0; i < WAITING; i++)
    ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_store_open_process(&store), KH_OK);
  real = store;
  batch_ops = *store.batch.ops;
  batch_ops.begin = batch_begin;
  memory_ops = *store.memory.ops;
  memory_ops.commit = commit;
  store_ops = *store.ops;
  store_ops.tidy = tidy;
  store_ops.has_spare = has_spare;
  store.batch.ops = &batch_ops;
  store.memory.ops = &memory_ops;
  store.ops = &store_ops;
  kh_fake_clock_init(&fake, NOW_S);
  kh_recorder_init(&recorder);
  kh_work_init(&work, it.config, &no_rules, &it.inbox, store, &fake.clock,
               kh_recorder_log(&recorder, &fake.clock));
}

static void close_case(void)
{
  kh_store_close(&work.store);
  kh_work_release(&work);
  kh_recorder_release(&recorder);
  kh_inbox_case_close(&it);
}

static enum kh_err take(size_t *taken)
{
  struct kh_diag diag = {0};
  enum kh_err err = kh_work_inbox(&work, taken, &diag);

  ck_assert_int_eq(diag.err, err);
  return err;
}

START_TEST(with_room_a_transaction_takes_many)
{
  size_t taken = 0;

  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_uint_eq(taken, KH_WORK_BATCH);
  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_uint_eq(taken, WAITING - KH_WORK_BATCH);
  ck_assert_uint_eq(disk.batches, 2);
  ck_assert_uint_eq(disk.tidies, 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
}
END_TEST

START_TEST(it_is_halved_until_it_fits_with_a_checkpoint_between)
{
  size_t taken = 0;

  disk.fits = 20;
  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_uint_eq(taken, 16);
  ck_assert_uint_eq(disk.batches, 5); /* of 256, 128, 64, 32, 16 */
  for (size_t i = 0; i < 4; i++)
    ck_assert_uint_eq(disk.sizes[i], 20);
  ck_assert_uint_eq(disk.sizes[4], 16);
  ck_assert_uint_eq(disk.tidies, 5);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), WAITING - 16);
  ck_assert_uint_eq(recorder.count, 16); /* nothing is told of what was rolled back */
}
END_TEST

START_TEST(it_is_halved_down_to_one)
{
  size_t taken = 0;

  disk.fits = 1;
  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_uint_eq(taken, 1);
  ck_assert_uint_eq(disk.batches, 9);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), WAITING - 1);
}
END_TEST

START_TEST(what_does_not_fit_alone_stays)
{
  size_t taken = 0;

  disk.fits = 0;
  ck_assert_int_eq(take(&taken), KH_ERR_NO_SPACE);
  ck_assert_uint_eq(disk.batches, 9);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), WAITING);
  ck_assert_int_eq(take(&taken), KH_ERR_NO_SPACE);
  ck_assert_uint_eq(disk.batches, 10); /* it begins where it ended */
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 0);
  disk.fits = SIZE_MAX;
  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_uint_eq(taken, KH_WORK_BATCH);
}
END_TEST

START_TEST(without_the_spare_it_is_one_at_a_time)
{
  size_t taken = 0;

  disk.has_spare = disk.gets_spare = false;
  for (int i = 1; i <= 3; i++) {
    ck_assert_int_eq(take(&taken), KH_OK);
    ck_assert_uint_eq(taken, 1);
    ck_assert_uint_eq(disk.tidies, (size_t)i);
  }
  disk.gets_spare = true;
  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_uint_eq(taken, 1);
  ck_assert_int_eq(take(&taken), KH_OK);
  ck_assert_uint_eq(taken, KH_WORK_BATCH);
}
END_TEST

static Suite *work_room_suite(void)
{
  Suite *suite = suite_create("work room");
  TCase *room = kh_test_case(suite, "room");

  tcase_add_checked_fixture(room, open_case, close_case);
  tcase_add_test(room, with_room_a_transaction_takes_many);
  tcase_add_test(room, it_is_halved_until_it_fits_with_a_checkpoint_between);
  tcase_add_test(room, it_is_halved_down_to_one);
  tcase_add_test(room, what_does_not_fit_alone_stays);
  tcase_add_test(room, without_the_spare_it_is_one_at_a_time);
  return suite;
}

int main(void)
{
  return kh_test_main(work_room_suite());
}
