#include "base/base.h"

#include "notify/notifiers.h"
#include "support/outbox_stage.h"
#include "support/suite.h"

#define ANSWER "planted-answer, which may echo what was sent"

struct kh_stage kh_stage;

static void leave_trace(char what)
{
  size_t len = strlen(kh_stage.trace);

  ck_assert_uint_lt(len + 1, sizeof kh_stage.trace);
  kh_stage.trace[len] = what;
}

static enum kh_err fake_send(void *self, const struct kh_outgoing *request, struct kh_incoming *answer)
{
  struct kh_str url = kh_secret_reveal(&request->url);

  ck_assert_ptr_eq(self, &kh_stage);
  ck_assert_int_eq(request->timeout_ms, 10000);
  leave_trace('s');
  (void)snprintf(kh_stage.sent_url, sizeof kh_stage.sent_url, "%.*s", KH_FMT(url));
  (void)snprintf(kh_stage.sent_body, sizeof kh_stage.sent_body, "%.*s", KH_FMT(request->body));
  (void)snprintf(kh_stage.sent_type, sizeof kh_stage.sent_type, "%.*s", KH_FMT(request->content_type));
  kh_fake_clock_advance(&kh_stage.clock, KH_STAGE_SEND_US); /* how long it took */
  (void)snprintf(answer->problem, sizeof answer->problem, "%s",
                 kh_stage.answer.problem ? kh_stage.answer.problem : "");
  answer->status = kh_stage.answer.status;
  answer->retry_after_s = kh_stage.answer.retry_after_s;
  (void)kh_buf_add(&answer->body, KH_STR(ANSWER));
  return answer->status ? KH_OK : KH_ERR_DELIVERY_FAILED;
}

static enum kh_err traced_begin(void *self)
{
  leave_trace('b');
  (void)self;
  return kh_batch_begin(&kh_stage.test.store.batch);
}

static enum kh_err traced_end(void *self)
{
  leave_trace('e');
  (void)self;
  if (!kh_stage.end_fails)
    return kh_batch_end(&kh_stage.test.store.batch);
  kh_batch_drop(&kh_stage.test.store.batch);
  return KH_ERR_STORE;
}

static enum kh_err traced_done(void *self, const char *id, unsigned failures, int64_t now_us,
                               int64_t rest_until_us)
{
  leave_trace('d');
  (void)self;
  return kh_stage.done_fails ? KH_ERR_STORE
                             : kh_queue_done(&kh_stage.test.store.queue, id, failures, now_us, rest_until_us);
}

static const struct kh_notifier http_notifier = {.name = "slack", .content_type = "application/of-notifier"};

void kh_stage_open(void)
{
  memset(&kh_stage, 0, sizeof kh_stage);
  kh_stage.sender = (struct kh_fake_sender){.send = fake_send, .self = &kh_stage};
  kh_test_store_open(&kh_stage.test, KH_TEST_SQLITE);
  kh_stage.batch = *kh_stage.test.store.batch.ops;
  kh_stage.batch.begin = traced_begin;
  kh_stage.batch.end = traced_end;
  kh_stage.queue = *kh_stage.test.store.queue.ops;
  kh_stage.queue.done = traced_done;
  kh_fake_clock_init(&kh_stage.clock, KH_STAGE_NOW_S);
  kh_recorder_init(&kh_stage.lines);
  kh_stage.rule[0] = (struct kh_rule){
      .name = "to-slack", .notifier = &http_notifier, .credential = KH_STAGE_HOOK};
  kh_stage.rule[1] = (struct kh_rule){.name = "to-log", .notifier = &kh_notifier_log, .credential = "log"};
  ck_assert_int_eq(kh_secret_set(&kh_stage.rule[0].url, KH_STR(KH_STAGE_URL)), KH_OK);
  kh_stage.rules = (struct kh_rules){kh_stage.rule, 2};
  kh_stage.outbox = (struct kh_outbox){.rules = &kh_stage.rules,
                                       .transport = kh_fake_sender_transport(&kh_stage.sender),
                                       .log = kh_recorder_log(&kh_stage.lines, &kh_stage.clock.clock),
                                       .clock = &kh_stage.clock.clock};
  kh_stage.answer = (struct kh_stage_answer){200, -1, NULL};
  kh_stage_wire();
}

void kh_stage_wire(void)
{
  kh_stage.outbox.queue = (struct kh_queue){&kh_stage.queue, kh_stage.test.store.self};
  kh_stage.outbox.batch = (struct kh_batch){&kh_stage.batch, kh_stage.test.store.self};
}

void kh_stage_close(void)
{
  kh_outbox_cancel(&kh_stage.outbox);
  kh_secret_release(&kh_stage.rule[0].url);
  kh_recorder_release(&kh_stage.lines);
  kh_test_store_close(&kh_stage.test);
}

/* ATTEMPT were made before; it is due now and expires in EXPIRES_S. */
void kh_stage_owe(const char *id, const char *destination, const char *body, unsigned attempt,
                  int64_t expires_s)
{
  const int64_t now_us = kh_clock_now_us(&kh_stage.clock.clock);
  struct kh_claim claim = kh_test_claim(id, id, "", now_us);
  struct kh_delivery delivery = kh_test_delivery(id, kh_str_of(body), now_us);

  (void)snprintf(delivery.rule, sizeof delivery.rule, "rule-%.4s", id);
  (void)snprintf(delivery.credential, sizeof delivery.credential, "%s", destination);
  (void)snprintf(delivery.notifier, sizeof delivery.notifier, "%s",
                 strcmp(destination, "log") ? "slack" : "log");
  (void)snprintf(delivery.entry, sizeof delivery.entry, "entry-%.4s", id);
  delivery.attempt = attempt;
  delivery.expires_us = now_us + expires_s * KH_TEST_SECOND_US;
  kh_test_batch(&kh_stage.test.store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
}

int64_t kh_stage_count_owed(void)
{
  return kh_test_sql_number(&kh_stage.test.dir, "SELECT count(*) FROM deliveries WHERE dead_us IS NULL");
}

int64_t kh_stage_count_dead(const char *reason)
{
  char sql[256];

  (void)snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM deliveries WHERE dead_us IS NOT NULL AND reason = '%s'", reason);
  return kh_test_sql_number(&kh_stage.test.dir, sql);
}
