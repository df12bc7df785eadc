#include "base/base.h"

#include "worker/parts.h"

enum {
  FRUITLESS_MS = 1000,
  WARN_PERCENT = 80,
};
static const int64_t sweep_every_us = 3600 * INT64_C(1000000);
static const int64_t warn_every_us = 3600 * INT64_C(1000000);
static const int64_t tell_every_us = 60 * INT64_C(1000000);
static const int64_t never_us = -1;

static int64_t since_ms(int64_t then_us)
{
  return (kh_worker_ticks_us() - then_us) / 1000;
}

static bool is_out_of_budget(const struct kh_worker *worker)
{
  return worker->call->budget_ms >= 0 && since_ms(worker->started_us) >= worker->call->budget_ms;
}

/* ---- working ------------------------------------------------------------------------------- */

static enum kh_err store_trouble(struct kh_worker *worker, enum kh_err err, struct kh_diag *diag)
{
  return kh_diag_set(diag, err, "%s", kh_batch_problem(&worker->store.batch));
}

static enum kh_err tell_config(struct kh_worker *worker, struct kh_diag *diag)
{
  unsigned char digest[KH_DIGEST_BYTES];

  if (worker->store_knows)
    return KH_OK;
  kh_config_digest(worker->config, digest);
  enum kh_err err = kh_queue_know_config(&worker->store.queue, digest, kh_worker_now_us(worker));
  if (err)
    return store_trouble(worker, err, diag);
  worker->store_knows = true;
  return KH_OK;
}

/* No more deliveries than webhooks: the inbox wants a look in between. *MORE: something moved. */
static enum kh_err deliver(struct kh_worker *worker, bool *more, struct kh_diag *diag)
{
  const size_t most = worker->deliver_max;
  size_t made = 0;

  enum kh_err err = kh_outbox_run(&worker->outbox, most, &made);

  *more = *more || made > 0;
  if (err == KH_ERR_NO_SPACE)
    worker->deliver_max = most > 1 ? most / 2 : 1;
  else if (!err && worker->deliver_max < KH_WORK_BATCH)
    worker->deliver_max *= 2;
  if (err == KH_ERR_STORE || err == KH_ERR_NO_SPACE)
    return store_trouble(worker, err, diag);
  return err ? kh_diag_set(diag, err, "a delivery could not be tried") : KH_OK;
}

/* When the next delivery can be started, on the wall clock; never_us when there is none. */
static enum kh_err next_due(struct kh_worker *worker, int64_t *due_us, struct kh_diag *diag)
{
  enum kh_err err = kh_outbox_next_due(&worker->outbox, due_us);

  if (err == KH_ERR_NOT_FOUND) {
    *due_us = never_us;
    return KH_OK;
  }
  return err ? store_trouble(worker, err, diag) : KH_OK;
}

/*
 * On a full disk, when the store has given up its spare: taking may need more room than it makes, so it waits
 * until nothing is owed. What is left is for recording what becomes of that; else it would be sent again and
 * again.
 */
static enum kh_err make_do(struct kh_worker *worker, bool *more, struct kh_diag *diag)
{
  int64_t due_us = never_us;

  (void)!kh_store_tidy(&worker->store);
  if (kh_store_has_spare(&worker->store))
    return KH_OK;
  enum kh_err err = deliver(worker, more, diag);
  if (err || *more || worker->outbox.under_way_count > 0)
    return err;
  err = next_due(worker, &due_us, diag);
  if (!err && due_us != never_us)
    err = kh_diag_set(diag, KH_ERR_NO_SPACE, "the disk is full, and notifications are owed: make room");
  return err;
}

static bool is_time(int64_t *last_us, int64_t every_us)
{
  const int64_t now_us = kh_worker_ticks_us();

  if (*last_us != 0 && now_us - *last_us < every_us)
    return false;
  *last_us = now_us;
  return true;
}

/* Says that the outbox fills, and what died because it did. */
static void tell_use(struct kh_worker *worker, const struct kh_queue_use *use)
{
  struct kh_diag detail = {0};

  if (use->died < worker->died_told)
    worker->died_told = 0; /* the store was opened anew */
  if (use->died > worker->died_told && is_time(&worker->died_told_us, tell_every_us)) {
    (void)kh_diag_set(&detail, KH_ERR_OUTBOX_FULL,
                      "%" PRIu64 " notifications died, the last to %s; type: kitehook outbox list",
                      use->died - worker->died_told, use->died_last);
    kh_worker_say(worker, KH_ERROR, "outbox fills", KH_ERR_OUTBOX_FULL, &detail);
    worker->died_told = use->died;
  }
  detail = (struct kh_diag){0};
  if (use->percent >= WARN_PERCENT && is_time(&worker->warned_us, warn_every_us)) {
    (void)snprintf(detail.text, sizeof detail.text, "%u %%, and most of it waits for %s", use->percent,
                   use->credential);
    kh_worker_say(worker, KH_WARN, "outbox fills", KH_OK, &detail);
  }
}

/* Webhooks stay in the inbox while there is no room for what they would lead to. */
static enum kh_err take_webhooks(struct kh_worker *worker, size_t *taken, struct kh_diag *diag)
{
  const struct kh_inbox_bounds bounds = worker->inbox.bounds;
  struct kh_queue_use use;
  enum kh_err err = kh_queue_use(&worker->store.queue, &use);

  if (err)
    return store_trouble(worker, err, diag);
  tell_use(worker, &use);
  if (use.is_full || kh_worker_holds_webhooks(worker))
    return KH_OK;
  if (worker->inbox.fd_new < 0)
    err = kh_inbox_open(&worker->inbox, worker->config->state, &bounds, diag);
  return err ? err : kh_work_inbox(&worker->work, taken, diag);
}

/* The inbox comes first: it is bounded, and receivers answer 503 when it is full. *MORE: something moved. */
static enum kh_err take_and_deliver(struct kh_worker *worker, bool *more, struct kh_diag *diag)
{
  size_t taken = 0;
  enum kh_err err = worker->store.ops ? KH_OK : kh_worker_reopen_store(worker, diag);

  if (!err)
    err = tell_config(worker, diag);
  *more = false;
  if (!err && !kh_store_has_spare(&worker->store))
    err = make_do(worker, more, diag);
  if (err || *more)
    return err;
  if (!kh_store_has_spare(&worker->store) && worker->outbox.under_way_count > 0)
    return KH_OK;
  err = take_webhooks(worker, &taken, diag);
  *more = taken > 0;
  /* What is owed already goes out although the inbox is in trouble; a full disk stops both. */
  enum kh_err trouble = deliver(worker, more, err ? NULL : diag);
  return err ? err : trouble;
}

/* Until nothing waits and nothing can be started. */
static enum kh_err pass(struct kh_worker *worker, bool *worked, struct kh_diag *diag)
{
  bool more = true;

  while (more && !kh_worker_must_stop(worker) && !is_out_of_budget(worker)) {
    struct kh_diag why = {0};

    kh_service_expect(&worker->service, 0);
    kh_worker_refresh(worker);
    enum kh_err err = kh_worker_look_around(worker, &why);
    if (!err)
      err = take_and_deliver(worker, &more, &why);
    if (err == KH_ERR_NO_SPACE && kh_store_make_room(&worker->store)) {
      more = true;
      continue;
    }
    if (err)
      return kh_diag_set(diag, err, "%s", why.text);
    if (more)
      kh_service_status(&worker->service, "works");
    *worked = *worked || more;
  }
  return KH_OK;
}

static void tidy(struct kh_worker *worker)
{
  /* Only keeps files small; what fails here shows at the next webhook. */
  (void)!kh_store_tidy(&worker->store);
  if (worker->swept_us == 0 || kh_worker_ticks_us() - worker->swept_us > sweep_every_us) {
    kh_inbox_sweep(&worker->inbox, kh_worker_now_us(worker));
    worker->store_knows = false;
    worker->swept_us = kh_worker_ticks_us();
  }
}

/* ---- leaving ------------------------------------------------------------------------------- */

/* What is due waits for no more than its pace, and not beyond the time that there is. */
static bool is_for_pace(const struct kh_worker *worker, int64_t due_us, int64_t until_due_ms)
{
  const int64_t budget_ms = worker->call->budget_ms;

  return due_us != never_us && due_us <= worker->outbox.paced_until_us &&
         (budget_ms < 0 || since_ms(worker->started_us) + until_due_ms < budget_ms);
}

/* How long it stays from now if nothing comes; below 0 when it is time to leave. */
static int64_t patience_ms(const struct kh_worker *worker, int64_t idle_since_us, int64_t due_us)
{
  const struct kh_config *config = worker->config;
  int64_t linger_s = worker->call->linger_s >= 0 ? worker->call->linger_s : config->worker_linger_s;
  const bool is_sending = worker->outbox.under_way_count > 0;
  int64_t until_due_ms = (due_us - kh_worker_now_us(worker)) / 1000 + 1;
  const bool is_paced = is_for_pace(worker, due_us, until_due_ms);

  if (worker->call->once && ((!is_sending && !is_paced) || is_out_of_budget(worker)))
    return -1;
  if (is_sending && (due_us == never_us || (worker->call->once && !is_paced)))
    return KH_LOOK_ANYWAY_MS;
  if (due_us != never_us)
    return until_due_ms > 0 ? until_due_ms : 0;
  if (worker->call->serve || config->worker_mode == KH_WORKER_SERVICE)
    return KH_LOOK_ANYWAY_MS;
  return linger_s * 1000 - since_ms(idle_since_us) - 1;
}

/* A webhook, or a delivery that is due by then. */
static bool is_anything_there(struct kh_worker *worker, int64_t due_by_us)
{
  char names[1][KH_ENTRY_NAME_BYTES];
  size_t count = 0;
  int64_t due_us = never_us;

  if (kh_inbox_list(&worker->inbox, names, 1, &count) == KH_OK && count > 0)
    return true;
  return worker->store.ops && next_due(worker, &due_us, NULL) == KH_OK && due_us != never_us &&
         due_us <= due_by_us;
}

/*
 * Whoever came while it waited for the last answers was told that a worker is there. Only once: the rest is
 * the next one's.
 */
static bool is_owed_overtime(struct kh_worker *worker)
{
  char names[1][KH_ENTRY_NAME_BYTES];
  size_t count = 0;
  const bool is_first = !worker->did_overtime;

  worker->did_overtime = true;
  return is_first && kh_inbox_list(&worker->inbox, names, 1, &count) == KH_OK && count > 0;
}

/*
 * The order is handler/inbox/wake.h's: a receiver that found the lock taken relies on this second look.
 * False when the lock was taken again, since something had come.
 */
static bool leave(struct kh_worker *worker, struct kh_diag *diag)
{
  const bool is_late = is_out_of_budget(worker);

  kh_worker_lock_leave(&worker->lock);
  if (is_late ? !is_owed_overtime(worker) : !is_anything_there(worker, kh_worker_now_us(worker)))
    return true;
  if (kh_worker_lock_take(&worker->lock, worker->config->state, -1, diag) == KH_OK) {
    worker->started_us = is_late ? kh_worker_ticks_us() : worker->started_us;
    return false;
  }
  if (diag->err == KH_ERR_LOCKED)
    *diag = (struct kh_diag){0};
  return true;
}

/* ---- the loop ------------------------------------------------------------------------------ */

struct watch {
  int64_t idle_since_us; /* ticks */
  int64_t backoff_ms;    /* 0 while all is well */
  bool came_back;        /* the lock was given up, and taken again, since the last pass */
};

static enum kh_err give_up(struct kh_worker *worker, const struct kh_diag *diag, struct kh_diag *problem)
{
  if (!worker->is_evicted)
    kh_worker_say(worker, KH_ERROR, "worker stalled", diag->err, diag);
  return kh_diag_set(problem, diag->err, "%s: %s", kh_err_token(diag->err), diag->text);
}

/* A pass, and then when the next delivery is due. */
static enum kh_err look(struct kh_worker *worker, bool *worked, int64_t *due_us, struct kh_diag *diag)
{
  enum kh_err err = pass(worker, worked, diag);

  if (err || worker->stop)
    return err;
  err = next_due(worker, due_us, diag);
  if (!err && worker->outbox.under_way_count == 0)
    tidy(worker);
  return err;
}

static void tell_rest(struct kh_worker *worker, int64_t due_us)
{
  const char *trouble = kh_settling_is_wrong(&worker->settling)
                            ? "; the configuration is broken, the one before is used"
                            : "";
  char due[KH_TIME_TEXT_BYTES] = "";

  if (due_us == never_us) {
    kh_service_status(&worker->service, "waits for webhooks%s", trouble);
    return;
  }
  kh_time_format(due_us, due);
  kh_service_status(&worker->service, "waits for webhooks; the next delivery is due at %s%s", due, trouble);
}

/* True when it has left for good. */
static bool rest_or_leave(struct kh_worker *worker, struct watch *watch, bool worked, int64_t due_us,
                          struct kh_diag *diag)
{
  int64_t stay_ms = patience_ms(worker, watch->idle_since_us, due_us);
  /* Something is there that cannot be taken: neither spin on it nor leave it for good. */
  bool fruitless = watch->came_back && !worked;

  watch->came_back = false;
  if (fruitless && worker->call->once)
    return true;
  if (fruitless)
    stay_ms = FRUITLESS_MS;
  if (stay_ms < 0 && kh_worker_holds_webhooks(worker))
    stay_ms = KH_LOOK_ANYWAY_MS;
  /* It may have been woken for what lies in another folder by now. */
  if (worker->owes_look && stay_ms > KH_LOOK_AROUND_EVERY_MS)
    stay_ms = KH_LOOK_AROUND_EVERY_MS;
  if (stay_ms >= 0) {
    if (worker->outbox.under_way_count == 0)
      tell_rest(worker, due_us);
    kh_worker_wait(worker, stay_ms, true);
    return false;
  }
  kh_worker_drain(worker);
  watch->came_back = !leave(worker, diag);
  return !watch->came_back;
}

static enum kh_err stay(struct kh_worker *worker, struct kh_diag *problem)
{
  struct watch watch = {.idle_since_us = kh_worker_ticks_us()};

  while (!kh_worker_must_stop(worker)) {
    struct kh_diag diag = {0};
    bool worked = false;
    int64_t due_us = never_us;
    enum kh_err err = look(worker, &worked, &due_us, &diag);

    if (err && (worker->call->once || worker->is_evicted))
      return give_up(worker, &diag, problem);
    if (err) {
      kh_worker_stall(worker, &watch.backoff_ms, &diag);
      if (err == KH_ERR_STORE)
        (void)!kh_worker_reopen_store(worker, NULL);
      continue;
    }
    if (worker->stop)
      break;
    watch.backoff_ms = 0;
    if (worked)
      watch.idle_since_us = kh_worker_ticks_us();
    if (rest_or_leave(worker, &watch, worked, due_us, &diag))
      return diag.err ? give_up(worker, &diag, problem) : KH_OK;
  }
  return KH_OK;
}

enum kh_worker_end kh_worker_work(struct kh_worker *worker, struct kh_diag *problem)
{
  enum kh_err err = stay(worker, problem);

  kh_worker_drain(worker);
  if (err)
    return KH_WORKER_END_NO_STATE;
  return worker->call->once && is_anything_there(worker, INT64_MAX) ? KH_WORKER_END_LEFT_SOME
                                                                    : KH_WORKER_END_DONE;
}
