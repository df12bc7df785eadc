#include "base/base.h"

#include "ledger.h"

void kh_ledger_init(struct kh_ledger *ledger, struct kh_store below, struct kh_transport wire)
{
  *ledger = (struct kh_ledger){.below = below, .wire = wire};
}

void kh_ledger_release(struct kh_ledger *ledger)
{
  for (size_t i = 0; i < ledger->count; i++)
    kh_delivery_release(&ledger->lines[i].delivery);
  free(ledger->lines);
  *ledger = (struct kh_ledger){0};
}

static enum kh_err note(struct kh_ledger *ledger, const struct kh_delivery *delivery)
{
  struct kh_ledger_line *line = NULL;

  if (ledger->count == ledger->room) {
    size_t room = ledger->room ? 2 * ledger->room : 8;
    struct kh_ledger_line *lines = realloc(ledger->lines, room * sizeof *lines);

    if (!lines)
      return KH_ERR_NO_MEMORY;
    ledger->lines = lines;
    ledger->room = room;
  }
  line = &ledger->lines[ledger->count++];
  *line = (struct kh_ledger_line){.delivery = *delivery};
  snprintf(line->content_type, sizeof line->content_type, "%.*s", KH_FMT(delivery->content_type));
  kh_buf_init(&line->delivery.body, KH_DELIVERY_MAX_BYTES);
  return kh_buf_add(&line->delivery.body, kh_buf_view(&delivery->body));
}

static enum kh_err take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                        struct kh_delivery *delivery)
{
  struct kh_ledger *ledger = self;
  enum kh_err err = ledger->below.ops->take(ledger->below.self, now_us, under_way, delivery);

  if (err)
    return err;
  err = note(ledger, delivery);
  if (err)
    kh_delivery_release(delivery);
  return err;
}

static void seal(struct kh_ledger *ledger, const char *id, enum kh_fate fate, const char *reason)
{
  for (size_t i = 0; i < ledger->count; i++) {
    struct kh_ledger_line *line = &ledger->lines[i];

    if (strcmp(line->delivery.id, id) == 0) {
      line->fate = fate;
      snprintf(line->reason, sizeof line->reason, "%s", reason ? reason : "");
    }
  }
}

static enum kh_err done(void *self, const char *id, int64_t now_us, int64_t hold_until_us)
{
  struct kh_ledger *ledger = self;

  seal(ledger, id, KH_FATE_DELIVERED, NULL);
  return ledger->below.ops->done(ledger->below.self, id, now_us, hold_until_us);
}

static enum kh_err retry_at(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                            const struct kh_failure *why)
{
  struct kh_ledger *ledger = self;

  seal(ledger, id, KH_FATE_RETRY, why->reason);
  return ledger->below.ops->retry_at(ledger->below.self, id, attempt, not_before_us, why);
}

static enum kh_err bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                        const struct kh_failure *why)
{
  struct kh_ledger *ledger = self;

  seal(ledger, id, KH_FATE_DEAD, why->reason);
  return ledger->below.ops->bury(ledger->below.self, id, attempt, now_us, why);
}

static const char *problem(void *self)
{
  struct kh_ledger *ledger = self;

  return kh_store_problem(&ledger->below);
}

static const struct kh_store_ops ledger_ops = {
    .take = take,
    .done = done,
    .retry_at = retry_at,
    .bury = bury,
    .problem = problem,
};

struct kh_store kh_ledger_store(struct kh_ledger *ledger)
{
  return (struct kh_store){&ledger_ops, ledger};
}

static enum kh_err send_on(void *self, const struct kh_outgoing *request, struct kh_incoming *answer)
{
  struct kh_ledger *ledger = self;
  struct kh_ledger_line *line = ledger->count > 0 ? &ledger->lines[ledger->count - 1] : NULL;
  enum kh_err err = ledger->wire.send(ledger->wire.self, request, answer);

  if (line)
    line->status = answer->status;
  return err;
}

struct kh_transport kh_ledger_transport(struct kh_ledger *ledger)
{
  return (struct kh_transport){.send = send_on, .self = ledger};
}

enum kh_err kh_ledger_drain(struct kh_ledger *ledger, int64_t now_us)
{
  for (;;) {
    struct kh_delivery delivery = {0};
    enum kh_err err = take(ledger, now_us, NULL, &delivery);

    if (err == KH_ERR_NOT_FOUND)
      return KH_OK;
    if (!err)
      err = ledger->below.ops->done(ledger->below.self, delivery.id, now_us, 0);
    kh_delivery_release(&delivery);
    if (err)
      return err;
  }
}
