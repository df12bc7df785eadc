#include "base/base.h"

#include "support/stores.h"
#include "support/suite.h"

#define SECONDS(count) ((int64_t)(count)*KH_TEST_SECOND_US)
#define DAY_US SECONDS(86400)

/* ---- what memory says of a webhook: each story states the times and the answers by hand ---- */

struct webhook {
  const char *entry; /* NULL ends a story */
  const char *body;
  const char *signature;
  enum { DATED, TIMELESS, PING } kind;
  int64_t at_us; /* after the first */
  enum kh_seen seen;
};

static const int64_t windows_s[] = {
    [DATED] = KH_BODY_WINDOW_S, [TIMELESS] = KH_TIMELESS_WINDOW_S, [PING] = 0};

struct story {
  const char *name;
  struct webhook webhooks[4];
};

static const struct story stories[] = {
    {"two that have nothing in common",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b2", "s2", DATED, 0, KH_SEEN_NEVER}}},
    {"the same entry is done, whatever else is known of it",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e1", "b1", "s1", DATED, 0, KH_SEEN_DONE}}},
    {"an entry stays done beyond both windows",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e1", "b9", "s9", DATED, 20 * DAY_US, KH_SEEN_DONE}}},
    {"a replay, which comes before a repeat",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b1", "s1", DATED, 1, KH_SEEN_REPLAY}}},
    {"a replay at the last moment of twice the freshness",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b2", "s1", DATED, SECONDS(600), KH_SEEN_REPLAY}}},
    {"no replay one microsecond later",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER},
      {"e2", "b2", "s1", DATED, SECONDS(600) + 1, KH_SEEN_NEVER}}},
    {"but still a repeat then, when the body is the same",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER},
      {"e2", "b1", "s1", DATED, SECONDS(600) + 1, KH_SEEN_REPEAT}}},
    {"a repeat under a new signature",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b1", "s2", DATED, 1, KH_SEEN_REPEAT}}},
    {"a repeat at the last moment of a day",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b1", "s2", DATED, DAY_US, KH_SEEN_REPEAT}}},
    {"no repeat one microsecond later",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b1", "s2", DATED, DAY_US + 1, KH_SEEN_NEVER}}},
    {"a repeat does not prolong the day",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER},
      {"e2", "b1", "s2", DATED, DAY_US - 1, KH_SEEN_REPEAT},
      {"e3", "b1", "s3", DATED, DAY_US + 1, KH_SEEN_NEVER}}},
    {"the signature of a repeat is remembered too",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER},
      {"e2", "b1", "s2", DATED, 1, KH_SEEN_REPEAT},
      {"e3", "b1", "s2", DATED, 2, KH_SEEN_REPLAY}}},
    {"without a time it is a repeat for ten minutes",
     {{"e1", "b1", "s1", TIMELESS, 0, KH_SEEN_NEVER},
      {"e2", "b1", "s2", TIMELESS, SECONDS(600), KH_SEEN_REPEAT},
      {"e3", "b1", "s3", TIMELESS, SECONDS(600) + 1, KH_SEEN_NEVER},
      {"e4", "b1", "s4", TIMELESS, SECONDS(1200) + 1, KH_SEEN_REPEAT}}},
    {"a day that ran out begins anew",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER},
      {"e2", "b1", "s2", DATED, DAY_US + 1, KH_SEEN_NEVER},
      {"e3", "b1", "s3", DATED, 2 * DAY_US + 1, KH_SEEN_REPEAT}}},
    {"a replay does not prolong its window",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER},
      {"e2", "b2", "s1", DATED, SECONDS(599), KH_SEEN_REPLAY},
      {"e3", "b3", "s1", DATED, SECONDS(601), KH_SEEN_NEVER}}},
    {"pings are never repeats",
     {{"e1", "b1", "s1", PING, 0, KH_SEEN_NEVER}, {"e2", "b1", "s2", PING, 1, KH_SEEN_NEVER}}},
    {"nor does a ping make one of others",
     {{"e1", "b1", "s1", PING, 0, KH_SEEN_NEVER}, {"e2", "b1", "s2", DATED, 1, KH_SEEN_NEVER}}},
    {"nor do others make one of a ping",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b1", "s2", PING, 1, KH_SEEN_NEVER}}},
    {"but a ping can be replayed",
     {{"e1", "b1", "s1", PING, 0, KH_SEEN_NEVER}, {"e2", "b1", "s1", PING, 1, KH_SEEN_REPLAY}}},
    {"without signatures nothing is a replay",
     {{"e1", "b1", "", DATED, 0, KH_SEEN_NEVER}, {"e2", "b2", "", DATED, 1, KH_SEEN_NEVER}}},
    {"but a repeat all the same",
     {{"e1", "b1", "", DATED, 0, KH_SEEN_NEVER}, {"e2", "b1", "", DATED, 1, KH_SEEN_REPEAT}}},
    {"received earlier, understood later: a replay",
     {{"e1", "b1", "s1", DATED, 0, KH_SEEN_NEVER}, {"e2", "b2", "s1", DATED, -SECONDS(600), KH_SEEN_REPLAY}}},
    {"a clock that was a year ahead does not make repeats for a year",
     {{"e1", "b1", "s1", DATED, 365 * DAY_US, KH_SEEN_NEVER},
      {"e2", "b1", "s1", DATED, 0, KH_SEEN_NEVER},
      {"e3", "b1", "s1", DATED, 1, KH_SEEN_REPLAY},
      {"e4", "b1", "s4", DATED, 2, KH_SEEN_REPEAT}}},
};

enum manner { EACH_A_BATCH, ALL_ONE_BATCH, FILE_REOPENED, MANNERS };

static void tell(struct kh_test_store *test, const struct story *story, enum manner manner)
{
  const struct kh_store *store = &test->store;

  for (size_t i = 0; i < KH_COUNT(story->webhooks) && story->webhooks[i].entry; i++) {
    const struct webhook *webhook = &story->webhooks[i];
    struct kh_claim claim = kh_test_claim(webhook->entry, webhook->body, webhook->signature,
                                          KH_TEST_T0_US + webhook->at_us);

    claim.body_window_s = windows_s[webhook->kind];
    if (manner != ALL_ONE_BATCH || i == 0)
      ck_assert_int_eq(kh_batch_begin(&store->batch), KH_OK);
    enum kh_seen seen = kh_test_seen(store, &claim);
    ck_assert_msg(seen == webhook->seen, "%s: webhook %zu: got %d, want %d", story->name, i + 1, (int)seen,
                  (int)webhook->seen);
    if (seen != KH_SEEN_DONE)
      kh_test_commit(store, &claim, NULL, 0);
    if (manner != ALL_ONE_BATCH)
      ck_assert_int_eq(kh_batch_end(&store->batch), KH_OK);
    if (manner == FILE_REOPENED)
      kh_test_store_reopen(test);
  }
  if (manner == ALL_ONE_BATCH)
    ck_assert_int_eq(kh_batch_end(&store->batch), KH_OK);
}

START_TEST(a_story_is_told_as_expected)
{
  for (int kind = 0; kind < KH_TEST_STORES; kind++)
    for (int manner = 0; manner < MANNERS; manner++) {
      struct kh_test_store test;

      kh_test_store_open(&test, kind);
      tell(&test, &stories[_i], (enum manner)manner);
      kh_test_store_close(&test);
    }
}
END_TEST

static Suite *store_seen_suite(void)
{
  Suite *suite = suite_create("store_seen");

  tcase_add_loop_test(kh_test_case(suite, "stories"), a_story_is_told_as_expected, 0, (int)KH_COUNT(stories));
  return suite;
}

int main(void)
{
  return kh_test_main(store_seen_suite());
}
