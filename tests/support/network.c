#include "base/base.h"

#include "support/network.h"
#include "support/suite.h"

static bool is_for(const struct kh_exchange *exchange, const char *url)
{
  return kh_str_equal(kh_secret_reveal(&exchange->request.url), kh_str_of(url));
}

static void take_out(struct kh_fake_network *network, size_t at)
{
  network->count--;
  for (; at < network->count; at++)
    network->under_way[at] = network->under_way[at + 1];
}

static void end(struct kh_fake_network *network, size_t at, int status, int64_t retry_after_s)
{
  struct kh_exchange *exchange = network->under_way[at];

  take_out(network, at);
  exchange->answer.status = status;
  exchange->answer.retry_after_s = retry_after_s;
  exchange->result = status ? KH_OK : KH_ERR_DELIVERY_FAILED;
  if (status >= 200 && status <= 299)
    ck_assert_int_eq(kh_buf_add(&exchange->answer.body, KH_STR("ok")), KH_OK);
  network->ended[network->ended_count++] = exchange;
}

void kh_fake_network_answer(struct kh_fake_network *network, const char *url, int status,
                            int64_t retry_after_s)
{
  for (size_t i = 0; i < network->count; i++)
    if (is_for(network->under_way[i], url)) {
      end(network, i, status, retry_after_s);
      return;
    }
  ck_abort_msg("nothing is under way for %s", url);
}

size_t kh_fake_network_count(const struct kh_fake_network *network, const char *url)
{
  size_t count = 0;

  for (size_t i = 0; i < network->count; i++)
    count += is_for(network->under_way[i], url);
  return count;
}

static enum kh_err fake_begin(void *self, struct kh_exchange *exchange)
{
  struct kh_fake_network *network = self;

  network->begun++;
  if (network->refuses) {
    (void)snprintf(exchange->answer.problem, sizeof exchange->answer.problem, "refused at once");
    return KH_ERR_DELIVERY_FAILED;
  }
  ck_assert_uint_lt(network->count, KH_COUNT(network->under_way));
  network->under_way[network->count++] = exchange;
  return KH_OK;
}

static void fake_wait(void *self, const int *fds, size_t count, int timeout_ms)
{
  struct kh_fake_network *network = self;

  (void)fds;
  (void)count;
  (void)timeout_ms;
  network->waits++;
  while (network->answers_all && network->count > 0)
    end(network, 0, network->answers_all, -1);
}

static struct kh_exchange *fake_ended(void *self)
{
  struct kh_fake_network *network = self;
  struct kh_exchange *first = network->ended_count > 0 ? network->ended[0] : NULL;

  if (!first)
    return NULL;
  network->ended_count--;
  for (size_t i = 0; i < network->ended_count; i++)
    network->ended[i] = network->ended[i + 1];
  return first;
}

static void fake_cancel(void *self, struct kh_exchange *exchange)
{
  struct kh_fake_network *network = self;

  for (size_t i = 0; i < network->count; i++)
    if (network->under_way[i] == exchange) {
      take_out(network, i);
      network->cancelled++;
      return;
    }
  ck_abort_msg("what is cancelled must be under way");
}

struct kh_transport kh_fake_network_transport(struct kh_fake_network *network)
{
  return (struct kh_transport){
      .self = network, .begin = fake_begin, .wait = fake_wait, .ended = fake_ended, .cancel = fake_cancel};
}

/* ---- one that answers at once ---- */

static enum kh_err begin_at_once(void *self, struct kh_exchange *exchange)
{
  struct kh_fake_sender *sender = self;

  ck_assert_uint_lt(sender->count, KH_COUNT(sender->ended));
  exchange->result = sender->send(sender->self, &exchange->request, &exchange->answer);
  sender->ended[sender->count++] = exchange;
  return KH_OK;
}

static void do_not_wait(void *self, const int *fds, size_t count, int timeout_ms)
{
  const struct kh_fake_sender *sender = self;

  (void)fds;
  (void)count;
  (void)timeout_ms;
  ck_assert_uint_gt(sender->count, 0);
}

static struct kh_exchange *take_ended(void *self)
{
  struct kh_fake_sender *sender = self;
  struct kh_exchange *first = sender->count > 0 ? sender->ended[0] : NULL;

  if (!first)
    return NULL;
  sender->count--;
  memmove(sender->ended, sender->ended + 1, sender->count * sizeof sender->ended[0]);
  return first;
}

struct kh_transport kh_fake_sender_transport(struct kh_fake_sender *sender)
{
  return (struct kh_transport){
      .self = sender, .begin = begin_at_once, .wait = do_not_wait, .ended = take_ended};
}
